// The handler's `cache`: get with a shared computation on a miss, set, delete. A failing store is a miss.
(function ({ call, stringify }) {
  const HOUR = 3_600_000;
  const LONGEST = 30 * 24 * HOUR;
  const KEY_BYTES = 256;
  const VALUE_BYTES = 256 * 1024;
  const computing = new Map();

  // Without allocating: UTF-8 bytes of a string.
  function bytes(value) {
    let total = 0;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit < 0x80) total += 1;
      else if (unit < 0x800) total += 2;
      else if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < value.length) { total += 4; i++; }
      else total += 3;
    }
    return total;
  }

  function checkKey(key) {
    if (typeof key !== 'string') throw new TypeError(`cache: the key must be a string, not ${key === null ? 'null' : typeof key}; use for example 'token:eu'`);
    if (key === '') throw new RangeError("cache: the key is empty; use for example 'token:eu'");
    const size = key.length > KEY_BYTES ? key.length : bytes(key);
    if (size > KEY_BYTES) throw new RangeError(`cache: the key has ${size} bytes; use at most ${KEY_BYTES}`);
  }

  function checkTtl(options) {
    const ttl = options?.ttl ?? HOUR;
    if (typeof ttl !== 'number' || Number.isNaN(ttl)) throw new TypeError('cache: ttl must be a number of milliseconds, such as 60_000');
    if (ttl < 1 || ttl > LONGEST) throw new RangeError(`cache: ttl is ${ttl} ms; use 1 to ${LONGEST} (30 days)`);
    return Math.round(ttl);
  }

  function checkOptions(options) {
    if (options !== undefined && (typeof options !== 'object' || options === null)) {
      throw new TypeError('cache: the options must be an object, such as { ttl: 60_000 }');
    }
  }

  function toJson(value) {
    const json = stringify(value);
    if (json === undefined) throw new TypeError(`cache: a ${typeof value} cannot be stored; store JSON`);
    const size = json.length > VALUE_BYTES ? json.length : bytes(json);
    if (size > VALUE_BYTES) throw new RangeError(`cache: the value has ${size} bytes of JSON; store at most ${VALUE_BYTES} (256 KiB)`);
    return json;
  }

  async function store(key, value, ttlMs) {
    toJson(value);
    try { await call('cache.set', { key, value, ttlMs }); } catch { /* a failing store is no failed run */ }
  }

  async function read(key, compute) {
    try {
      const { value } = await call('cache.get', compute ? { key, compute } : { key });
      return value;
    } catch {
      return { hit: false };
    }
  }

  async function compute(key, ttl, getValue) {
    const found = await read(key, getValue !== undefined);
    if (found.hit) return found.value;
    if (getValue === undefined) return null;
    let kept = false;
    try {
      const value = await (typeof getValue === 'function' ? getValue() : getValue);
      if (value === undefined) return null;
      await store(key, value, ttl);
      kept = true;
      return value;
    } finally {
      // Other runs wait for a value that this one will not bring.
      if (found.lead && !kept) call('cache.abandon', { key }).catch(() => {});
    }
  }

  async function get(key, options) {
    checkKey(key);
    checkOptions(options);
    const ttl = checkTtl(options);
    const getValue = options?.getValue;
    // Without getValue it is one read; nothing is worth sharing, and a null must not be handed to those who compute.
    if (getValue === undefined) return compute(key, ttl, undefined);
    const shared = computing.get(key);
    if (shared) return shared;
    const promise = compute(key, ttl, getValue).finally(() => computing.delete(key));
    computing.set(key, promise);
    return promise;
  }

  return {
    get,
    async set(key, value, options) {
      checkKey(key);
      checkOptions(options);
      await store(key, value, checkTtl(options));
    },
    async delete(key) {
      checkKey(key);
      try { await call('cache.delete', { key }); } catch { /* a failing store is no failed run */ }
    },
  };
})

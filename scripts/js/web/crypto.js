// crypto: randomness from the operating system's generator, and `subtle` over the same operations as Node's crypto.
(function ({ native, host, load, require, define }) {
  const cryptoNative = native('crypto');
  const LIMIT = 65536;
  const keys = new WeakMap();
  const MADE = Symbol('made here');

  const node = () => load('node/hashes');
  const keyParts = () => load('node/keys');
  const refuse = (message, name = 'NotSupportedError') => new DOMException(message, name);

  // ---- algorithms

  const NAMES = ['AES-CBC', 'AES-CTR', 'AES-GCM', 'ECDSA', 'Ed25519', 'HKDF', 'HMAC', 'PBKDF2', 'RSA-PSS', 'RSASSA-PKCS1-v1_5', 'SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'];
  function named(algorithm) {
    const given = typeof algorithm === 'string' ? { name: algorithm } : algorithm;
    const name = NAMES.find((known) => known.toLowerCase() === String(given?.name).toLowerCase());
    if (!name) throw refuse(`crypto.subtle: the algorithm ${given?.name} is not supported; there are ${NAMES.join(', ')}`);
    return { ...given, name };
  }
  const hashOf = (algorithm) => named(algorithm.hash).name;
  const digestName = (name) => name.toLowerCase().replace('-', '');
  const bufferOf = (bytes) => (bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer);
  const bytesOf = (data) => node().bytesOf(data);
  const plain = (bytes) => new Uint8Array(bytes);

  // ---- keys

  class CryptoKey {
    constructor(made, type, algorithm, extractable, usages, material) {
      if (made !== MADE) throw new TypeError('Illegal constructor');
      keys.set(this, material);
      for (const [name, value] of Object.entries({ type, algorithm, extractable: Boolean(extractable), usages: [...usages] })) define(this, name, value);
    }
    get [Symbol.toStringTag]() { return 'CryptoKey'; }
  }
  const made = (...args) => new CryptoKey(MADE, ...args);

  function usable(key, usage, algorithm) {
    if (!(key instanceof CryptoKey)) throw new TypeError('crypto.subtle: the key must be a CryptoKey');
    if (algorithm && key.algorithm.name !== algorithm.name) throw refuse(`the key is for ${key.algorithm.name}, not for ${algorithm.name}`, 'InvalidAccessError');
    if (!key.usages.includes(usage)) throw refuse(`the key may not be used to ${usage}`, 'InvalidAccessError');
    return keys.get(key);
  }

  const SECRET = ['AES-CBC', 'AES-CTR', 'AES-GCM', 'HMAC', 'PBKDF2', 'HKDF'];

  function secretKey(algorithm, bytes, extractable, usages) {
    const { name } = algorithm;
    if (name.startsWith('AES-')) {
      if (![16, 24, 32].includes(bytes.length)) throw refuse('an AES key has 128, 192 or 256 bits', 'DataError');
      return made('secret', { name, length: bytes.length * 8 }, extractable, usages, { secret: bytes });
    }
    if (name === 'HMAC') return made('secret', { name, hash: { name: hashOf(algorithm) }, length: bytes.length * 8 }, extractable, usages, { secret: bytes });
    return made('secret', { name }, extractable, usages, { secret: bytes });
  }

  function publicOrPrivate(algorithm, key, extractable, usages) {
    const { name } = algorithm;
    const kind = { ECDSA: 'ec', Ed25519: 'ed25519', 'RSA-PSS': 'rsa', 'RSASSA-PKCS1-v1_5': 'rsa' }[name];
    if (key.kind !== kind) throw refuse(`the key is no ${name} key`, 'DataError');
    const details = {
      ec: () => ({ name, namedCurve: keyParts().CURVES[key.curve].jwk }),
      ed25519: () => ({ name }),
      rsa: () => ({ name, hash: { name: hashOf(algorithm) }, modulusLength: key.n.length * 8, publicExponent: plain(key.e) }),
    }[kind]();
    return made(key.type, details, extractable, usages, key);
  }

  async function importKey(format, data, given, extractable, usages) {
    const algorithm = named(given);
    const { read, fromJwk } = keyParts();
    if (SECRET.includes(algorithm.name)) {
      if (format === 'raw') return secretKey(algorithm, bytesOf(data).slice(), extractable, usages);
      if (format === 'jwk' && data.kty === 'oct') return secretKey(algorithm, plain(Buffer.from(data.k, 'base64url')), extractable, usages);
      throw refuse(`a ${algorithm.name} key is imported as raw or jwk`);
    }
    switch (format) {
      case 'jwk': return publicOrPrivate(algorithm, fromJwk(data), extractable, usages);
      case 'pkcs8': return publicOrPrivate(algorithm, read({ key: bytesOf(data), format: 'der', type: 'pkcs8' }, 'private'), extractable, usages);
      case 'spki': return publicOrPrivate(algorithm, read({ key: bytesOf(data), format: 'der', type: 'spki' }, 'public'), extractable, usages);
      case 'raw': return publicOrPrivate(algorithm, rawPoint(algorithm, bytesOf(data).slice()), extractable, usages);
      default: throw refuse(`the key format ${format} is not supported`);
    }
  }

  function rawPoint(algorithm, point) {
    if (algorithm.name === 'Ed25519') return { type: 'public', kind: 'ed25519', point };
    const curve = Object.entries(keyParts().CURVES).find(([, { jwk }]) => jwk === algorithm.namedCurve)?.[0];
    if (algorithm.name !== 'ECDSA' || !curve) throw refuse('raw keys are those of P-256, P-384 and Ed25519');
    return { type: 'public', kind: 'ec', curve, point };
  }

  async function exportKey(format, key) {
    if (!key.extractable) throw refuse('the key is not extractable', 'InvalidAccessError');
    const material = keys.get(key);
    const { jwk, written } = keyParts();
    const common = { key_ops: key.usages, ext: true };
    if (key.type === 'secret') {
      return format === 'jwk' ? { kty: 'oct', k: Buffer.from(material.secret).toString('base64url'), ...common } : bufferOf(material.secret.slice());
    }
    if (format === 'jwk') return { ...jwk(material), ...common };
    if (format === 'raw') return bufferOf(plain(material.point));
    return bufferOf(plain(written(material, { format: 'der', type: format })));
  }

  async function generateKey(given, extractable, usages) {
    const algorithm = named(given);
    if (algorithm.name.startsWith('AES-')) return secretKey(algorithm, host.randomBytes(algorithm.length / 8), extractable, usages);
    if (algorithm.name === 'HMAC') {
      const bytes = algorithm.length ? algorithm.length / 8 : { 'SHA-384': 128, 'SHA-512': 128 }[hashOf(algorithm)] ?? 64;
      return secretKey(algorithm, host.randomBytes(bytes), extractable, usages);
    }
    if (algorithm.name !== 'Ed25519') throw refuse(`generateKey of ${algorithm.name} is not supported: make the key outside and keep it as a secret`);
    const seed = host.randomBytes(32);
    const point = cryptoNative.edPublic(seed);
    return {
      privateKey: made('private', { name: 'Ed25519' }, extractable, usages.filter((usage) => usage === 'sign'), { type: 'private', kind: 'ed25519', d: seed, point }),
      publicKey: made('public', { name: 'Ed25519' }, true, usages.filter((usage) => usage === 'verify'), { type: 'public', kind: 'ed25519', point }),
    };
  }

  // ---- operations

  const how = (algorithm) => ({ padding: algorithm.name === 'RSA-PSS' ? 6 : 1, dsaEncoding: 'ieee-p1363' });
  const signDigest = (algorithm, key) => (algorithm.name === 'Ed25519' ? undefined : digestName(algorithm.hash ? hashOf(algorithm) : key.algorithm.hash.name));

  async function sign(given, key, data) {
    const algorithm = named(given);
    const material = usable(key, 'sign', algorithm);
    if (algorithm.name === 'HMAC') return bufferOf(node().digest(digestName(key.algorithm.hash.name), bytesOf(data), material.secret));
    return bufferOf(plain(load('node/signatures').signed(signDigest(algorithm, key), bytesOf(data), material, how(algorithm))));
  }

  async function verify(given, key, signature, data) {
    const algorithm = named(given);
    const material = usable(key, 'verify', algorithm);
    if (algorithm.name !== 'HMAC') return load('node/signatures').verified(signDigest(algorithm, key), bytesOf(data), material, bytesOf(signature), how(algorithm));
    const [wanted, found] = [bytesOf(signature), node().digest(digestName(key.algorithm.hash.name), bytesOf(data), material.secret)];
    return wanted.length === found.length && require('crypto').timingSafeEqual(wanted, found);
  }

  function cipherFor(algorithm, secret, Class) {
    const mode = algorithm.name.slice(4).toLowerCase();
    const iv = bytesOf(mode === 'ctr' ? algorithm.counter : algorithm.iv);
    const cipher = new (load('node/ciphers')[Class])(`aes-${secret.length * 8}-${mode}`, secret, iv);
    if (algorithm.additionalData) cipher.setAAD(bytesOf(algorithm.additionalData));
    return cipher;
  }

  async function encrypt(given, key, data) {
    const algorithm = named(given);
    const { secret } = usable(key, 'encrypt', algorithm);
    const cipher = cipherFor(algorithm, secret, 'Cipheriv');
    const parts = [cipher.update(bytesOf(data)), cipher.final()];
    if (algorithm.name === 'AES-GCM') parts.push(cipher.getAuthTag().subarray(0, (algorithm.tagLength ?? 128) / 8));
    return bufferOf(plain(Buffer.concat(parts)));
  }

  async function decrypt(given, key, data) {
    const algorithm = named(given);
    const { secret } = usable(key, 'decrypt', algorithm);
    const cipher = cipherFor(algorithm, secret, 'Decipheriv');
    let bytes = bytesOf(data);
    try {
      if (algorithm.name === 'AES-GCM') {
        const tag = (algorithm.tagLength ?? 128) / 8;
        cipher.setAuthTag(bytes.subarray(bytes.length - tag));
        bytes = bytes.subarray(0, bytes.length - tag);
      }
      return bufferOf(plain(Buffer.concat([cipher.update(bytes), cipher.final()])));
    } catch {
      throw refuse('The operation failed for an operation-specific reason', 'OperationError');
    }
  }

  function derived(algorithm, secret, bits) {
    const crypto = require('crypto');
    const digest = digestName(hashOf(algorithm));
    if (algorithm.name === 'PBKDF2') return plain(crypto.pbkdf2Sync(secret, bytesOf(algorithm.salt), algorithm.iterations, bits / 8, digest));
    if (algorithm.name === 'HKDF') return new Uint8Array(crypto.hkdfSync(digest, secret, bytesOf(algorithm.salt), bytesOf(algorithm.info), bits / 8));
    throw refuse(`deriving by ${algorithm.name} is not supported`);
  }

  const subtle = {
    async digest(algorithm, data) { return bufferOf(node().digest(digestName(named(algorithm).name), bytesOf(data))); },
    importKey, exportKey, generateKey, sign, verify, encrypt, decrypt,
    async deriveBits(given, key, bits) {
      const algorithm = named(given);
      return bufferOf(derived(algorithm, usable(key, 'deriveBits', algorithm).secret, bits));
    },
    async deriveKey(given, key, wanted, extractable, usages) {
      const algorithm = named(given);
      const target = named(wanted);
      const bits = target.length ?? { 'SHA-384': 1024, 'SHA-512': 1024 }[target.hash && hashOf(target)] ?? 512;
      return secretKey(target, derived(algorithm, usable(key, 'deriveKey', algorithm).secret, bits), extractable, usages);
    },
    async wrapKey(format, key, wrapping, algorithm) {
      const exported = await exportKey(format, key);
      return encrypt(algorithm, wrapping, format === 'jwk' ? Buffer.from(JSON.stringify(exported)) : exported);
    },
    async unwrapKey(format, wrapped, wrapping, algorithm, keyAlgorithm, extractable, usages) {
      const data = await decrypt(algorithm, wrapping, wrapped);
      return importKey(format, format === 'jwk' ? JSON.parse(Buffer.from(data).toString()) : data, keyAlgorithm, extractable, usages);
    },
  };

  class SubtleCrypto {
    constructor(secret) { if (secret !== MADE) throw new TypeError('Illegal constructor'); }
    get [Symbol.toStringTag]() { return 'SubtleCrypto'; }
  }
  for (const name in subtle) define(SubtleCrypto.prototype, name, subtle[name]);
  const only = new SubtleCrypto(MADE);

  // ---- randomness

  class Crypto {
    constructor(secret) { if (secret !== MADE) throw new TypeError('Illegal constructor'); }
    get subtle() { return only; }
    getRandomValues(array) {
      if (!ArrayBuffer.isView(array) || array instanceof DataView || array instanceof Float32Array || array instanceof Float64Array) {
        throw new DOMException('getRandomValues: pass a typed array of integers', 'TypeMismatchError');
      }
      if (array.byteLength > LIMIT) {
        throw new DOMException(`getRandomValues: ${array.byteLength} bytes asked for, at most ${LIMIT} at a time`, 'QuotaExceededError');
      }
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(host.randomBytes(array.byteLength));
      return array;
    }
    randomUUID() {
      const bytes = host.randomBytes(16);
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      const hex = bytes.toHex();
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    }
    get [Symbol.toStringTag]() { return 'Crypto'; }
  }

  return { crypto: new Crypto(MADE), Crypto, CryptoKey, SubtleCrypto, keyObject: (key) => keyParts().made({ type: key.type, ...keys.get(key) }) };
})

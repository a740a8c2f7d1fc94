// How a run ends: the handler's result as JSON text, or its error as the fields that the host reports.
(function ({ host, load, text, tagged, tags, stringify }) {
  const MESSAGE_LIMIT = 8192;

  // ---- results

  const step = (path, key, holder) => {
    if (Array.isArray(holder)) return `${path}[${key}]`;
    return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${stringify(key)}]`;
  };

  const refuse = (path, what, fix) => tagged('invalid_response', `${path} is ${what}; ${fix}`, TypeError);

  function check(path, value) {
    switch (typeof value) {
      case 'bigint': throw refuse(path, 'a BigInt', 'return it as a string or a number');
      case 'function': throw refuse(path, 'a function', 'return data only');
      case 'symbol': throw refuse(path, 'a symbol', 'return data only');
    }
  }

  // Walks while it prints: the ancestors' stack finds cycles, and the running size stops a huge result early.
  function result(value, limit) {
    const ancestors = [];
    const paths = [];
    let size = 0;
    const tooLarge = () => tagged('response_too_large', `The result is larger than ${limit} bytes of JSON; return less, or store it and return a reference`, RangeError);
    const replace = function (key, item) {
      while (ancestors.length && ancestors[ancestors.length - 1] !== this) { ancestors.pop(); paths.pop(); }
      const path = ancestors.length ? step(paths[paths.length - 1], key, this) : 'result';
      check(path, item);
      if (typeof item === 'string') size += item.length;
      size += 1;
      if (size > limit) throw tooLarge();
      if (typeof item === 'object' && item !== null) {
        if (ancestors.includes(item)) throw refuse(path, 'part of a cycle', 'return a tree: no object may contain itself');
        ancestors.push(item);
        paths.push(path);
      }
      return item;
    };
    const printed = stringify(value, replace);
    if (printed === undefined) return 'null';
    const json = text(printed);
    if (host.byteLength(json) > limit) throw tooLarge();
    return json;
  }

  // ---- errors

  function read(object, name) {
    try { return object[name]; } catch { return undefined; }
  }

  const cut = (value) => (typeof value === 'string' ? text(value.slice(0, MESSAGE_LIMIT)) : '');

  function looksLikeError(value) {
    if (typeof value !== 'object' || value === null) return false;
    try { return value instanceof Error || typeof value.stack === 'string'; } catch { return false; }
  }

  function describe(thrown) {
    const object = (typeof thrown === 'object' && thrown !== null) || typeof thrown === 'function';
    const pause = object ? read(thrown, 'retryAfter') : undefined;
    const common = {
      permanent: object && read(thrown, 'retryable') === false,
      retryAfter: typeof pause === 'number' && pause >= 0 && pause < 2 ** 53 ? Math.round(pause) : undefined,
      tag: object ? tags.get(thrown) : undefined,
      empty: thrown === null || thrown === undefined,
    };
    if (looksLikeError(thrown)) {
      const name = read(thrown, 'name');
      const message = read(thrown, 'message');
      return stringify({ ...common, name: cut(name) || 'Error', message: cut(message), stack: cut(read(thrown, 'stack')) });
    }
    let message;
    try { message = load('inspect').inspect(thrown); } catch { message = String(typeof thrown); }
    return stringify({ ...common, name: '', message: cut(message), stack: '' });
  }

  return { result, describe };
})

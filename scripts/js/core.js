// The heart of every context: the module table, host calls, the run's outcome, and globals that load on first use.
// Evaluates to a function of the host's native operations; what it returns is what the sandbox drives.
(function (host) {
  const { parse, stringify } = JSON;
  const { defineProperty } = Object;
  const PromiseOf = Promise;
  const loaded = Object.create(null);
  const tags = new WeakMap();
  const pending = new Map();
  const rejected = new Map();
  let outcome;
  // What `js/test.js` makes, in runs of a file of tests.
  let tests;

  const define = (target, name, value) =>
    defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });

  // Text as the host can take it: a lone half of a surrogate pair becomes U+FFFD.
  const text = (value) => (value.isWellFormed() ? value : value.toWellFormed());

  const load = (name) => (loaded[name] ??= host.builtin(name)(internal));

  // Native operations of one kind, made when they are first needed. The host keeps hashes, ciphers and codecs by number;
  // a script holds them as objects.
  const KEPT = { crypto: { hasher: ['update', 'digest'], cipher: ['update', 'aad', 'end'] }, zlib: { codec: ['write', 'flush', 'end'] }, zones: {} };

  function native(name) {
    const known = `native/${name}`;
    if (loaded[known] === undefined) {
      const part = loaded[known] = host.native(name);
      for (const kind in KEPT[name]) part[kind] = opener(part, kind, KEPT[name][kind]);
    }
    return loaded[known];
  }

  function opener(part, kind, methods) {
    const [open, copy] = [part[kind], part[`${kind}Copy`]];
    const natives = methods.map((name) => [name, part[kind + name[0].toUpperCase() + name.slice(1)]]);
    const object = (number) => {
      if (number === undefined) return undefined;
      const made = {};
      for (const [name, operation] of natives) made[name] = (...args) => operation(number, ...args);
      if (copy) made.copy = () => object(copy(number));
      return made;
    };
    return (...args) => object(open(...args));
  }

  // An error whose code names how the run ends if nobody catches it.
  function tagged(code, message, Type = Error) {
    const error = new Type(message);
    tags.set(error, code);
    return error;
  }

  // A body is text, bytes, or null.
  function call(op, args, body = null) {
    const failure = new Error();
    return new PromiseOf((resolve, reject) => {
      const id = host.call(op, text(stringify(args)), typeof body === 'string' ? text(body) : body);
      if (id !== 0) return pending.set(id, { resolve, reject, failure });
      // A draft that is being checked: whatever it does with the refusal, it does not pass.
      define(failure, 'message', `${op} is not possible at the top level of the module; move it into the handler`);
      end({ ok: false, error: failure });
      reject(failure);
    });
  }

  function reply(id, ok, value, retryAfter) {
    const waiting = pending.get(id);
    if (!waiting) return;
    pending.delete(id);
    const answer = value === '' ? null : parse(value);
    if (ok) return waiting.resolve({ value: answer, id });
    const failure = waiting.failure;
    define(failure, 'message', answer.message);
    failure.code = answer.code;
    if (retryAfter !== undefined) failure.retryAfter = retryAfter;
    waiting.reject(failure);
  }

  // ---- builtin modules

  function require(name) {
    if (tests && name === 'tidegate:test') return tests.api;
    const [source, part] = host.module(text(String(name))) ?? [];
    if (source === undefined) throw missing(String(name));
    if (source === 'refused') return load('node/refused')(String(name).replace(/^node:/, ''), part);
    return part === '' ? load(source) : load(source)[part];
  }
  require.resolve = (name) => {
    if (host.module(text(String(name))) === undefined) throw missing(String(name));
    return String(name);
  };
  require.cache = {};

  function missing(name) {
    const error = tagged('module_not_found', host.missing(text(name), new Error().stack));
    error.code = 'MODULE_NOT_FOUND';
    return error;
  }

  // ---- from the module to the handler

  const EXPORT = 'export one function: `module.exports = async ({ payload }) => { … }` or `export default async ({ payload }) => { … }`';

  function kind(value) {
    if (value === null) return 'null';
    if (Array.isArray(value)) return 'an array';
    if (typeof value === 'object') {
      const names = Object.keys(value);
      return names.length ? `an object with ${names.slice(0, 5).join(', ')}` : 'nothing';
    }
    return value === undefined ? 'nothing' : `a ${typeof value}`;
  }

  function pick(exports, module) {
    let value = module ? exports.default : exports;
    if (!module && typeof value === 'object' && value !== null && typeof value.default === 'function') value = value.default;
    if (typeof value === 'function') {
      if (!/^class\b/.test(Function.prototype.toString.call(value))) return value;
      throw tagged('no_handler', `${host.entry()} exports a class; ${EXPORT}`, TypeError);
    }
    const names = module && value === undefined ? Object.keys(exports) : [];
    const what = names.length ? `no default, only ${names.slice(0, 5).join(', ')}` : kind(value);
    throw tagged('no_handler', `${host.entry()} exports ${what}; ${EXPORT}`, TypeError);
  }

  function argument(input) {
    const cache = {
      get: (...args) => load('cache').get(...args),
      set: (...args) => load('cache').set(...args),
      delete: (...args) => load('cache').delete(...args),
    };
    const json = (source) => (source === undefined ? undefined : parse(source));
    return {
      payload: parse(input.payload),
      secrets: parse(input.secrets),
      cache,
      key: input.key === undefined ? null : parse(input.key),
      event: json(input.event),
      request: json(input.request),
      run: parse(input.run),
    };
  }

  async function handlerOf(code) {
    let exports;
    if (code.module) {
      await code.promise;
      exports = code.exports;
    } else {
      const module = { exports: {} };
      code.wrapper.call(module.exports, module, module.exports, require);
      exports = module.exports;
    }
    return code.tests ? tests.conduct : pick(exports, code.module);
  }

  async function evaluate(code, input) {
    if (tests) code.tests = true;
    const handler = await handlerOf(code);
    return input === undefined ? undefined : handler(argument(input));
  }

  // `async` turns every way to fail into one rejection; storing the outcome allocates next to nothing.
  function begin(code, input) {
    evaluate(code, input).then(
      (value) => end({ ok: true, value }),
      (error) => end({ ok: false, error }),
    );
  }

  // An error that nobody can catch, as one thrown by a callback.
  function uncaught(error) {
    end({ ok: false, error });
  }

  function end(how) {
    outcome ??= how;
    host.settled();
  }

  // ---- promises nobody waits for

  function rejection(promise, reason, handled) {
    if (handled) rejected.delete(promise);
    else if (rejected.size < 100) rejected.set(promise, reason);
  }

  function report() {
    if (rejected.size === 0) return;
    const reasons = [...rejected.values()];
    rejected.clear();
    for (const reason of reasons) {
      host.log('warn', text(`Unhandled rejection: ${load('inspect').inspect(reason)}`));
    }
  }

  const internal = {
    host, native, load, require, call, define, text, tagged, tags, parse, stringify, uncaught,
    argument, handlerOf,
    // Ties a callback to the asynchronous context it was made in; `async_hooks` replaces it when it is loaded.
    bind: (callback) => callback,
  };

  // ---- globals

  const console = {};
  const METHODS = ['debug', 'log', 'info', 'warn', 'error', 'dir', 'table', 'trace', 'group', 'groupCollapsed', 'groupEnd',
    'assert', 'count', 'countReset', 'time', 'timeEnd', 'timeLog'];
  for (const method of METHODS) {
    console[method] = { [method](...args) { return load('console')[method](...args); } }[method];
  }
  define(globalThis, 'console', console);
  define(globalThis, 'require', require);
  define(globalThis, 'global', globalThis);
  define(globalThis, 'queueMicrotask', function queueMicrotask(callback) {
    if (typeof callback !== 'function') throw new TypeError('queueMicrotask: pass a function');
    const bound = internal.bind(callback);
    PromiseOf.resolve().then(() => { try { bound(); } catch (error) { uncaught(error); } });
  });
  define(Math, 'random', host.random);

  const LAZY = {
    'timers': ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
    'clone': ['structuredClone'],
    'integration': ['integration'],
    'node/buffer': ['Buffer'],
    'node/process': ['process'],
    'web/abort': ['AbortController', 'AbortSignal'],
    'web/blob': ['Blob', 'File'],
    'web/crypto': ['crypto', 'Crypto', 'CryptoKey', 'SubtleCrypto'],
    'web/encoding': ['TextEncoder', 'TextDecoder'],
    'web/events': ['Event', 'EventTarget', 'CustomEvent'],
    'web/fetch': ['fetch', 'Request', 'Response'],
    'web/form': ['FormData'],
    'web/headers': ['Headers'],
    'web/intl': ['Intl'],
    'web/messages': ['MessageChannel', 'MessageEvent', 'MessagePort', 'BroadcastChannel'],
    'web/streams': ['ReadableStream', 'ReadableStreamDefaultReader', 'WritableStream', 'WritableStreamDefaultWriter', 'TransformStream',
      'ByteLengthQueuingStrategy', 'CountQueuingStrategy', 'TextEncoderStream', 'TextDecoderStream', 'CompressionStream',
      'DecompressionStream'],
    'web/url': ['URL', 'URLSearchParams'],
    'web/socket': ['WebSocket'],
  };
  // One descriptor for all: making each its own costs as much as the rest of this loop.
  const accessor = { configurable: true, enumerable: false, get: undefined, set: undefined };
  for (const module in LAZY) {
    for (const name of LAZY[module]) {
      accessor.get = () => { const value = load(module)[name]; define(globalThis, name, value); return value; };
      accessor.set = (value) => define(globalThis, name, value);
      defineProperty(globalThis, name, accessor);
    }
  }

  // What the language leaves to the locale goes to Intl, which is made when one of these is called.
  const format = (kind, locales, options) => new (load('web/intl').Intl[kind])(locales, options);
  const localized = [
    [Number.prototype, 'toLocaleString', function (...how) { return format('NumberFormat', ...how).format(this); }],
    [BigInt.prototype, 'toLocaleString', function (...how) { return format('NumberFormat', ...how).format(this); }],
    [Date.prototype, 'toLocaleString', function (...how) { return load('web/intl').dateText(this, 'any', 'all', ...how); }],
    [Date.prototype, 'toLocaleDateString', function (...how) { return load('web/intl').dateText(this, 'date', 'date', ...how); }],
    [Date.prototype, 'toLocaleTimeString', function (...how) { return load('web/intl').dateText(this, 'time', 'time', ...how); }],
    [String.prototype, 'localeCompare', function (other, ...how) { return format('Collator', ...how).compare(this, other); }],
  ];
  for (const [prototype, name, method] of localized) define(prototype, name, method);

  // Before a file of tests is evaluated: what it tests, and the handler's argument if a test says nothing else.
  function testing(subject, input) {
    Object.assign(internal, { subject, input });
    tests = load('test');
  }

  // What most runs need, or what costs much to make, is there before any run begins.
  const READY = ['outcome', 'inspect', 'console', 'cache', 'timers'];

  return {
    ready() {
      READY.forEach(load);
      // A run that makes these would leave memory of the host behind.
      Object.keys(KEPT).forEach(native);
    },
    begin,
    testing,
    require,
    reply,
    rejection,
    report,
    timer: (id) => load('timers').fire(id),
    result: (limit) => load('outcome').result(outcome.value, limit),
    failed: () => !outcome?.ok,
    outcome: () => load('outcome').describe(outcome.error),
    describe: (error) => load('outcome').describe(error),
  };
})

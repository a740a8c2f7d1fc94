// util: printing comes from the console's own `inspect`; the rest is small.
(function ({ load, host, define }) {
  const { inspect, format } = load('inspect');
  const CUSTOM = Symbol.for('nodejs.util.promisify.custom');
  const warned = new Set();
  const ANSI = /[\u001B\u009B][[\]()#;?]*(?:(?:(?:(?:;[-a-zA-Z\d/#&.:=?%@~_]+)*|[a-zA-Z\d]+(?:;[-a-zA-Z\d/#&.:=?%@~_]*)*)?\u0007)|(?:(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~]))/g;

  const coded = (Type, code, message) => Object.assign(new Type(message), { code });
  const needFunction = (name, value) => {
    if (typeof value !== 'function') throw coded(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" argument must be of type function. Received ${inspect(value)}`);
  };

  // ---- callbacks and promises

  function promisify(original) {
    needFunction('original', original);
    if (original[CUSTOM]) return original[CUSTOM];
    function promised(...args) {
      return new Promise((resolve, reject) => {
        original.call(this, ...args, (error, value) => (error ? reject(error) : resolve(value)));
      });
    }
    Object.setPrototypeOf(promised, Object.getPrototypeOf(original));
    return Object.defineProperties(promised, { ...Object.getOwnPropertyDescriptors(original), [CUSTOM]: { value: promised, configurable: true } });
  }
  promisify.custom = CUSTOM;

  function callbackify(original) {
    needFunction('original', original);
    return function callbackified(...args) {
      const callback = args.pop();
      needFunction('last argument', callback);
      const fail = (reason) => callback(reason || Object.assign(coded(Error, 'ERR_FALSY_VALUE_REJECTION', 'Promise was rejected with falsy value'), { reason }));
      original.apply(this, args).then((value) => process.nextTick(callback, null, value), (reason) => process.nextTick(fail, reason));
    };
  }

  function deprecate(original, message, code) {
    function deprecated(...args) {
      if (!warned.has(code ?? message)) {
        warned.add(code ?? message);
        console.warn(`DeprecationWarning: ${message}`);
      }
      return new.target ? Reflect.construct(original, args, new.target) : original.apply(this, args);
    }
    Object.setPrototypeOf(deprecated, original);
    if (original.prototype) deprecated.prototype = original.prototype;
    return deprecated;
  }

  function inherits(constructor, parent) {
    if (typeof constructor !== 'function' || typeof parent !== 'function' || !parent.prototype) {
      throw coded(TypeError, 'ERR_INVALID_ARG_TYPE', 'util.inherits: pass two constructors');
    }
    define(constructor, 'super_', parent);
    Object.setPrototypeOf(constructor.prototype, parent.prototype);
  }

  function debuglog() {
    const log = () => {};
    return define(log, 'enabled', false);
  }

  // ---- comparing

  function sameKeys(one, other, equal, strict) {
    const keys = Object.keys(one);
    if (keys.length !== Object.keys(other).length) return false;
    if (strict) {
      const symbols = (object) => Object.getOwnPropertySymbols(object).filter((symbol) => Object.prototype.propertyIsEnumerable.call(object, symbol));
      keys.push(...symbols(one));
      if (symbols(one).length !== symbols(other).length) return false;
    }
    return keys.every((key) => Object.hasOwn(other, key) && equal(one[key], other[key]));
  }

  function sameItems(one, other, equal) {
    if (one.size !== other.size) return false;
    const left = [...other];
    return [...one].every((item) => {
      const at = left.findIndex((candidate) => equal(item, candidate));
      if (at >= 0) left.splice(at, 1);
      return at >= 0;
    });
  }

  function deepEqual(first, second, strict) {
    const under = [];
    const equal = (one, other) => {
      if (Object.is(one, other)) return true;
      if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
        // The legacy comparison is `==`.
        return !strict && (one == other || (Number.isNaN(one) && Number.isNaN(other)));
      }
      if (strict && Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
      if (Object.prototype.toString.call(one) !== Object.prototype.toString.call(other)) return false;
      if (under.some(([left, right]) => left === one && right === other)) return true;
      under.push([one, other]);
      const same = content(one, other, equal) && sameKeys(one, other, equal, strict);
      under.pop();
      return same;
    };
    return equal(first, second);
  }

  function content(one, other, equal) {
    if (Array.isArray(one)) return one.length === other.length;
    if (one instanceof Date) return other instanceof Date && Object.is(one.getTime(), other.getTime());
    if (one instanceof RegExp) return String(one) === String(other) && one.lastIndex === other.lastIndex;
    if (one instanceof Error) return one.message === other.message && one.name === other.name && equal(one.cause, other.cause);
    if (ArrayBuffer.isView(one)) return one.byteLength === other.byteLength;
    if (one instanceof ArrayBuffer) return equal(new Uint8Array(one), new Uint8Array(other));
    if (one instanceof Set) return sameItems(one, other, equal);
    if (one instanceof Map) return sameItems(one, other, equal);
    if (one instanceof Number || one instanceof String || one instanceof Boolean || one instanceof BigInt || one instanceof Symbol) return Object.is(one.valueOf(), other.valueOf());
    return true;
  }

  // ---- types

  const tag = (value) => (typeof value === 'object' && value !== null ? Object.prototype.toString.call(value).slice(8, -1) : '');
  const kind = (name) => (value) => tag(value) === name;
  const functionKind = (name) => (value) => typeof value === 'function' && Object.prototype.toString.call(value).slice(8, -1).includes(name);
  const TypedArray = Object.getPrototypeOf(Uint8Array);
  const view = (name) => (value) => value instanceof TypedArray && value[Symbol.toStringTag] === name;
  const types = {
    isAnyArrayBuffer: (value) => value instanceof ArrayBuffer || value instanceof SharedArrayBuffer,
    isArgumentsObject: kind('Arguments'),
    isArrayBuffer: (value) => value instanceof ArrayBuffer,
    isArrayBufferView: ArrayBuffer.isView,
    isAsyncFunction: functionKind('Async'),
    isBoxedPrimitive: (value) => ['Number', 'String', 'Boolean', 'BigInt', 'Symbol'].includes(tag(value)) && typeof value === 'object',
    isCryptoKey: kind('CryptoKey'),
    isDataView: (value) => value instanceof DataView,
    isDate: (value) => value instanceof Date,
    isExternal: () => false,
    isGeneratorFunction: functionKind('Generator'),
    isGeneratorObject: kind('Generator'),
    isKeyObject: (value) => value?.constructor?.name === 'KeyObject',
    isMap: (value) => value instanceof Map,
    isMapIterator: kind('Map Iterator'),
    isModuleNamespaceObject: kind('Module'),
    isNativeError: (value) => value instanceof Error,
    isPromise: (value) => value instanceof Promise,
    isProxy: () => false,
    isRegExp: (value) => value instanceof RegExp,
    isSet: (value) => value instanceof Set,
    isSetIterator: kind('Set Iterator'),
    isSharedArrayBuffer: (value) => value instanceof SharedArrayBuffer,
    isSymbolObject: (value) => value instanceof Symbol,
    isTypedArray: (value) => value instanceof TypedArray,
    isWeakMap: (value) => value instanceof WeakMap,
    isWeakSet: (value) => value instanceof WeakSet,
    ...Object.fromEntries(['Number', 'String', 'Boolean', 'BigInt'].map((name) => [`is${name}Object`, (value) => typeof value === 'object' && tag(value) === name])),
    ...Object.fromEntries(['Int8', 'Uint8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32', 'Float32', 'Float64', 'BigInt64', 'BigUint64']
      .map((name) => [`is${name}Array`, view(`${name}Array`)])),
  };

  if (!inspect.custom) {
    define(inspect, 'custom', Symbol.for('nodejs.util.inspect.custom'));
    define(inspect, 'defaultOptions', { depth: 2, colors: false, showHidden: false, maxArrayLength: 100, maxStringLength: 10000, breakLength: 80, compact: 3 });
    define(inspect, 'colors', {});
    define(inspect, 'styles', {});
  }

  const errno = { 'EPERM': -1, 'ENOENT': -2, 'EACCES': -13, 'EEXIST': -17, 'EINVAL': -22, 'EROFS': -30, 'EPIPE': -32, 'ECONNRESET': -104, 'ETIMEDOUT': -110, 'ECONNREFUSED': -111 };

  return {
    promisify, callbackify, deprecate, inherits, debuglog, debug: debuglog, inspect, types,
    format: (...args) => format(args),
    formatWithOptions: (options, ...args) => format(args),
    isDeepStrictEqual: (one, other) => deepEqual(one, other, true),
    deepEqual,
    stripVTControlCharacters: (string) => String(string).replace(ANSI, ''),
    styleText: (style, string) => String(string),
    toUSVString: (string) => String(string).toWellFormed(),
    getSystemErrorName: (number) => Object.keys(errno).find((name) => errno[name] === number),
    getSystemErrorMap: () => new Map(Object.entries(errno).map(([name, number]) => [number, [name, name]])),
    aborted: (signal) => new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }))),
    get TextEncoder() { return TextEncoder; },
    get TextDecoder() { return TextDecoder; },
    isArray: Array.isArray,
    isBoolean: (value) => typeof value === 'boolean',
    isBuffer: (value) => Buffer.isBuffer(value),
    isDate: types.isDate,
    isError: types.isNativeError,
    isFunction: (value) => typeof value === 'function',
    isNull: (value) => value === null,
    isNullOrUndefined: (value) => value === null || value === undefined,
    isNumber: (value) => typeof value === 'number',
    isObject: (value) => typeof value === 'object' && value !== null,
    isPrimitive: (value) => value === null || !['object', 'function'].includes(typeof value),
    isRegExp: types.isRegExp,
    isString: (value) => typeof value === 'string',
    isSymbol: (value) => typeof value === 'symbol',
    isUndefined: (value) => value === undefined,
    _extend: (target, more) => Object.assign(target, more),
    log: (...args) => console.log(...args),
  };
})

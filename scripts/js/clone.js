// structuredClone: a deep copy of data, cycles included.
(function () {
  const typed = Object.getPrototypeOf(Uint8Array);

  const refuse = (value) => {
    const what = typeof value === 'function' ? `the function ${value.name || '(anonymous)'}` : String(value);
    return new DOMException(`${what} could not be cloned.`, 'DataCloneError');
  };

  const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

  function bare(value, clone) {
    if (value instanceof Date) return new Date(value.getTime());
    if (value instanceof RegExp) return new RegExp(value.source, value.flags);
    if (value instanceof ArrayBuffer) return value.slice(0);
    if (value instanceof DataView) return new DataView(clone(value.buffer), value.byteOffset, value.byteLength);
    if (value instanceof typed) return new value.constructor(clone(value.buffer), value.byteOffset, value.length);
    if (value instanceof Boolean || value instanceof Number || value instanceof String || value instanceof BigInt) return Object(value.valueOf());
    return undefined;
  }

  function error(value, copies, clone) {
    const copy = new (ERRORS[value.name] ?? Error)(value.message);
    copies.set(value, copy);
    Object.defineProperty(copy, 'stack', { value: value.stack, writable: true, configurable: true, enumerable: false });
    if ('cause' in value) Object.defineProperty(copy, 'cause', { value: clone(value.cause), writable: true, configurable: true, enumerable: false });
    return copy;
  }

  function structuredClone(value) {
    if (arguments.length === 0) throw new TypeError('structuredClone: pass the value to copy');
    const copies = new Map();
    const clone = (item) => {
      if (typeof item === 'function' || typeof item === 'symbol') throw refuse(item);
      if (typeof item !== 'object' || item === null) return item;
      if (copies.has(item)) return copies.get(item);
      if (item instanceof Promise || item instanceof WeakMap || item instanceof WeakSet || item instanceof WeakRef) {
        throw refuse(`#<${item.constructor.name}>`);
      }
      const simple = bare(item, clone);
      if (simple !== undefined) { copies.set(item, simple); return simple; }
      if (item instanceof Error) return error(item, copies, clone);
      if (item instanceof Map) {
        const copy = new Map();
        copies.set(item, copy);
        for (const [key, entry] of [...item]) copy.set(clone(key), clone(entry));
        return copy;
      }
      if (item instanceof Set) {
        const copy = new Set();
        copies.set(item, copy);
        for (const entry of [...item]) copy.add(clone(entry));
        return copy;
      }
      const copy = Array.isArray(item) ? new Array(item.length) : {};
      copies.set(item, copy);
      for (const key of Object.keys(item)) copy[key] = clone(item[key]);
      return copy;
    };
    return clone(value);
  }

  return { structuredClone };
})

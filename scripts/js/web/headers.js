// Headers, as fetch has them.
(function ({ stringify }) {
  const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

  function headerName(name) {
    const key = String(name);
    if (!TOKEN.test(key)) throw new TypeError(`Headers: ${stringify(key)} is no valid header name`);
    return key.toLowerCase();
  }

  function headerValue(name, value) {
    const trimmed = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
    if (/[\0\r\n]/.test(trimmed)) throw new TypeError(`Headers: the value of '${name}' contains a line break or a NUL`);
    return trimmed;
  }

  class Headers {
    #list = [];

    constructor(init) {
      if (init === undefined || init === null) return;
      if (typeof init !== 'object') throw new TypeError('Headers: pass an object, a list of pairs, or Headers');
      const pairs = typeof init[Symbol.iterator] === 'function' ? [...init] : Object.keys(init).map((name) => [name, init[name]]);
      for (const pair of pairs) {
        if (!pair || pair.length !== 2) throw new TypeError('Headers: each entry must be a pair [name, value]');
        this.append(pair[0], pair[1]);
      }
    }
    append(name, value) { const key = headerName(name); this.#list.push([key, headerValue(key, value)]); }
    set(name, value) {
      const key = headerName(name);
      const entry = [key, headerValue(key, value)];
      const at = this.#list.findIndex(([known]) => known === key);
      if (at < 0) this.#list.push(entry);
      else this.#list = this.#list.filter(([known], index) => known !== key || index === at).map((pair) => (pair[0] === key ? entry : pair));
    }
    get(name) {
      const key = headerName(name);
      const values = this.#list.filter(([known]) => known === key).map(([, value]) => value);
      return values.length ? values.join(', ') : null;
    }
    getSetCookie() { return this.#list.filter(([known]) => known === 'set-cookie').map(([, value]) => value); }
    has(name) { const key = headerName(name); return this.#list.some(([known]) => known === key); }
    delete(name) { const key = headerName(name); this.#list = this.#list.filter(([known]) => known !== key); }
    forEach(callback, self) { for (const [name, value] of this) callback.call(self, value, name, this); }
    *entries() {
      for (const name of [...new Set(this.#list.map(([known]) => known))].sort()) {
        if (name === 'set-cookie') for (const value of this.getSetCookie()) yield [name, value];
        else yield [name, this.get(name)];
      }
    }
    *keys() { for (const [name] of this.entries()) yield name; }
    *values() { for (const [, value] of this.entries()) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    get [Symbol.toStringTag]() { return 'Headers'; }
    [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
      return `Headers ${inspect(Object.fromEntries(this.entries()))}`;
    }
  }

  return { Headers, TOKEN };
})

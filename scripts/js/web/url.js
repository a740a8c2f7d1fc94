// URL and URLSearchParams; the host parses, prints and percent-encodes.
(function ({ host, text }) {
  const PARTS = ['href', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash', 'origin'];
  const word = (value) => text(String(value));

  class URLSearchParams {
    #pairs = [];
    #changed = undefined;

    constructor(init) {
      if (init === undefined || init === null) return;
      if (typeof init === 'object' || typeof init === 'function') {
        if (typeof init[Symbol.iterator] === 'function') {
          for (const pair of init) {
            const [name, value, ...more] = pair;
            if (value === undefined || more.length) throw new TypeError('URLSearchParams: each entry must be a pair [name, value]');
            this.#pairs.push([word(name), word(value)]);
          }
        } else {
          for (const name of Object.keys(init)) this.#pairs.push([word(name), word(init[name])]);
        }
      } else this.#read(String(init));
    }

    #read(query) {
      const flat = host.formParse(text(query.startsWith('?') ? query.slice(1) : query));
      this.#pairs = [];
      for (let i = 0; i < flat.length; i += 2) this.#pairs.push([flat[i], flat[i + 1]]);
    }

    #notify() { if (this.#changed) this.#changed(this.toString()); }

    static follow(query, changed) {
      const params = new URLSearchParams(query);
      params.#changed = changed;
      return [params, (next) => params.#read(next)];
    }

    get size() { return this.#pairs.length; }
    append(name, value) { this.#pairs.push([word(name), word(value)]); this.#notify(); }
    delete(name, value) {
      const key = word(name);
      this.#pairs = this.#pairs.filter(([known, held]) => known !== key || (value !== undefined && held !== word(value)));
      this.#notify();
    }
    get(name) { const key = word(name); return this.#pairs.find(([known]) => known === key)?.[1] ?? null; }
    getAll(name) { const key = word(name); return this.#pairs.filter(([known]) => known === key).map(([, value]) => value); }
    has(name, value) {
      const key = word(name);
      return this.#pairs.some(([known, held]) => known === key && (value === undefined || held === word(value)));
    }
    set(name, value) {
      const key = word(name);
      const found = this.#pairs.find(([known]) => known === key);
      if (found) {
        found[1] = word(value);
        this.#pairs = this.#pairs.filter((pair) => pair === found || pair[0] !== key);
      } else this.#pairs.push([key, word(value)]);
      this.#notify();
    }
    sort() { this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)); this.#notify(); }
    forEach(callback, self) { for (const [name, value] of this) callback.call(self, value, name, this); }
    *entries() { for (const [name, value] of this.#pairs) yield [name, value]; }
    *keys() { for (const [name] of this.#pairs) yield name; }
    *values() { for (const [, value] of this.#pairs) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return host.formPrint(this.#pairs.flat()); }
    get [Symbol.toStringTag]() { return 'URLSearchParams'; }
    [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
      const inner = this.#pairs.map(([name, value]) => `${inspect(name)} => ${inspect(value)}`).join(', ');
      return inner ? `URLSearchParams { ${inner} }` : 'URLSearchParams {}';
    }
  }
  const follow = URLSearchParams.follow;
  delete URLSearchParams.follow;

  class URL {
    #parts;
    #params;
    #refresh;

    constructor(input, base) {
      const parts = host.urlParse(word(input), base === undefined ? null : word(base));
      if (parts === undefined) {
        const error = new TypeError('Invalid URL');
        error.code = 'ERR_INVALID_URL';
        error.input = String(input);
        throw error;
      }
      this.#parts = parts;
    }

    static canParse(input, base) { return host.urlParse(word(input), base === undefined ? null : word(base)) !== undefined; }
    static parse(input, base) { return URL.canParse(input, base) ? new URL(input, base) : null; }

    static read(url, index) { return url.#parts[index]; }
    static write(url, name, value) {
      const parts = host.urlSet(url.#parts[0], name, word(value));
      if (parts === undefined) {
        if (name === 'href') throw new TypeError('Invalid URL');
        return;
      }
      url.#parts = parts;
      if (url.#refresh) url.#refresh(parts[8]);
    }

    get searchParams() {
      if (!this.#params) {
        [this.#params, this.#refresh] = follow(this.#parts[8], (query) => {
          this.#parts = host.urlSet(this.#parts[0], 'search', query);
        });
      }
      return this.#params;
    }
    toString() { return this.#parts[0]; }
    toJSON() { return this.#parts[0]; }
    get [Symbol.toStringTag]() { return 'URL'; }
    [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
      const shown = ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search'];
      const lines = shown.map((name) => `  ${name}: ${inspect(this[name])},\n`).join('');
      return `URL {\n${lines}  searchParams: ${inspect(this.searchParams)},\n  hash: ${inspect(this.hash)}\n}`;
    }
  }
  const { read, write } = URL;
  delete URL.read;
  delete URL.write;
  PARTS.forEach((name, index) => {
    const set = name === 'origin' ? undefined : function (value) { write(this, name, value); };
    Object.defineProperty(URL.prototype, name, { get() { return read(this, index); }, set, enumerable: true, configurable: true });
  });

  return { URL, URLSearchParams };
})

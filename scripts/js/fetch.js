// fetch, Headers, Request and Response over one host call; bodies stay with the host until they are read.
(function ({ host, load, call, text, stringify, parse }) {
  const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
  const NO_BODY = [101, 204, 205, 304];
  const URLSearchParams = () => load('url').URLSearchParams;

  // ---- headers

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

  // ---- bodies: a source knows its text and its bytes

  const empty = { text: () => '', bytes: () => new Uint8Array(0), type: null };
  const ofText = (value, type) => ({ text: () => value, bytes: () => host.utf8(text(value)), type, string: value });
  const ofBytes = (value) => ({
    text: () => host.decode(load('encoding').binary(value), false),
    bytes: () => value.slice(),
    type: null,
    array: value,
  });
  const ofHost = (id) => ({ text: () => host.bodyText(id), bytes: () => host.bodyBytes(id), type: null });

  function source(body) {
    if (body === undefined || body === null) return null;
    if (typeof body === 'string') return ofText(body, 'text/plain;charset=UTF-8');
    if (body instanceof URLSearchParams()) return ofText(body.toString(), 'application/x-www-form-urlencoded;charset=UTF-8');
    if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return ofBytes(load('encoding').view(body).slice());
    if (typeof body === 'object' && Object.getPrototypeOf(body) !== Object.prototype && !Array.isArray(body)) {
      throw new TypeError('fetch: this kind of body is not supported; pass a string, URLSearchParams, an ArrayBuffer or a typed array');
    }
    if (typeof body === 'object') throw new TypeError('fetch: the body is an object; pass JSON.stringify(body) and the header content-type: application/json');
    return ofText(String(body), 'text/plain;charset=UTF-8');
  }

  const withoutMark = (value) => (value.charCodeAt(0) === 0xfeff ? value.slice(1) : value);

  class Body {
    #source;
    #used = false;

    constructor(from) { this.#source = from; }
    get bodyUsed() { return this.#used; }
    #take() {
      if (this.#used) throw new TypeError('Body is unusable: it has been read already; use clone() to read it twice');
      if (this.#source === null) return empty;
      this.#used = true;
      return this.#source;
    }
    async text() { return withoutMark(this.#take().text()); }
    async json() { return parse(withoutMark(this.#take().text())); }
    async bytes() { return this.#take().bytes(); }
    async arrayBuffer() { return this.#take().bytes().buffer; }
    static peek(body) {
      if (body.#used) throw new TypeError('Body is unusable: it has been read already');
      return body.#source;
    }
  }
  const { peek } = Body;
  delete Body.peek;

  function fitted(headers, from) {
    if (from?.type && !headers.has('content-type')) headers.set('content-type', from.type);
    return headers;
  }

  // ---- Request

  function method(name) {
    const given = String(name);
    if (!TOKEN.test(given)) throw new TypeError(`fetch: ${stringify(given)} is no valid method`);
    const upper = given.toUpperCase();
    if (['CONNECT', 'TRACE', 'TRACK'].includes(upper)) throw new TypeError(`fetch: the method ${upper} is not allowed`);
    return ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH'].includes(upper) ? upper : given;
  }

  function redirectMode(value) {
    if (['follow', 'error', 'manual'].includes(value)) return value;
    throw new TypeError(`fetch: redirect is ${stringify(value)}; use 'follow', 'error' or 'manual'`);
  }

  function absolute(input) {
    const parsed = load('url').URL.parse(String(input));
    if (!parsed) {
      // Whole or not at all: half a secret cannot be masked any more.
      const shown = String(input).length <= 200 ? stringify(String(input)) : 'this long text';
      throw new TypeError(`fetch: ${shown} is no absolute URL; start with https://`);
    }
    if (parsed.username || parsed.password) throw new TypeError('fetch: the URL contains credentials; send an Authorization header instead');
    return parsed.href;
  }

  class Request extends Body {
    #fields;
    constructor(input, init = {}) {
      if (typeof init !== 'object' || init === null) throw new TypeError('fetch: the options must be an object');
      const from = input instanceof Request ? input : undefined;
      const verb = method(init.method ?? from?.method ?? 'GET');
      const body = init.body === undefined ? (from ? peek(from) : null) : source(init.body);
      if (body && (verb === 'GET' || verb === 'HEAD')) throw new TypeError(`fetch: a ${verb} request cannot have a body`);
      super(body);
      this.#fields = {
        url: from ? from.url : absolute(input),
        method: verb,
        headers: fitted(new Headers(init.headers ?? from?.headers), body),
        redirect: redirectMode(init.redirect ?? from?.redirect ?? 'follow'),
        signal: init.signal ?? from?.signal ?? null,
      };
    }
    get url() { return this.#fields.url; }
    get method() { return this.#fields.method; }
    get headers() { return this.#fields.headers; }
    get redirect() { return this.#fields.redirect; }
    get signal() { return this.#fields.signal; }
    clone() { return new Request(this); }
    get [Symbol.toStringTag]() { return 'Request'; }
  }

  // ---- Response

  const MADE = Symbol('made by fetch');

  class Response extends Body {
    #fields;
    constructor(body, init = {}) {
      const made = init[MADE];
      const from = made ? made.body : source(body);
      const status = made ? made.status : init.status === undefined ? 200 : Number(init.status);
      if (!made && !(Number.isInteger(status) && status >= 200 && status <= 599)) throw new RangeError(`Response: the status ${init.status} is not between 200 and 599`);
      if (!made && from && NO_BODY.includes(status)) throw new TypeError(`Response: a status of ${status} cannot have a body`);
      super(from);
      this.#fields = {
        status,
        statusText: made ? made.statusText : String(init.statusText ?? ''),
        headers: fitted(new Headers(made ? made.headers : init.headers), from),
        url: made ? made.url : '',
        redirected: made ? made.redirected : false,
        type: made ? made.type : 'default',
      };
    }
    get status() { return this.#fields.status; }
    get statusText() { return this.#fields.statusText; }
    get headers() { return this.#fields.headers; }
    get url() { return this.#fields.url; }
    get redirected() { return this.#fields.redirected; }
    get type() { return this.#fields.type; }
    get ok() { return this.status >= 200 && this.status <= 299; }
    clone() { return made({ ...this.#fields, headers: [...this.headers], body: peek(this) }); }
    static json(data, init = {}) {
      const body = stringify(data);
      if (body === undefined) throw new TypeError('Response.json: the value is no JSON');
      const headers = new Headers(init.headers);
      if (!headers.has('content-type')) headers.set('content-type', 'application/json');
      return new Response(body, { ...init, headers });
    }
    static redirect(url, status = 302) { return new Response(null, { status, headers: { location: absolute(url) } }); }
    static error() { return made({ status: 0, statusText: '', headers: [], url: '', redirected: false, type: 'error', body: null }); }
    get [Symbol.toStringTag]() { return 'Response'; }
    [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
      const { status, statusText, headers, ok, redirected, url } = this;
      return `Response ${inspect({ status, statusText, headers, ok, redirected, type: this.type, url, bodyUsed: this.bodyUsed })}`;
    }
  }

  const made = (fields) => new Response(null, { [MADE]: fields });

  // ---- fetch

  function send(request) {
    const body = peek(request);
    const args = {
      method: request.method,
      url: request.url,
      headers: [...request.headers],
      redirect: request.redirect,
    };
    const ms = request.signal ? load('abort').timeoutOf(request.signal) : undefined;
    if (ms !== undefined) args.timeoutMs = Math.max(1, Math.round(ms));
    if (body === null) return call('fetch', args);
    if (body.string !== undefined) return call('fetch', args, body.string);
    return call('fetch', args, load('encoding').binary(body.array ?? body.bytes()), true);
  }

  // Rejects as soon as the signal fires; the answer, if one comes, is dropped.
  function abortable(promise, signal) {
    if (!signal) return promise;
    return new Promise((resolve, reject) => {
      const stop = () => reject(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    });
  }

  async function fetch(input, init) {
    const request = new Request(input, init);
    request.signal?.throwIfAborted();
    const { value, id } = await abortable(send(request), request.signal);
    return made({
      status: value.status,
      statusText: value.statusText ?? '',
      headers: value.headers ?? [],
      url: value.url ?? request.url,
      redirected: value.redirected === true,
      type: 'basic',
      body: NO_BODY.includes(value.status) ? null : ofHost(id),
    });
  }

  return { fetch, Headers, Request, Response };
})

// fetch, Request and Response over one host call.
(function ({ load, call, host, stringify }) {
  const { Headers, TOKEN } = load('web/headers');
  const { Body, source, peek, split, ofHost, drain } = load('web/body');
  const NO_BODY = [101, 204, 205, 304];

  function fitted(headers, from) {
    if (from?.type && !headers.has('content-type')) headers.set('content-type', from.type);
    return headers;
  }

  const MADE = Symbol('made by fetch');

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
    const parsed = load('web/url').URL.parse(String(input));
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
      const body = init[MADE] !== undefined ? init[MADE] : init.body === undefined || init.body === null ? (from ? peek(from) : null) : source(init.body);
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
    get signal() { return (this.#fields.signal ??= new AbortController().signal); }
    get duplex() { return 'half'; }
    get cache() { return 'default'; }
    get credentials() { return 'same-origin'; }
    get mode() { return 'cors'; }
    get referrer() { return 'about:client'; }
    get integrity() { return ''; }
    get keepalive() { return false; }
    clone() { return new Request(this, { [MADE]: split(this) }); }
    static given(request) { return request.#fields.signal; }
    get [Symbol.toStringTag]() { return 'Request'; }
  }
  const { given } = Request;
  delete Request.given;

  // ---- Response

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
    clone() { return made({ ...this.#fields, headers: [...this.headers], body: split(this) }); }
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

  async function send(request, signal) {
    const body = peek(request);
    const args = {
      method: request.method,
      url: request.url,
      headers: [...request.headers],
      redirect: request.redirect,
    };
    const ms = signal ? load('web/abort').timeoutOf(signal) : undefined;
    if (ms !== undefined) args.timeoutMs = Math.max(1, Math.round(ms));
    if (body === null) return call('fetch', args);
    return call('fetch', args, body.string ?? await drain(body));
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
    const signal = given(request);
    signal?.throwIfAborted();
    const { value, id } = await abortable(send(request, signal), signal);
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

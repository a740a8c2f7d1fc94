// XMLHttpRequest, for packages from before fetch; always asynchronous. It is a module and no global: packages that find
// the global think that they run in a browser, and Node has none.
(function ({ load, call, host, define }) {
  const { EventTarget, Event } = load('web/events');
  const { source, drain } = load('web/body');
  const { Headers } = load('web/headers');
  const STATES = { UNSENT: 0, OPENED: 1, HEADERS_RECEIVED: 2, LOADING: 3, DONE: 4 };

  class ProgressEvent extends Event {
    constructor(type, loaded = 0) {
      super(type);
      define(this, 'loaded', loaded);
      define(this, 'total', loaded);
      define(this, 'lengthComputable', loaded > 0);
    }
  }

  class XMLHttpRequest extends EventTarget {
    #request = { method: 'GET', url: '', headers: new Headers() };
    #answer = null;
    #sent = 0;
    #done = 0;

    constructor() {
      super();
      Object.assign(this, { readyState: 0, status: 0, statusText: '', responseURL: '', responseType: '', timeout: 0, withCredentials: false });
      for (const type of ['readystatechange', 'load', 'loadend', 'loadstart', 'error', 'abort', 'timeout', 'progress']) define(this, `on${type}`, null);
      define(this, 'upload', new EventTarget());
    }

    open(method, url, async = true) {
      if (async === false) throw new DOMException('XMLHttpRequest: synchronous requests are not supported', 'InvalidAccessError');
      this.#request = { method: String(method).toUpperCase(), url: new URL(String(url)).href, headers: new Headers() };
      this.#answer = null;
      this.#sent++;
      this.#state(STATES.OPENED);
    }
    setRequestHeader(name, value) {
      if (this.readyState !== STATES.OPENED) throw new DOMException('XMLHttpRequest: call open() first', 'InvalidStateError');
      this.#request.headers.append(name, value);
    }
    async send(body = null) {
      const turn = this.#sent;
      const { method, url, headers } = this.#request;
      const from = method === 'GET' || method === 'HEAD' ? null : source(body);
      if (from?.type && !headers.has('content-type')) headers.set('content-type', from.type);
      const args = { method, url, headers: [...headers], redirect: 'follow' };
      const timer = this.timeout > 0 ? setTimeout(() => this.#fail(turn, 'timeout'), this.timeout) : undefined;
      this.dispatchEvent(new ProgressEvent('loadstart'));
      try {
        const { value, id } = await call('fetch', args, from ? await drain(from) : null);
        if (turn === this.#sent && turn !== this.#done) this.#finish(turn, value, id);
      } catch {
        this.#fail(turn, 'error');
      } finally {
        clearTimeout(timer);
      }
    }
    abort() {
      if (this.readyState !== STATES.UNSENT && this.readyState !== STATES.DONE) this.#fail(this.#sent, 'abort');
    }

    #state(state) {
      this.readyState = state;
      this.dispatchEvent(new Event('readystatechange'));
    }
    #finish(turn, value, id) {
      this.#done = turn;
      const bytes = host.bodyBytes(id);
      this.#answer = { headers: new Headers(value.headers), bytes };
      Object.assign(this, { status: value.status, statusText: value.statusText ?? '', responseURL: value.url ?? '' });
      this.#state(STATES.HEADERS_RECEIVED);
      this.#state(STATES.LOADING);
      this.dispatchEvent(new ProgressEvent('progress', bytes.length));
      this.#state(STATES.DONE);
      this.dispatchEvent(new ProgressEvent('load', bytes.length));
      this.dispatchEvent(new ProgressEvent('loadend', bytes.length));
    }
    #fail(turn, type) {
      if (turn !== this.#sent || turn === this.#done) return;
      this.#done = turn;
      Object.assign(this, { status: 0, statusText: '' });
      this.#state(STATES.DONE);
      this.dispatchEvent(new ProgressEvent(type));
      this.dispatchEvent(new ProgressEvent('loadend'));
    }

    get responseText() {
      if (!['', 'text'].includes(this.responseType)) throw new DOMException('XMLHttpRequest: responseText needs responseType text', 'InvalidStateError');
      return this.#answer ? host.decode(this.#answer.bytes, false) : '';
    }
    get responseXML() { return null; }
    get response() {
      if (this.responseType === '' || this.responseType === 'text') return this.responseText;
      if (!this.#answer) return null;
      const { bytes, headers } = this.#answer;
      switch (this.responseType) {
        case 'json': try { return JSON.parse(host.decode(bytes, false)); } catch { return null; }
        case 'arraybuffer': return bytes.slice().buffer;
        case 'blob': return new Blob([bytes], { type: headers.get('content-type') ?? '' });
        default: return null;
      }
    }
    getResponseHeader(name) { return this.#answer?.headers.get(name) ?? null; }
    getAllResponseHeaders() { return this.#answer ? [...this.#answer.headers].map(([name, value]) => `${name}: ${value}\r\n`).join('') : ''; }
    overrideMimeType() {}
    get [Symbol.toStringTag]() { return 'XMLHttpRequest'; }
  }
  for (const name in STATES) {
    define(XMLHttpRequest, name, STATES[name]);
    define(XMLHttpRequest.prototype, name, STATES[name]);
  }

  return { XMLHttpRequest };
})

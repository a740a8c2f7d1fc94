// http over the gateway: a request is collected, sent as one call, and its answer streamed from memory.
(function ({ call, host, require, load }) {
  const { Readable, Writable } = require('stream');
  const EventEmitter = require('events');
  const { Buffer } = require('buffer');

  const STATUS_CODES = {
    100: 'Continue', 101: 'Switching Protocols', 102: 'Processing', 103: 'Early Hints', 200: 'OK', 201: 'Created', 202: 'Accepted',
    203: 'Non-Authoritative Information', 204: 'No Content', 205: 'Reset Content', 206: 'Partial Content', 207: 'Multi-Status',
    208: 'Already Reported', 226: 'IM Used', 300: 'Multiple Choices', 301: 'Moved Permanently', 302: 'Found', 303: 'See Other',
    304: 'Not Modified', 305: 'Use Proxy', 307: 'Temporary Redirect', 308: 'Permanent Redirect', 400: 'Bad Request', 401: 'Unauthorized',
    402: 'Payment Required', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 406: 'Not Acceptable',
    407: 'Proxy Authentication Required', 408: 'Request Timeout', 409: 'Conflict', 410: 'Gone', 411: 'Length Required',
    412: 'Precondition Failed', 413: 'Payload Too Large', 414: 'URI Too Long', 415: 'Unsupported Media Type', 416: 'Range Not Satisfiable',
    417: 'Expectation Failed', 418: "I'm a Teapot", 421: 'Misdirected Request', 422: 'Unprocessable Entity', 423: 'Locked',
    424: 'Failed Dependency', 425: 'Too Early', 426: 'Upgrade Required', 428: 'Precondition Required', 429: 'Too Many Requests',
    431: 'Request Header Fields Too Large', 451: 'Unavailable For Legal Reasons', 500: 'Internal Server Error', 501: 'Not Implemented',
    502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout', 505: 'HTTP Version Not Supported',
    506: 'Variant Also Negotiates', 507: 'Insufficient Storage', 508: 'Loop Detected', 509: 'Bandwidth Limit Exceeded',
    510: 'Not Extended', 511: 'Network Authentication Required',
  };
  const METHODS = ['ACL', 'BIND', 'CHECKOUT', 'CONNECT', 'COPY', 'DELETE', 'GET', 'HEAD', 'LINK', 'LOCK', 'M-SEARCH', 'MERGE', 'MKACTIVITY',
    'MKCALENDAR', 'MKCOL', 'MOVE', 'NOTIFY', 'OPTIONS', 'PATCH', 'POST', 'PROPFIND', 'PROPPATCH', 'PURGE', 'PUT', 'REBIND', 'REPORT',
    'SEARCH', 'SOURCE', 'SUBSCRIBE', 'TRACE', 'UNBIND', 'UNLINK', 'UNLOCK', 'UNSUBSCRIBE'];
  // What Node's own client would have met, where the gateway names it otherwise.
  const NODE_CODES = {
    dns_failed: 'ENOTFOUND', connect_failed: 'ECONNREFUSED', request_timeout: 'ETIMEDOUT', connection_closed: 'ECONNRESET',
    tls_failed: 'EPROTO',
  };
  // Headers of which a second one is dropped, as Node does.
  const SINGLE = new Set(['age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since',
    'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'referer', 'retry-after', 'server', 'user-agent']);
  const PIECE = 64 * 1024;

  const coded = (Type, code, message) => Object.assign(new Type(message), { code });

  // ---- what stands in for a socket

  class Connection extends EventEmitter {
    constructor(encrypted) {
      super();
      Object.assign(this, {
        encrypted, authorized: encrypted, connecting: false, destroyed: false, readable: true, writable: true, timeout: 0,
        remoteAddress: '0.0.0.0', remoteFamily: 'IPv4', remotePort: 0, localAddress: '0.0.0.0', localPort: 0, bytesRead: 0, bytesWritten: 0,
      });
      this.setMaxListeners(0);
    }
    setTimeout(ms, callback) {
      this.timeout = ms;
      if (callback) this.once('timeout', callback);
      return this;
    }
    setNoDelay() { return this; }
    setKeepAlive() { return this; }
    ref() { return this; }
    unref() { return this; }
    cork() {}
    uncork() {}
    end() { return this; }
    destroy() { this.destroyed = true; return this; }
    address() { return {}; }
    getPeerCertificate() { return {}; }
    getCipher() { return {}; }
    getProtocol() { return null; }
  }

  // ---- messages

  function validateHeaderName(name) {
    if (typeof name === 'string' && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return;
    throw coded(TypeError, 'ERR_INVALID_HTTP_TOKEN', `Header name must be a valid HTTP token ["${String(name)}"]`);
  }

  function validateHeaderValue(name, value) {
    if (value === undefined) throw coded(TypeError, 'ERR_HTTP_INVALID_HEADER_VALUE', `Invalid value "undefined" for header "${name}"`);
    if (/[^\t\x20-\x7e\x80-\xff]/.test(String(value))) throw coded(TypeError, 'ERR_INVALID_CHAR', `Invalid character in header content ["${name}"]`);
  }

  class OutgoingMessage extends Writable {
    #headers = new Map();
    constructor(options) {
      super({ ...options, autoDestroy: false });
      Object.assign(this, { finished: false, headersSent: false, sendDate: false, chunkedEncoding: false, shouldKeepAlive: true, useChunkedEncodingByDefault: true });
    }
    setHeader(name, value) {
      validateHeaderName(name);
      for (const one of Array.isArray(value) ? value : [value]) validateHeaderValue(name, one);
      if (this.headersSent) throw coded(Error, 'ERR_HTTP_HEADERS_SENT', 'Cannot set headers after they are sent to the client');
      this.#headers.set(name.toLowerCase(), [name, value]);
      return this;
    }
    setHeaders(headers) {
      for (const [name, value] of headers) this.setHeader(name, value);
      return this;
    }
    appendHeader(name, value) {
      const known = this.getHeader(name);
      return this.setHeader(name, known === undefined ? value : [].concat(known, value));
    }
    getHeader(name) { return this.#headers.get(String(name).toLowerCase())?.[1]; }
    hasHeader(name) { return this.#headers.has(String(name).toLowerCase()); }
    removeHeader(name) { this.#headers.delete(String(name).toLowerCase()); }
    getHeaders() {
      return Object.assign(Object.create(null), Object.fromEntries([...this.#headers].map(([key, [, value]]) => [key, value])));
    }
    getHeaderNames() { return [...this.#headers.keys()]; }
    getRawHeaderNames() { return [...this.#headers.values()].map(([name]) => name); }
    get _headers() { return this.getHeaders(); }
    get connection() { return this.socket; }
    flushHeaders() {}
    addTrailers() {}
  }

  class IncomingMessage extends Readable {
    #bytes = null;
    #at = 0;
    constructor(socket) {
      super();
      Object.assign(this, {
        socket, httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1, headers: {}, rawHeaders: [], trailers: {}, rawTrailers: [],
        complete: false, aborted: false, statusCode: null, statusMessage: null, method: null, url: '',
      });
    }
    // Fills a message from the gateway's answer.
    static answer(request, value, id) {
      const message = new IncomingMessage(request.socket);
      Object.assign(message, { req: request, statusCode: value.status, statusMessage: value.statusText || STATUS_CODES[value.status] || '' });
      for (const [name, text] of value.headers) message.#header(name, text);
      const silent = request.method === 'HEAD' || value.status === 204 || value.status === 304;
      message.#bytes = silent ? new Uint8Array(0) : host.bodyBytes(id);
      return message;
    }
    #header(name, text) {
      this.rawHeaders.push(name, text);
      const key = name.toLowerCase();
      const known = this.headers[key];
      if (key === 'set-cookie') (this.headers[key] ??= []).push(text);
      else if (known === undefined) this.headers[key] = text;
      else if (!SINGLE.has(key)) this.headers[key] = `${known}${key === 'cookie' ? '; ' : ', '}${text}`;
    }
    get connection() { return this.socket; }
    get headersDistinct() { return Object.fromEntries(Object.entries(this.headers).map(([name, value]) => [name, [].concat(value)])); }
    setTimeout(ms, callback) { if (callback) this.once('timeout', callback); return this; }
    _read() {
      const bytes = this.#bytes ?? new Uint8Array(0);
      while (this.#at < bytes.length) {
        const piece = bytes.subarray(this.#at, this.#at + PIECE);
        this.#at += piece.length;
        if (!this.push(Buffer.from(piece.buffer, piece.byteOffset, piece.length))) return;
      }
      this.complete = true;
      this.push(null);
    }
    // As in Node, an aborted answer that nobody listens to fails nobody.
    _destroy(error, done) {
      process.nextTick(() => done(this.listenerCount('error') > 0 ? error : null));
    }
  }

  // ---- requests

  const fromUrl = (url) => ({
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    path: `${url.pathname}${url.search}`,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(url.username || url.password ? { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` } : {}),
  });

  // Node's three ways to say it: (url, callback), (url, options, callback), (options, callback).
  function described(input, options, callback) {
    if (typeof input === 'string') return described(new URL(input), options, callback);
    if (typeof input?.href === 'string' && input.searchParams) {
      if (typeof options === 'function') return [fromUrl(input), options];
      return [{ ...fromUrl(input), ...options }, callback];
    }
    return [{ ...input }, typeof options === 'function' ? options : callback];
  }

  class ClientRequest extends OutgoingMessage {
    #chunks = [];
    #timer;
    #base;
    #sent = false;

    constructor(protocol, input, options, callback) {
      super({ highWaterMark: 1 << 20 });
      const [given, listener] = described(input, options, callback);
      this.#target(given, given.protocol ?? given.agent?.protocol ?? protocol);
      this.#given(given);
      if (listener) this.once('response', listener);
      if (given.timeout) this.setTimeout(Number(given.timeout));
      this.#follow(given.signal);
      process.nextTick(() => this.#connect());
    }

    #target(given, protocol) {
      if (protocol !== 'http:' && protocol !== 'https:') {
        throw coded(TypeError, 'ERR_INVALID_PROTOCOL', `Protocol "${protocol}" not supported. Expected "http:" or "https:"`);
      }
      if (given.socketPath) throw coded(Error, 'ERR_UNSUPPORTED', 'socketPath is not supported: every request goes through the HTTP gateway');
      const path = given.path ?? '/';
      if (/[^\u0021-\u00ff]/.test(path)) throw coded(TypeError, 'ERR_UNESCAPED_CHARACTERS', 'Request path contains unescaped characters');
      const name = given.hostname ?? given.host ?? 'localhost';
      const port = Number(given.port ?? given.defaultPort ?? given.agent?.defaultPort ?? 0);
      const usual = protocol === 'https:' ? 443 : 80;
      const literal = name.includes(':') && !name.startsWith('[') ? `[${name}]` : name;
      this.#base = `${protocol}//${literal}${port && port !== usual ? `:${port}` : ''}`;
      Object.assign(this, { protocol, path, host: name, method: String(given.method ?? 'GET').toUpperCase(), agent: given.agent, aborted: false,
        reusedSocket: false, maxHeadersCount: null, timeout: given.timeout, res: null, socket: new Connection(protocol === 'https:') });
    }
    #given(given) {
      const headers = given.headers ?? {};
      if (Array.isArray(headers)) for (let i = 0; i + 1 < headers.length; i += 2) this.appendHeader(headers[i], headers[i + 1]);
      else if (typeof headers[Symbol.iterator] === 'function') for (const [name, value] of headers) this.setHeader(name, value);
      else for (const name of Object.keys(headers)) if (headers[name] !== undefined) this.setHeader(name, headers[name]);
      if (!this.hasHeader('host') && given.setHost !== false) this.setHeader('Host', this.#base.slice(this.protocol.length + 2));
      if (given.auth && !this.hasHeader('authorization')) this.setHeader('Authorization', `Basic ${Buffer.from(given.auth).toString('base64')}`);
    }
    #follow(signal) {
      if (!signal) return;
      const stop = () => this.destroy(Object.assign(new Error('The operation was aborted', { cause: signal.reason }), { name: 'AbortError', code: 'ABORT_ERR' }));
      if (signal.aborted) process.nextTick(stop);
      else signal.addEventListener('abort', stop, { once: true });
    }
    #connect() {
      if (this.destroyed) return;
      this.emit('socket', this.socket);
      this.socket.emit('connect');
      if (this.protocol === 'https:') this.socket.emit('secureConnect');
    }

    _write(chunk, encoding, done) {
      this.#chunks.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
      done();
    }
    _final(done) {
      this.#send();
      done();
    }
    end(...args) {
      super.end(...args);
      this.finished = true;
      return this;
    }

    #send() {
      this.#sent = true;
      const headers = [];
      for (const name of this.getRawHeaderNames()) {
        for (const value of [].concat(this.getHeader(name))) headers.push([name, String(value)]);
      }
      this.headersSent = true;
      const body = this.#chunks.length ? new Uint8Array(Buffer.concat(this.#chunks)) : null;
      this.#chunks = [];
      const args = { method: this.method, url: this.#base + this.path, headers, redirect: 'manual', plain: true };
      call('fetch', args, body).then(({ value, id }) => this.#answer(value, id), (error) => this.#failed(error));
    }
    #answer(value, id) {
      if (this.destroyed) return;
      this.#clear();
      const message = IncomingMessage.answer(this, value, id);
      this.res = message;
      message.once('end', () => process.nextTick(() => this.destroy()));
      if (this.listenerCount('response') === 0) message.resume();
      this.emit('response', message);
    }
    #failed(error) {
      if (this.destroyed) return;
      error.gatewayCode = error.code;
      error.code = NODE_CODES[error.code] ?? error.code;
      Object.assign(error, { syscall: 'connect', hostname: this.host });
      this.destroy(error);
    }

    setTimeout(ms, callback) {
      if (callback) this.once('timeout', callback);
      this.#clear();
      if (ms > 0) this.#timer = setTimeout(() => { this.emit('timeout'); this.socket.emit('timeout'); }, ms);
      return this;
    }
    #clear() { clearTimeout(this.#timer); }
    setNoDelay() {}
    setSocketKeepAlive() {}
    onSocket() {}
    abort() {
      if (this.aborted) return;
      this.aborted = true;
      process.nextTick(() => this.emit('abort'));
      this.destroy();
    }
    _destroy(error, done) {
      this.#clear();
      this.socket.destroy();
      const open = this.res && !this.res.complete;
      if (open) {
        this.res.aborted = true;
        this.res.emit('aborted');
        this.res.destroy(error ?? coded(Error, 'ECONNRESET', 'aborted'));
      }
      const lost = !error && !this.res ? coded(Error, 'ECONNRESET', 'socket hang up') : error;
      done(lost);
    }
  }

  // ---- agents and servers

  class Agent extends EventEmitter {
    constructor(options = {}) {
      super();
      Object.assign(this, { options: { path: null, noDelay: true, ...options }, keepAlive: Boolean(options.keepAlive), keepAliveMsecs: options.keepAliveMsecs ?? 1000,
        maxSockets: options.maxSockets ?? Infinity, maxFreeSockets: options.maxFreeSockets ?? 256, maxTotalSockets: options.maxTotalSockets ?? Infinity,
        sockets: {}, freeSockets: {}, requests: {}, scheduling: 'lifo' });
      this.defaultPort = 80;
      this.protocol = 'http:';
    }
    getName(options = {}) { return `${options.host ?? 'localhost'}:${options.port ?? ''}:${options.localAddress ?? ''}`; }
    createConnection() { throw coded(Error, 'ERR_UNSUPPORTED', 'raw sockets are not available: every request goes through the HTTP gateway'); }
    addRequest() {}
    keepSocketAlive() { return true; }
    reuseSocket() {}
    destroy() {}
  }

  const noServer = (name) => () => {
    throw coded(Error, 'ERR_UNSUPPORTED', `${name}.createServer is not supported: an integration is called by its trigger; for requests from outside use an http trigger`);
  };

  class Server extends EventEmitter {
    constructor() { super(); noServer('http')(); }
  }
  class ServerResponse extends OutgoingMessage {
    constructor(request) { super(); this.req = request; this.statusCode = 200; this.statusMessage = undefined; }
  }

  // The module for one protocol.
  function client(protocol, AgentOf) {
    const request = (input, options, callback) => new ClientRequest(protocol, input, options, callback);
    return {
      request,
      get(input, options, callback) {
        const made = request(input, options, callback);
        made.end();
        return made;
      },
      Agent: AgentOf,
      globalAgent: new AgentOf({ keepAlive: true }),
      createServer: noServer(protocol.slice(0, -1)),
      Server,
    };
  }

  // Node's own signature: new ClientRequest(url | options, …) without the protocol in front.
  class PublicRequest extends ClientRequest {
    constructor(...args) { super('http:', ...args); }
    static [Symbol.hasInstance](value) { return ClientRequest[Symbol.hasInstance].call(ClientRequest, value); }
  }
  Object.defineProperty(PublicRequest, 'name', { value: 'ClientRequest' });

  return {
    ...client('http:', Agent),
    ClientRequest: PublicRequest, IncomingMessage, OutgoingMessage, ServerResponse, STATUS_CODES, METHODS, maxHeaderSize: 16384, validateHeaderName, validateHeaderValue,
    setMaxIdleHTTPParsers() {},
    get WebSocket() { return globalThis.WebSocket; },
    client,
  };
})

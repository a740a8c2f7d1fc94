// What requests and responses are made of: a body knows its text, its bytes or its stream, and can be read once.
(function ({ host, load, text, parse }) {
  const { view, joined } = load('web/encoding');

  // ---- sources

  const empty = { text: () => '', bytes: () => new Uint8Array(0), type: null };
  const ofText = (value, type) => ({ text: () => value, bytes: () => host.utf8(text(value)), type, string: value });
  const ofBytes = (value, type = null) => ({ text: () => host.decode(value, false), bytes: () => value.slice(), type });
  const ofHost = (id) => ({ text: () => host.bodyText(id), bytes: () => host.bodyBytes(id), type: null });
  const ofStream = (stream) => ({ stream, type: null });

  const isStream = (value) => typeof value?.getReader === 'function';
  const tagOf = (value) => (typeof value === 'object' && value !== null ? Object.prototype.toString.call(value).slice(8, -1) : '');

  function source(body) {
    if (body === undefined || body === null) return null;
    if (typeof body === 'string') return ofText(body, 'text/plain;charset=UTF-8');
    if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return ofBytes(view(body).slice());
    switch (tagOf(body)) {
      case 'URLSearchParams': return ofText(body.toString(), 'application/x-www-form-urlencoded;charset=UTF-8');
      case 'Blob':
      case 'File': if (load('web/blob').bytesOf(body)) return ofBytes(load('web/blob').bytesOf(body), body.type || null); break;
      case 'FormData': return ofForm(body);
    }
    if (isStream(body)) return ofStream(body);
    if (typeof body[Symbol.asyncIterator] === 'function') return ofStream(load('web/streams').fromIterable(body));
    if (typeof body === 'object' && (Object.getPrototypeOf(body) === Object.prototype || Array.isArray(body))) {
      throw new TypeError('fetch: the body is an object; pass JSON.stringify(body) and the header content-type: application/json');
    }
    return ofText(String(body), 'text/plain;charset=UTF-8');
  }

  function ofForm(form) {
    const { bytes, type } = load('web/form').print(form);
    return ofBytes(bytes, type);
  }

  async function collect(stream) {
    const reader = stream.getReader();
    const parts = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return parts.length === 0 ? new Uint8Array(0) : joined(parts);
      if (typeof value === 'string') parts.push(host.utf8(text(value)));
      else parts.push(view(value));
    }
  }

  // All the bytes of a source.
  const drain = async (from) => (from.stream ? collect(from.stream) : from.bytes());

  const withoutMark = (value) => (value.charCodeAt(0) === 0xfeff ? value.slice(1) : value);

  // ---- the mixin

  class Body {
    #source;
    #used = false;
    #stream = null;

    constructor(from) { this.#source = from; }
    get bodyUsed() { return this.#used; }
    get body() {
      if (this.#source === null) return null;
      this.#stream ??= this.#source.stream ?? this.#streamed(this.#source);
      return this.#stream;
    }
    #streamed(from) {
      return new ReadableStream({
        type: 'bytes',
        pull: (controller) => {
          this.#used = true;
          const bytes = from.bytes();
          if (bytes.length) controller.enqueue(bytes);
          controller.close();
          controller.byobRequest?.respond(0);
        },
      }, { highWaterMark: 0 });
    }
    #take() {
      if (this.#used || this.#stream?.locked) throw new TypeError('Body is unusable: it has been read already; use clone() to read it twice');
      if (this.#source === null) return empty;
      this.#used = true;
      return this.#stream ? ofStream(this.#stream) : this.#source;
    }
    async text() {
      const from = this.#take();
      return withoutMark(from.stream ? host.decode(await collect(from.stream), false) : from.text());
    }
    async json() { return parse(await this.text()); }
    async bytes() { return drain(this.#take()); }
    async arrayBuffer() {
      const bytes = await drain(this.#take());
      return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
    }
    async blob() { return new Blob([await drain(this.#take())], { type: this.headers.get('content-type') ?? '' }); }
    async formData() { return load('web/form').read(await drain(this.#take()), this.headers.get('content-type') ?? ''); }

    // The source, unread.
    static peek(body) {
      if (body.#used || body.#stream?.locked) throw new TypeError('Body is unusable: it has been read already');
      return body.#stream ? ofStream(body.#stream) : body.#source;
    }
    // A second source of the same content.
    static split(body) {
      const from = peek(body);
      if (!from?.stream) return from;
      const [mine, other] = from.stream.tee();
      body.#source = { ...from, stream: mine };
      body.#stream = mine;
      return { ...from, stream: other };
    }
  }
  const { peek, split } = Body;
  delete Body.peek;
  delete Body.split;

  return { Body, source, peek, split, ofHost, drain };
})

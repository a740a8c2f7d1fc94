// Hash and Hmac over the host's running states; and what all classes of `crypto` share: bytes, digests' names, streams.
(function ({ native, host, require }) {
  const cryptoNative = native('crypto');
  const { Buffer } = require('buffer');

  const coded = (Type, code, message) => Object.assign(new Type(message), { code });

  // Any bytes that `crypto` takes, as a Uint8Array.
  function bytesOf(data, encoding, name = 'data') {
    if (typeof data === 'string') return Buffer.from(data, encoding === 'buffer' ? 'utf8' : encoding);
    if (data instanceof Uint8Array) return data;
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return new Uint8Array(data);
    throw coded(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" argument must be of type string or an instance of Buffer, TypedArray, or DataView. Received ${data === null ? 'null' : typeof data}`);
  }

  // The host looks at the clock between pieces.
  function* pieces(bytes) {
    for (let at = 0; at < bytes.length; at += host.slice) yield bytes.subarray(at, at + host.slice);
  }

  const asBuffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const output = (bytes, encoding) => (encoding && encoding !== 'buffer' ? asBuffer(bytes).toString(encoding) : asBuffer(bytes));

  // The host's name of a digest: `RSA-SHA256`, `SHA-256` and `sha256` are one.
  function digestName(name) {
    return String(name).toLowerCase().replace(/^rsa-/, '').replace(/withrsaencryption$/, '').replace(/^sha-(\d)/, 'sha$1').replace('/', '-');
  }

  function hasher(name, key) {
    const state = cryptoNative.hasher(digestName(name), key);
    if (!state) throw coded(Error, 'ERR_CRYPTO_INVALID_DIGEST', `Digest method not supported: ${name}`);
    return state;
  }

  // A digest of one piece of data.
  function digest(name, data, key) {
    const state = hasher(name, key);
    for (const piece of pieces(data)) state.update(piece);
    return state.digest();
  }

  // ---- streams: made when one of their methods is called, as most hashes never are one

  const METHODS = ['on', 'once', 'off', 'addListener', 'removeListener', 'removeAllListeners', 'prependListener', 'emit', 'listeners', 'listenerCount',
    'setMaxListeners', 'write', 'end', 'pipe', 'unpipe', 'read', 'resume', 'pause', 'cork', 'uncork', 'setEncoding', 'destroy'];

  function streamed(Class, { write, flush }) {
    const streams = new WeakMap();
    const streamOf = (self) => {
      if (!streams.has(self)) {
        const { Transform } = require('stream');
        streams.set(self, new Transform({
          transform(chunk, encoding, done) {
            try { done(null, write(self, chunk)); } catch (error) { done(error); }
          },
          flush(done) {
            try { done(null, flush(self)); } catch (error) { done(error); }
          },
        }));
      }
      return streams.get(self);
    };
    for (const name of METHODS) {
      Object.defineProperty(Class.prototype, name, {
        configurable: true,
        writable: true,
        value(...args) {
          const stream = streamOf(this);
          const result = stream[name](...args);
          return result === stream ? this : result;
        },
      });
    }
    for (const name of ['writable', 'readable', 'destroyed']) {
      Object.defineProperty(Class.prototype, name, { configurable: true, get() { return streamOf(this)[name]; } });
    }
    Class.prototype[Symbol.asyncIterator] = function () { return streamOf(this)[Symbol.asyncIterator](); };
    return Class;
  }

  // ---- classes

  class Hash {
    #state;
    #ended = false;
    constructor(state) { this.#state = state; }
    update(data, encoding) {
      if (this.#ended) throw coded(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
      for (const piece of pieces(bytesOf(data, encoding))) this.#state.update(piece);
      return this;
    }
    digest(encoding) {
      if (this.#ended) throw coded(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
      this.#ended = true;
      return output(this.#state.digest(), encoding);
    }
    copy() {
      if (this.#ended) throw coded(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
      return new this.constructor(this.#state.copy());
    }
  }
  streamed(Hash, { write(hash, chunk) { hash.update(chunk); }, flush: (hash) => hash.digest() });
  class Hmac extends Hash {}

  return { coded, bytesOf, pieces, asBuffer, output, digestName, hasher, digest, streamed, Hash, Hmac };
})

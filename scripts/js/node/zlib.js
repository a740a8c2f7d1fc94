// zlib over the host's codecs: at once, with a callback, or as a stream. Brotli is only taken off, not put on.
(function ({ native, host, require, load }) {
  const zlibNative = native('zlib');
  const { Transform } = require('stream');
  const { Buffer } = require('buffer');
  const { bytesOf } = load('node/hashes');
  // What goes to the host at once; it may come back a thousand times larger.
  const PIECE = 16 * 1024;
  const LONGEST = 0x7fffffff;

  const constants = {
    Z_NO_FLUSH: 0, Z_PARTIAL_FLUSH: 1, Z_SYNC_FLUSH: 2, Z_FULL_FLUSH: 3, Z_FINISH: 4, Z_BLOCK: 5, Z_OK: 0, Z_STREAM_END: 1, Z_NEED_DICT: 2,
    Z_ERRNO: -1, Z_STREAM_ERROR: -2, Z_DATA_ERROR: -3, Z_MEM_ERROR: -4, Z_BUF_ERROR: -5, Z_VERSION_ERROR: -6, Z_NO_COMPRESSION: 0,
    Z_BEST_SPEED: 1, Z_BEST_COMPRESSION: 9, Z_DEFAULT_COMPRESSION: -1, Z_FILTERED: 1, Z_HUFFMAN_ONLY: 2, Z_RLE: 3, Z_FIXED: 4,
    Z_DEFAULT_STRATEGY: 0, ZLIB_VERNUM: 4880, DEFLATE: 1, INFLATE: 2, GZIP: 3, GUNZIP: 4, DEFLATERAW: 5, INFLATERAW: 6, UNZIP: 7,
    BROTLI_DECODE: 8, BROTLI_ENCODE: 9, Z_MIN_WINDOWBITS: 8, Z_MAX_WINDOWBITS: 15, Z_DEFAULT_WINDOWBITS: 15, Z_MIN_CHUNK: 64,
    Z_MAX_CHUNK: Infinity, Z_DEFAULT_CHUNK: 16384, Z_MIN_MEMLEVEL: 1, Z_MAX_MEMLEVEL: 9, Z_DEFAULT_MEMLEVEL: 8, Z_MIN_LEVEL: -1,
    Z_MAX_LEVEL: 9, Z_DEFAULT_LEVEL: -1, BROTLI_OPERATION_PROCESS: 0, BROTLI_OPERATION_FLUSH: 1, BROTLI_OPERATION_FINISH: 2,
    BROTLI_OPERATION_EMIT_METADATA: 3, BROTLI_PARAM_MODE: 0, BROTLI_PARAM_QUALITY: 1, BROTLI_PARAM_LGWIN: 2, BROTLI_PARAM_SIZE_HINT: 5,
    BROTLI_DEFAULT_QUALITY: 11, BROTLI_MIN_QUALITY: 0, BROTLI_MAX_QUALITY: 11,
  };

  const failure = (error) => Object.assign(error, { code: 'Z_DATA_ERROR', errno: constants.Z_DATA_ERROR });

  // ---- one codec: `write` and `end` give the pieces that came out

  function open(name, options = {}) {
    const level = options?.level ?? -1;
    return zlibNative.codec(name, level < 0 ? 6 : level);
  }

  // `unzip` knows gzip from zlib by the first byte.
  function codec(name, options) {
    let inner = name === 'unzip' ? undefined : open(name, options);
    const guarded = (run) => { try { return run(); } catch (error) { throw failure(error); } };
    return {
      *write(data) {
        const bytes = bytesOf(data);
        if (!inner && bytes.length) inner = open(bytes[0] === 0x1f ? 'gunzip' : 'inflate');
        for (let at = 0; at < bytes.length; at += PIECE) {
          const made = guarded(() => inner.write(bytes.subarray(at, at + PIECE)));
          if (made.length) yield made;
        }
      },
      flush() { return inner ? guarded(() => inner.flush()) : new Uint8Array(0); },
      *end() {
        if (!inner) throw failure(new Error('unexpected end of file'));
        const made = guarded(() => inner.end());
        if (made.length) yield made;
      },
    };
  }

  function whole(name, data, options) {
    const limit = options?.maxOutputLength ?? LONGEST;
    const one = codec(name, options);
    const parts = [];
    let size = 0;
    for (const pieces of [one.write(data), one.end()]) {
      for (const piece of pieces) {
        size += piece.length;
        if (size > limit) throw Object.assign(new RangeError(`Cannot create a Buffer larger than ${limit} bytes`), { code: 'ERR_BUFFER_TOO_LARGE' });
        parts.push(piece);
      }
    }
    return Buffer.concat(parts);
  }

  class Zlib extends Transform {
    #codec;
    constructor(name, options = {}) {
      super(options);
      this.#codec = codec(name, options);
      this.bytesWritten = 0;
    }
    #send(pieces) { for (const piece of pieces) this.push(Buffer.from(piece.buffer, piece.byteOffset, piece.length)); }
    _transform(chunk, encoding, done) {
      this.bytesWritten += chunk.length;
      try { this.#send(this.#codec.write(chunk)); done(); } catch (error) { done(error); }
    }
    _flush(done) {
      // Nothing in, nothing out: as an empty body of an answer to HEAD.
      if (this.bytesWritten === 0 && /^(gun|in|un|brotliD)/.test(this.constructor.codec)) return done();
      try { this.#send(this.#codec.end()); done(); } catch (error) { done(error); }
    }
    flush(kind, callback = kind) {
      try { this.#send([this.#codec.flush()].filter((piece) => piece.length)); } catch (error) { this.destroy(error); }
      if (typeof callback === 'function') process.nextTick(callback);
    }
    close(callback) {
      if (callback) this.once('close', callback);
      this.destroy();
    }
    params(level, strategy, callback) { if (callback) process.nextTick(callback); }
    reset() {}
  }

  function noBrotli() {
    throw Object.assign(new Error('zlib: Brotli compression is not supported; use gzip'), { code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM' });
  }

  const CODECS = { Gzip: 'gzip', Gunzip: 'gunzip', Deflate: 'deflate', Inflate: 'inflate', DeflateRaw: 'deflateRaw', InflateRaw: 'inflateRaw', Unzip: 'unzip', BrotliDecompress: 'brotliDecompress' };
  const module = { constants, codes: {}, ...constants, codec };
  for (const [Class, name] of Object.entries(CODECS)) {
    // Callable without `new`, as Node's are.
    const Made = class extends Zlib {
      static codec = name;
      constructor(options) { super(name, options); }
    };
    Object.defineProperty(Made, 'name', { value: Class });
    module[Class] = Object.assign(function (options) { return new Made(options); }, { prototype: Made.prototype });
    module[`create${Class}`] = (options) => new Made(options);
    module[`${name}Sync`] = (data, options) => whole(name, data, options);
    module[name] = (data, ...rest) => {
      const callback = rest.pop();
      let error = null;
      let made;
      try { made = whole(name, data, rest[0]); } catch (caught) { error = caught; }
      process.nextTick(() => callback(error, made));
    };
  }
  return Object.assign(module, { createBrotliCompress: noBrotli, brotliCompress: noBrotli, brotliCompressSync: noBrotli, BrotliCompress: noBrotli });
})

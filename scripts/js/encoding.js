// TextEncoder and TextDecoder, for UTF-8; the host converts.
(function ({ host, text, define }) {
  const CHUNK = 8192;

  function view(input) {
    if (input === undefined) return new Uint8Array(0);
    if (input instanceof Uint8Array) return input;
    if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    if (input instanceof ArrayBuffer || input instanceof SharedArrayBuffer) return new Uint8Array(input);
    throw new TypeError('Expected an ArrayBuffer or a view of one');
  }

  // Bytes as a string of one character each: how bytes cross to the host.
  function binary(bytes) {
    let out = '';
    for (let at = 0; at < bytes.length; at += CHUNK) {
      out += String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK));
    }
    return out;
  }

  // How many bytes at the end are the start of a character that is still to come.
  function unfinished(bytes) {
    for (let back = 1; back <= Math.min(3, bytes.length); back++) {
      const byte = bytes[bytes.length - back];
      if ((byte & 0xc0) === 0x80) continue;
      const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      return needs > back ? back : 0;
    }
    return 0;
  }

  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(input = '') { return host.utf8(text(String(input))); }
    encodeInto(input, target) {
      let read = 0;
      let written = 0;
      for (const character of text(String(input))) {
        const bytes = host.utf8(character);
        if (written + bytes.length > target.length) break;
        target.set(bytes, written);
        written += bytes.length;
        read += character.length;
      }
      return { read, written };
    }
  }

  class TextDecoder {
    #rest = new Uint8Array(0);
    #started = false;
    constructor(label = 'utf-8', options = {}) {
      const name = String(label).trim().toLowerCase();
      if (!['utf-8', 'utf8', 'unicode-1-1-utf-8'].includes(name)) throw new RangeError(`TextDecoder: the encoding '${label}' is not supported; use utf-8`);
      define(this, 'encoding', 'utf-8');
      define(this, 'fatal', Boolean(options?.fatal));
      define(this, 'ignoreBOM', Boolean(options?.ignoreBOM));
    }
    decode(input, options) {
      let bytes = view(input);
      if (this.#rest.length) {
        const joined = new Uint8Array(this.#rest.length + bytes.length);
        joined.set(this.#rest);
        joined.set(bytes, this.#rest.length);
        bytes = joined;
      }
      const keep = options?.stream ? unfinished(bytes) : 0;
      this.#rest = bytes.slice(bytes.length - keep);
      const decoded = host.decode(binary(bytes.subarray(0, bytes.length - keep)), this.fatal);
      if (decoded === undefined) throw new TypeError('The encoded data was not valid for encoding utf-8');
      const first = !this.#started;
      this.#started = Boolean(options?.stream) && (this.#started || decoded !== '');
      return first && !this.ignoreBOM && decoded.charCodeAt(0) === 0xfeff ? decoded.slice(1) : decoded;
    }
  }

  return { TextEncoder, TextDecoder, view, binary };
})

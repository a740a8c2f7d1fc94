// TextEncoder and TextDecoder: UTF-8 and Latin-1 by the host, UTF-16 here.
(function ({ host, text, define }) {
  const LABELS = {
    'utf-8': ['utf-8', 'utf8', 'unicode-1-1-utf-8', 'unicode11utf8', 'unicode20utf8', 'x-unicode20utf8'],
    'utf-16le': ['utf-16le', 'utf-16', 'ucs-2', 'unicode', 'unicodefeff', 'iso-10646-ucs-2', 'csunicode'],
    'utf-16be': ['utf-16be', 'unicodefffe'],
    'windows-1252': ['windows-1252', 'latin1', 'latin-1', 'iso-8859-1', 'iso8859-1', 'iso88591', 'iso_8859-1', 'ascii', 'us-ascii', 'cp1252',
      'l1', 'x-cp1252', 'cp819', 'ibm819', 'ansi_x3.4-1968'],
  };
  // Where windows-1252 differs from Latin-1: 0x80 to 0x9f.
  const WINDOWS = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';
  const CHUNK = 8192;

  function view(input) {
    if (input === undefined) return new Uint8Array(0);
    if (input instanceof Uint8Array) return input;
    if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    if (input instanceof ArrayBuffer || input instanceof SharedArrayBuffer) return new Uint8Array(input);
    throw new TypeError('Expected an ArrayBuffer or a view of one');
  }

  function joined(parts) {
    if (parts.length === 1) return parts[0];
    const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
    let at = 0;
    for (const part of parts) { all.set(part, at); at += part.length; }
    return all;
  }

  // How many bytes at the end are the start of a character that is still to come.
  function unfinished(encoding, bytes) {
    if (encoding === 'windows-1252') return 0;
    if (encoding !== 'utf-8') {
      const odd = bytes.length % 2;
      const high = bytes[bytes.length - odd - (encoding === 'utf-16le' ? 1 : 2)];
      return bytes.length - odd >= 2 && high >= 0xd8 && high < 0xdc ? odd + 2 : odd;
    }
    for (let back = 1; back <= Math.min(3, bytes.length); back++) {
      const byte = bytes[bytes.length - back];
      if ((byte & 0xc0) === 0x80) continue;
      const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      return needs > back ? back : 0;
    }
    return 0;
  }

  function utf16(bytes, little, fatal) {
    let out = '';
    for (let at = 0; at < bytes.length - 1; at += CHUNK) {
      const units = [];
      for (let i = at; i < Math.min(at + CHUNK, bytes.length - 1); i += 2) {
        units.push(little ? bytes[i] | (bytes[i + 1] << 8) : (bytes[i] << 8) | bytes[i + 1]);
      }
      out += String.fromCharCode.apply(null, units);
    }
    if (bytes.length % 2) out += '\ufffd';
    if (fatal && (bytes.length % 2 || !out.isWellFormed())) return undefined;
    return text(out);
  }

  function decode(encoding, bytes, fatal) {
    switch (encoding) {
      case 'utf-8': return host.decode(bytes, fatal);
      case 'windows-1252': return host.latin1(bytes).replace(/[\x80-\x9f]/g, (one) => WINDOWS[one.charCodeAt(0) - 0x80]);
      default: return utf16(bytes, encoding === 'utf-16le', fatal);
    }
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
    get [Symbol.toStringTag]() { return 'TextEncoder'; }
  }

  class TextDecoder {
    #rest = new Uint8Array(0);
    #started = false;
    constructor(label = 'utf-8', options = {}) {
      const wanted = String(label).trim().toLowerCase();
      const encoding = Object.keys(LABELS).find((name) => LABELS[name].includes(wanted));
      if (!encoding) throw new RangeError(`TextDecoder: the encoding '${label}' is not supported; use utf-8, utf-16le or latin1`);
      define(this, 'encoding', encoding);
      define(this, 'fatal', Boolean(options?.fatal));
      define(this, 'ignoreBOM', Boolean(options?.ignoreBOM));
    }
    decode(input, options) {
      let bytes = view(input);
      if (this.#rest.length) bytes = joined([this.#rest, bytes]);
      const keep = options?.stream ? unfinished(this.encoding, bytes) : 0;
      this.#rest = keep ? bytes.slice(bytes.length - keep) : new Uint8Array(0);
      const decoded = decode(this.encoding, keep ? bytes.slice(0, bytes.length - keep) : bytes, this.fatal);
      if (decoded === undefined) throw new TypeError(`The encoded data was not valid for encoding ${this.encoding}`);
      const first = !this.#started;
      this.#started = Boolean(options?.stream) && (this.#started || decoded !== '');
      return first && !this.ignoreBOM && decoded.charCodeAt(0) === 0xfeff ? decoded.slice(1) : decoded;
    }
    get [Symbol.toStringTag]() { return 'TextDecoder'; }
  }

  return { TextEncoder, TextDecoder, view, joined };
})

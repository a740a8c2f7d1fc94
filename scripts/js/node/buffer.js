// Buffer by the `buffer` package; text goes through the host, which is many times faster than JavaScript here.
(function ({ host, load, text, define }) {
  const made = load('npm/buffer');
  const { Buffer } = made;
  const { prototype } = Buffer;
  const slow = { from: Buffer.from, toString: prototype.toString, write: prototype.write, byteLength: Buffer.byteLength, isEncoding: Buffer.isEncoding };
  const { toBase64, toHex } = Uint8Array.prototype;
  const UTF8 = new Set(['utf8', 'utf-8', 'UTF-8', 'UTF8', undefined, null]);
  const MAX = 0x7fffffff;

  const asBuffer = (bytes) => Object.setPrototypeOf(bytes, prototype);
  const base64 = (name) => (typeof name === 'string' && /^base64(url)?$/i.test(name) ? name.toLowerCase() : undefined);

  // As Node reads it: both alphabets, everything else skipped, the first `=` ends it.
  function fromBase64(string) {
    try {
      return Uint8Array.fromBase64(string);
    } catch {
      const end = string.indexOf('=');
      let clean = (end < 0 ? string : string.slice(0, end)).replace(/-/g, '+').replace(/_/g, '/').replace(/[^A-Za-z0-9+/]/g, '');
      if (clean.length % 4 === 1) clean = clean.slice(0, -1);
      const rest = clean.length % 4;
      // Bits beyond the last byte are dropped.
      if (rest) {
        const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
        const last = ALPHABET.indexOf(clean.at(-1)) & (rest === 2 ? 0x30 : 0x3c);
        clean = clean.slice(0, -1) + ALPHABET[last];
      }
      return Uint8Array.fromBase64(clean);
    }
  }

  function encoded(string, encoding) {
    if (UTF8.has(encoding)) return host.utf8(text(string));
    if (base64(encoding)) return fromBase64(string);
    return undefined;
  }

  Buffer.from = function from(value, encoding, length) {
    if (typeof value === 'string') {
      const bytes = encoded(value, encoding);
      if (bytes) return asBuffer(bytes);
    }
    return slow.from.call(this, value, encoding, length);
  };
  Buffer.byteLength = function byteLength(value, encoding) {
    if (typeof value === 'string') {
      if (UTF8.has(encoding)) return host.byteLength(text(value));
      if (base64(encoding)) return Math.floor((value.replace(/=+$/, '').length * 3) / 4);
    }
    return slow.byteLength(value, encoding);
  };
  Buffer.isEncoding = (name) => base64(name) !== undefined || slow.isEncoding(name);
  Buffer.copyBytesFrom ??= (view, offset = 0, length = view.length - offset) => {
    const part = view.subarray(offset, offset + length);
    return Buffer.from(part.buffer.slice(part.byteOffset, part.byteOffset + part.byteLength));
  };

  define(prototype, 'toString', function toString(encoding, start = 0, end = this.length) {
    const whole = start <= 0 && end >= this.length;
    const bytes = whole ? this : this.subarray(Math.max(0, start), Math.max(0, end));
    if (UTF8.has(encoding)) return host.decode(bytes, false);
    switch (String(encoding).toLowerCase()) {
      case 'base64': return toBase64.call(bytes);
      case 'base64url': return toBase64.call(bytes, { alphabet: 'base64url', omitPadding: true });
      case 'hex': return toHex.call(bytes);
      case 'latin1':
      case 'binary': return host.latin1(bytes);
      default: return slow.toString.call(this, encoding, start, end);
    }
  });
  define(prototype, 'toLocaleString', prototype.toString);
  define(prototype, 'write', function write(string, offset, length, encoding) {
    const name = [encoding, length, offset].find((value) => typeof value === 'string');
    if (!base64(name)) return slow.write.call(this, string, offset, length, encoding);
    const at = typeof offset === 'number' ? offset : 0;
    const bytes = fromBase64(string).subarray(0, Math.min(typeof length === 'number' ? length : MAX, this.length - at));
    this.set(bytes, at);
    return bytes.length;
  });
  for (const [name, encoding] of [['utf8', 'utf8'], ['hex', 'hex'], ['latin1', 'latin1'], ['ascii', 'ascii'], ['base64', 'base64'], ['base64url', 'base64url'], ['ucs2', 'ucs2']]) {
    define(prototype, `${name}Slice`, function (start, end) { return this.toString(encoding, start, end); });
    define(prototype, `${name}Write`, function (string, offset, length) { return this.write(string, offset, length, encoding); });
  }
  for (const name of Object.getOwnPropertyNames(prototype)) {
    // `readUint8` beside `readUInt8`.
    if (/^(read|write)UInt/.test(name)) define(prototype, name.replace('UInt', 'Uint'), prototype[name]);
  }

  return {
    ...made,
    Buffer,
    constants: { MAX_LENGTH: MAX, MAX_STRING_LENGTH: 0x1fffffe8 },
    kMaxLength: MAX,
    kStringMaxLength: 0x1fffffe8,
    get Blob() { return Blob; },
    get File() { return File; },
    atob: globalThis.atob,
    btoa: globalThis.btoa,
    isUtf8: (bytes) => host.decode(new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength), true) !== undefined,
    isAscii: (bytes) => new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength).every((byte) => byte < 128),
    transcode: (bytes, from, to) => Buffer.from(Buffer.from(bytes).toString(from), to),
    resolveObjectURL: () => undefined,
  };
})

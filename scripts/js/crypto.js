// crypto.randomUUID and crypto.getRandomValues, from the operating system's generator.
(function ({ host }) {
  const LIMIT = 65536;

  const crypto = {
    getRandomValues(array) {
      if (!ArrayBuffer.isView(array) || array instanceof DataView || array instanceof Float32Array || array instanceof Float64Array) {
        throw new DOMException('getRandomValues: pass a typed array of integers', 'TypeMismatchError');
      }
      if (array.byteLength > LIMIT) {
        throw new DOMException(`getRandomValues: ${array.byteLength} bytes asked for, at most ${LIMIT} at a time`, 'QuotaExceededError');
      }
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(host.randomBytes(array.byteLength));
      return array;
    },
    randomUUID() {
      const bytes = host.randomBytes(16);
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    },
  };

  return { crypto };
})

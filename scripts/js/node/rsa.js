// publicEncrypt: RSA with OAEP or PKCS#1 v1.5 padding. Only the public part of a key takes part, whose arithmetic is short; decrypting would
// need a private key's, which must not be told by how long it takes.
(function ({ require, load }) {
  const { Buffer } = require('buffer');
  const { coded, bytesOf, digest, digestName } = load('node/hashes');
  const { keyFor } = load('node/keys');
  const PKCS1 = 1;
  const OAEP = 4;
  const LONGEST = 512;

  const number = (bytes) => BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);

  function power(base, exponent, modulus) {
    let result = 1n;
    for (let left = exponent, square = base % modulus; left > 0n; left >>= 1n, square = (square * square) % modulus) {
      if (left & 1n) result = (result * square) % modulus;
    }
    return result;
  }

  function xor(bytes, mask) {
    for (let at = 0; at < bytes.length; at++) bytes[at] ^= mask[at];
  }

  function mask(seed, length, hash) {
    const parts = [];
    for (let made = 0, count = 0; made < length; count++) {
      const counter = Buffer.alloc(4);
      counter.writeUInt32BE(count);
      parts.push(digest(hash, Buffer.concat([seed, counter])));
      made += parts.at(-1).length;
    }
    return Buffer.concat(parts);
  }

  const tooLarge = () => coded(Error, 'ERR_OSSL_RSA_DATA_TOO_LARGE_FOR_KEY_SIZE', 'error:0200006E:rsa routines::data too large for key size');

  function oaep(data, size, { oaepHash = 'sha1', oaepLabel }) {
    const label = Buffer.from(digest(digestName(oaepHash), oaepLabel === undefined ? Buffer.alloc(0) : bytesOf(oaepLabel)));
    const room = size - 2 * label.length - 2;
    if (data.length > room) throw tooLarge();
    const seed = require('crypto').randomBytes(label.length);
    const block = Buffer.concat([label, Buffer.alloc(room - data.length), Buffer.from([1]), data]);
    xor(block, mask(seed, block.length, digestName(oaepHash)));
    xor(seed, mask(block, seed.length, digestName(oaepHash)));
    return Buffer.concat([Buffer.from([0]), seed, block]);
  }

  function pkcs1(data, size) {
    const room = size - data.length - 3;
    if (room < 8) throw tooLarge();
    // No byte of it is zero.
    const filling = Buffer.alloc(room);
    for (let at = 0; at < room;) {
      for (const byte of require('crypto').randomBytes(room)) if (byte !== 0 && at < room) filling[at++] = byte;
    }
    return Buffer.concat([Buffer.from([0, 2]), filling, Buffer.from([0]), data]);
  }

  function publicEncrypt(input, data) {
    const options = typeof input === 'object' && input !== null ? input : {};
    const key = keyFor(input, 'public');
    if (key.kind !== 'rsa') throw coded(Error, 'ERR_OSSL_EVP_OPERATION_NOT_SUPPORTED_FOR_THIS_KEYTYPE', 'crypto.publicEncrypt needs an RSA key');
    if (key.n.length > LONGEST || key.e.length > 8) throw coded(RangeError, 'ERR_OUT_OF_RANGE', 'crypto.publicEncrypt takes keys of at most 4096 bits');
    const bytes = Buffer.from(bytesOf(data, options.encoding));
    const padding = options.padding ?? OAEP;
    if (padding !== OAEP && padding !== PKCS1) throw coded(Error, 'ERR_OSSL_RSA_ILLEGAL_OR_UNSUPPORTED_PADDING_MODE', 'crypto.publicEncrypt pads with OAEP or PKCS1');
    const padded = padding === OAEP ? oaep(bytes, key.n.length, options) : pkcs1(bytes, key.n.length);
    const sealed = power(number(padded), number(key.e), number(key.n)).toString(16);
    return Buffer.from(sealed.padStart(2 * key.n.length, '0'), 'hex');
  }

  return { publicEncrypt };
})

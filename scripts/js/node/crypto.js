// crypto: the module's front.
(function ({ native, host, load, require }) {
  const cryptoNative = native('crypto');
  const { Buffer } = require('buffer');
  const { coded, bytesOf, output, digest, digestName, hasher, asBuffer, Hash, Hmac } = load('node/hashes');
  const { KeyObject, createSecretKey, createPrivateKey, createPublicKey, secretBytes, made } = load('node/keys');
  const web = load('web/crypto');
  const RANDOM = 65_536;
  const HASHES = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha512-224', 'sha512-256'];

  const later = (callback, run) => {
    let error = null;
    let value;
    try { value = run(); } catch (caught) { error = caught; }
    process.nextTick(() => (error ? callback(error) : callback(null, value)));
  };

  // ---- randomness

  function fill(bytes) {
    for (let at = 0; at < bytes.length; at += RANDOM) bytes.set(host.randomBytes(Math.min(RANDOM, bytes.length - at)), at);
    return bytes;
  }
  function randomBytes(size, callback) {
    if (!(Number.isInteger(size) && size >= 0 && size <= 0x7fffffff)) throw coded(RangeError, 'ERR_OUT_OF_RANGE', `The value of "size" is out of range. Received ${size}`);
    if (callback) return later(callback, () => fill(Buffer.alloc(size)));
    return fill(Buffer.alloc(size));
  }
  function randomFillSync(buffer, offset = 0, size = buffer.byteLength - offset) {
    fill(bytesOf(buffer).subarray(offset, offset + size));
    return buffer;
  }
  function randomFill(buffer, ...rest) {
    const callback = rest.pop();
    later(callback, () => randomFillSync(buffer, ...rest));
  }
  function randomInt(low, high, callback) {
    if (high === undefined || typeof high === 'function') return randomInt(0, low, high);
    const range = high - low;
    if (!(Number.isSafeInteger(low) && Number.isSafeInteger(high) && range > 0 && range <= 2 ** 48 - 1)) {
      throw coded(RangeError, 'ERR_OUT_OF_RANGE', 'The range of randomInt must be between 1 and 2 ** 48 - 1');
    }
    const limit = 2 ** 48 - (2 ** 48 % range);
    let drawn;
    do drawn = asBuffer(host.randomBytes(6)).readUIntBE(0, 6); while (drawn >= limit);
    const value = low + (drawn % range);
    if (!callback) return value;
    process.nextTick(callback, null, value);
  }

  // ---- derived keys

  function pbkdf2Sync(password, salt, iterations, length, name = 'sha1') {
    if (!(Number.isInteger(iterations) && iterations >= 1 && iterations <= 0xffffffff)) throw coded(RangeError, 'ERR_OUT_OF_RANGE', `The value of "iterations" is out of range. Received ${iterations}`);
    hasher(name);
    return asBuffer(cryptoNative.pbkdf2(digestName(name), secretBytes(password), bytesOf(salt), iterations, length));
  }
  function scryptSync(password, salt, length, options = {}) {
    const n = options.N ?? options.cost ?? 16_384;
    const r = options.r ?? options.blockSize ?? 8;
    const p = options.p ?? options.parallelization ?? 1;
    const powerOfTwo = n > 1 && n < 2 ** 32 && (n & (n - 1)) === 0;
    if (!powerOfTwo || !(r >= 1 && p >= 1 && r * p < 2 ** 30)) throw coded(RangeError, 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS', 'Invalid scrypt params');
    if (128 * n * r > (options.maxmem ?? 32 << 20)) throw coded(RangeError, 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS', 'Invalid scrypt params: memory limit exceeded');
    return asBuffer(cryptoNative.scrypt(secretBytes(password), bytesOf(salt), [n, r, p], length));
  }
  function hkdfSync(name, key, salt, info, length) {
    const size = hasher(name).digest().length;
    if (length > 255 * size) throw coded(RangeError, 'ERR_CRYPTO_INVALID_KEYLEN', 'Invalid key length');
    const salted = bytesOf(salt);
    const root = digest(name, secretBytes(key), salted.length ? salted : new Uint8Array(size));
    const blocks = [];
    for (let block = Buffer.alloc(0), at = 1; blocks.length * size < length; at++) {
      block = Buffer.from(digest(name, Buffer.concat([block, bytesOf(info), Buffer.from([at])]), root));
      blocks.push(block);
    }
    return new Uint8Array(Buffer.concat(blocks).subarray(0, length)).buffer;
  }

  function timingSafeEqual(one, other) {
    const [left, right] = [bytesOf(one), bytesOf(other)];
    if (left.length !== right.length) throw coded(RangeError, 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length');
    let differs = 0;
    for (let i = 0; i < left.length; i++) differs |= left[i] ^ right[i];
    return differs === 0;
  }

  // ---- key pairs

  function generateKeyPairSync(type, options = {}) {
    if (type !== 'ed25519') throw coded(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `generateKeyPair('${type}') is not supported: make the key outside and keep it as a secret`);
    const seed = new Uint8Array(host.randomBytes(32));
    const privateKey = made({ type: 'private', kind: 'ed25519', d: seed, point: cryptoNative.edPublic(seed) });
    const publicKey = createPublicKey(privateKey);
    return {
      publicKey: options.publicKeyEncoding ? publicKey.export(options.publicKeyEncoding) : publicKey,
      privateKey: options.privateKeyEncoding ? privateKey.export(options.privateKeyEncoding) : privateKey,
    };
  }

  const unavailable = (name, why) => () => { throw coded(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `crypto.${name} is not supported: ${why}`); };
  const UNAVAILABLE = {
    ...Object.fromEntries(['privateDecrypt', 'privateEncrypt', 'publicDecrypt'].map((name) => [name, 'with RSA, sign, verify and publicEncrypt are there; for both ways, encrypt with AES-GCM'])),
    ...Object.fromEntries(['createECDH', 'createDiffieHellman', 'getDiffieHellman', 'diffieHellman', 'generatePrime', 'generatePrimeSync'].map((name) => [name, 'key agreement is not available'])),
    ...Object.fromEntries(['createCipher', 'createDecipher'].map((name) => [name, 'Node 22 removed it; use createCipheriv'])),
  };

  const lazy = (source, names) => Object.fromEntries(names.map((name) => [name, { enumerable: true, get: () => load(source)[name] }]));
  const make = (source, Class) => (...args) => new (load(source)[Class])(...args);

  const module = {
    createHash: (name) => new Hash(hasher(name)),
    createHmac: (name, key) => new Hmac(hasher(name, secretBytes(key))),
    hash: (name, data, encoding = 'hex') => output(digest(name, bytesOf(data)), encoding),
    Hash: function (name) { return new Hash(hasher(name)); },
    Hmac: function (name, key) { return new Hmac(hasher(name, secretBytes(key))); },
    createCipheriv: make('node/ciphers', 'Cipheriv'),
    createDecipheriv: make('node/ciphers', 'Decipheriv'),
    createSign: make('node/signatures', 'Sign'),
    createVerify: make('node/signatures', 'Verify'),
    KeyObject, createSecretKey, createPrivateKey, createPublicKey,
    randomBytes, pseudoRandomBytes: randomBytes, randomFill, randomFillSync, randomInt,
    randomUUID: () => web.crypto.randomUUID(),
    getRandomValues: (array) => web.crypto.getRandomValues(array),
    pbkdf2Sync, scryptSync, hkdfSync, timingSafeEqual, generateKeyPairSync,
    pbkdf2: (password, salt, iterations, length, name, callback) => later(callback, () => pbkdf2Sync(password, salt, iterations, length, name)),
    scrypt: (password, salt, length, ...rest) => later(rest.pop(), () => scryptSync(password, salt, length, ...rest)),
    hkdf: (name, key, salt, info, length, callback) => later(callback, () => hkdfSync(name, key, salt, info, length)),
    generateKeyPair: (type, options, callback) => later((error, pair) => (error ? callback(error) : callback(null, pair.publicKey, pair.privateKey)), () => generateKeyPairSync(type, options)),
    generateKeySync: (type, { length }) => createSecretKey(randomBytes(length / 8)),
    getHashes: () => [...HASHES, ...HASHES.slice(1, 6).map((name) => `RSA-${name.toUpperCase()}`)],
    getCiphers: () => load('node/ciphers').NAMES,
    getCurves: () => ['prime256v1', 'secp384r1'],
    getCipherInfo(name) { try { const { keyBytes, ivBytes, mode } = load('node/ciphers').known(name); return { name, keyLength: keyBytes, ivLength: ivBytes ?? 12, mode }; } catch { return undefined; } },
    constants: { RSA_PKCS1_PADDING: 1, RSA_NO_PADDING: 3, RSA_PKCS1_OAEP_PADDING: 4, RSA_PKCS1_PSS_PADDING: 6, RSA_PSS_SALTLEN_DIGEST: -1, RSA_PSS_SALTLEN_MAX_SIGN: -2, RSA_PSS_SALTLEN_AUTO: -2, defaultCoreCipherList: '', SSL_OP_NO_SSLv2: 0, SSL_OP_NO_SSLv3: 33554432, SSL_OP_NO_TLSv1: 67108864, SSL_OP_LEGACY_SERVER_CONNECT: 4 },
    webcrypto: web.crypto,
    subtle: web.crypto.subtle,
    getFips: () => 0,
    X509Certificate: class X509Certificate {
      constructor(pem) { this.publicKey = createPublicKey(pem); }
    },
    ...Object.fromEntries(Object.entries(UNAVAILABLE).map(([name, why]) => [name, unavailable(name, why)])),
  };
  return Object.defineProperties(module, {
    ...lazy('node/signatures', ['Sign', 'Verify', 'sign', 'verify']),
    ...lazy('node/rsa', ['publicEncrypt']),
    ...lazy('node/ciphers', ['Cipheriv', 'Decipheriv']),
  });
})

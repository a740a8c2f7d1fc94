// createSign, createVerify, sign and verify.
(function ({ native, load, require }) {
  const cryptoNative = native('crypto');
  const { Buffer } = require('buffer');
  const { bytesOf, output, digestName, hasher, streamed } = load('node/hashes');
  const { keyFor } = load('node/keys');
  const PSS = 6;

  // The curve's own digest when none is named; ring signs with no other.
  const nativeDigest = { p256: 'sha256', p384: 'sha384' };

  function scheme(key, digest, how) {
    if (key.kind === 'rsa') return `${how.padding === PSS ? 'pss' : 'pkcs1'}-${digest}`;
    return `${key.curve}-${digest ?? nativeDigest[key.curve]}-${how.dsaEncoding === 'ieee-p1363' ? 'fixed' : 'der'}`;
  }

  const optionsOf = (key) => (typeof key === 'object' && key !== null ? key : {});

  // Both take the parts of a key, and how a caller of `sign` or `verify` wants it.
  function signed(digest, data, key, how) {
    switch (key.kind) {
      case 'rsa': return cryptoNative.rsaSign(scheme(key, digest ?? 'sha256', how), ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'].map((name) => plain(key[name])), plain(data));
      case 'ec': return cryptoNative.ecSign(scheme(key, digest, how), plain(key.d), plain(key.point), plain(data));
      default: return cryptoNative.edSign(plain(key.d), plain(data));
    }
  }

  function verified(digest, data, key, signature, how) {
    switch (key.kind) {
      case 'rsa': return cryptoNative.rsaVerify(scheme(key, digest ?? 'sha256', how), plain(key.n), plain(key.e), plain(data), plain(signature));
      case 'ec': return cryptoNative.ecVerify(scheme(key, digest, how), plain(key.point), plain(data), plain(signature));
      default: return cryptoNative.edVerify(plain(key.point), plain(data), plain(signature));
    }
  }

  const plain = (bytes) => bytes ?? new Uint8Array(0);
  const signWith = (digest, data, input) => signed(digest, data, keyFor(input, 'private'), optionsOf(input));
  const verifyWith = (digest, data, input, signature) => verified(digest, data, keyFor(input, 'public'), signature, optionsOf(input));

  class Signing {
    #chunks = [];
    digest;
    constructor(name) {
      hasher(name);
      this.digest = digestName(name);
    }
    update(data, encoding) {
      this.#chunks.push(Buffer.from(bytesOf(data, encoding)));
      return this;
    }
    get data() { return Buffer.concat(this.#chunks); }
  }
  streamed(Signing, { write(one, chunk) { one.update(chunk); }, flush: () => undefined });

  class Sign extends Signing {
    sign(key, encoding) { return output(signWith(this.digest, this.data, key), encoding); }
  }
  class Verify extends Signing {
    verify(key, signature, encoding) { return verifyWith(this.digest, this.data, key, bytesOf(signature, encoding)); }
  }

  const named = (name) => (name === null || name === undefined ? undefined : digestName(name));

  return {
    Sign, Verify, signed, verified,
    sign(name, data, key, callback) {
      const made = output(signWith(named(name), bytesOf(data), key));
      if (!callback) return made;
      process.nextTick(callback, null, made);
    },
    verify(name, data, key, signature, callback) {
      const holds = verifyWith(named(name), bytesOf(data), key, bytesOf(signature));
      if (!callback) return holds;
      process.nextTick(callback, null, holds);
    },
  };
})

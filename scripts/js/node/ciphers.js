// createCipheriv and createDecipheriv: AES in four modes, ChaCha20-Poly1305.
(function ({ native, load, require }) {
  const cryptoNative = native('crypto');
  const { Buffer } = require('buffer');
  const { coded, bytesOf, pieces, asBuffer, output, streamed } = load('node/hashes');
  const { secretBytes } = load('node/keys');
  const BLOCK = 16;

  // `aes-256-cbc` as { mode, keyBytes }.
  function known(name) {
    const id = String(name).toLowerCase().replace(/^id-aes(\d+)-/, 'aes-$1-').replace(/^aes(\d+)$/, 'aes-$1-cbc');
    if (id === 'chacha20-poly1305') return { name: id, mode: 'chacha', keyBytes: 32, ivBytes: 12 };
    const [, bits, mode] = /^aes-(128|192|256)-(ecb|cbc|ctr|gcm)$/.exec(id) ?? [];
    if (!bits) throw coded(Error, 'ERR_CRYPTO_UNKNOWN_CIPHER', `Unknown cipher: ${name}; AES in ECB, CBC, CTR or GCM and chacha20-poly1305 are supported`);
    return { name: id, mode, keyBytes: bits / 8, ivBytes: { ecb: 0, cbc: BLOCK, ctr: BLOCK }[mode] };
  }

  class Base {
    #how;
    #state;
    #encrypts;
    #key;
    #iv;
    #aad = Buffer.alloc(0);
    #rest = Buffer.alloc(0);
    #padding = true;
    #tag = null;
    #tagBytes;
    #ended = false;

    constructor(name, key, iv, options, encrypts) {
      this.#how = known(name);
      this.#encrypts = encrypts;
      this.#key = secretBytes(key);
      this.#iv = iv === null || iv === undefined ? Buffer.alloc(0) : bytesOf(iv, 'utf8', 'iv');
      this.#tagBytes = options?.authTagLength ?? BLOCK;
      if (this.#key.length !== this.#how.keyBytes) throw coded(RangeError, 'ERR_CRYPTO_INVALID_KEYLEN', 'Invalid key length');
      const wanted = this.#how.ivBytes;
      if (wanted === undefined ? this.#iv.length === 0 : this.#iv.length !== wanted) throw coded(TypeError, 'ERR_CRYPTO_INVALID_IV', 'Invalid initialization vector');
      if (this.#how.mode !== 'chacha') this.#state = cryptoNative.cipher(this.#how.mode, this.#key, this.#iv, encrypts);
    }

    get #authenticated() { return this.#how.mode === 'gcm' || this.#how.mode === 'chacha'; }

    setAutoPadding(on = true) { this.#padding = Boolean(on); return this; }
    setAAD(data) {
      const bytes = bytesOf(data);
      if (this.#how.mode === 'chacha') this.#aad = Buffer.concat([this.#aad, bytes]);
      else for (const piece of pieces(bytes)) this.#state.aad(piece);
      return this;
    }
    getAuthTag() {
      if (!this.#authenticated || !this.#ended) throw coded(Error, 'ERR_CRYPTO_INVALID_STATE', 'Invalid state for operation getAuthTag');
      return asBuffer(this.#tag).subarray(0, this.#tagBytes);
    }
    setAuthTag(tag, encoding) {
      const bytes = bytesOf(tag, encoding);
      if (bytes.length > BLOCK || bytes.length < 4) throw coded(TypeError, 'ERR_CRYPTO_INVALID_AUTH_TAG', `Invalid authentication tag length: ${bytes.length}`);
      this.#tag = bytes;
      return this;
    }

    update(data, inputEncoding, outputEncoding) {
      if (this.#ended) throw coded(Error, 'ERR_CRYPTO_INVALID_STATE', 'Trying to add data in unsupported state');
      return output(this.#apply(bytesOf(data, inputEncoding)), outputEncoding);
    }
    #apply(bytes) {
      if (this.#how.mode === 'chacha') {
        this.#rest = Buffer.concat([this.#rest, bytes]);
        return Buffer.alloc(0);
      }
      if (this.#authenticated || this.#how.mode === 'ctr') return this.#run(bytes);
      const all = Buffer.concat([this.#rest, bytes]);
      // A decryption keeps the last block back: it may be padding.
      const keep = !this.#encrypts && this.#padding && all.length % BLOCK === 0 && all.length > 0 ? BLOCK : all.length % BLOCK;
      this.#rest = all.subarray(all.length - keep);
      return this.#run(all.subarray(0, all.length - keep));
    }
    #run(bytes) {
      const made = [];
      for (const piece of pieces(bytes)) made.push(this.#state.update(piece));
      return made.length === 1 ? made[0] : Buffer.concat(made);
    }

    final(encoding) {
      if (this.#ended) throw coded(Error, 'ERR_CRYPTO_INVALID_STATE', 'Unsupported state');
      this.#ended = true;
      return output(this.#last(), encoding);
    }
    #last() {
      switch (this.#how.mode) {
        case 'chacha': return this.#sealed();
        case 'gcm':
          this.#verify(this.#state.end());
          return Buffer.alloc(0);
        case 'ctr':
          this.#state.end();
          return Buffer.alloc(0);
        default: {
          const last = this.#encrypts ? this.#padded() : this.#unpadded();
          this.#state.end();
          return last;
        }
      }
    }
    #verify(tag) {
      if (this.#encrypts) { this.#tag = tag; return; }
      const given = this.#tag;
      let differs = given ? 0 : 1;
      for (let i = 0; given && i < given.length; i++) differs |= given[i] ^ tag[i];
      if (differs) throw new Error('Unsupported state or unable to authenticate data');
    }
    #sealed() {
      const text = this.#encrypts ? this.#rest : Buffer.concat([this.#rest, this.#tag ?? Buffer.alloc(0)]);
      const made = cryptoNative.chacha20Poly1305(this.#key, this.#iv, this.#aad, text, this.#encrypts);
      if (!made) throw new Error('Unsupported state or unable to authenticate data');
      if (!this.#encrypts) return made;
      this.#tag = made.subarray(made.length - BLOCK);
      return made.subarray(0, made.length - BLOCK);
    }
    #padded() {
      if (!this.#padding) {
        if (this.#rest.length) throw coded(Error, 'ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH', 'error:1C80006B:Provider routines::wrong final block length');
        return Buffer.alloc(0);
      }
      const missing = BLOCK - this.#rest.length;
      return this.#run(Buffer.concat([this.#rest, Buffer.alloc(missing, missing)]));
    }
    #unpadded() {
      if (!this.#padding && this.#rest.length === 0) return Buffer.alloc(0);
      if (this.#rest.length !== BLOCK) throw coded(Error, 'ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH', 'error:1C80006B:Provider routines::wrong final block length');
      const block = this.#run(this.#rest);
      const count = block[BLOCK - 1];
      const right = count >= 1 && count <= BLOCK && block.subarray(BLOCK - count).every((byte) => byte === count);
      if (!right) throw coded(Error, 'ERR_OSSL_BAD_DECRYPT', 'error:1C800064:Provider routines::bad decrypt');
      return block.subarray(0, BLOCK - count);
    }
  }
  streamed(Base, { write: (cipher, chunk) => cipher.update(chunk), flush: (cipher) => cipher.final() });

  class Cipheriv extends Base {
    constructor(name, key, iv, options) { super(name, key, iv, options, true); }
  }
  class Decipheriv extends Base {
    constructor(name, key, iv, options) { super(name, key, iv, options, false); }
  }

  const NAMES = [128, 192, 256].flatMap((bits) => ['cbc', 'ctr', 'ecb', 'gcm'].map((mode) => `aes-${bits}-${mode}`)).concat('chacha20-poly1305');
  return { Cipheriv, Decipheriv, NAMES, known };
})

//! Cryptography and compression: known vectors, round trips, and the run's limits.

use scripts::protocol::Limits;

use crate::engine::Engine;
use crate::modules::check;

#[test]
fn hashes_and_derived_keys() {
    check(&[
        (
            "const { createHash, createHmac, getHashes } = require('crypto'); return [createHash('md5').update('abc').digest('hex'), createHash('SHA-1').update('abc').digest('base64'), createHash('sha512-256').update('abc').digest('hex').slice(0, 16), createHmac('RSA-SHA256', 'key').update('The quick brown fox ').update('jumps over the lazy dog').digest('hex'), getHashes().includes('sha384')]",
            r#"["900150983cd24fb0d6963f7d28e17f72","qZk+NkcGgWq6PiVxeFDCbJzQ2J0=","53048e2681941ef9","f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",true]"#,
        ),
        (
            "const { createHash } = require('crypto'); const h = createHash('sha256').update('a'); const c = h.copy().update('b'); const streamed = require('stream').Readable.from(['a', 'b']).pipe(createHash('sha256')); const [end] = await require('events').once(streamed, 'data'); try { h.digest(); h.update('x') } catch (error) { return [c.digest('hex') === createHash('sha256').update('ab').digest('hex'), end.equals(createHash('sha256').update('ab').digest()), error.code] }",
            r#"[true,true,"ERR_CRYPTO_HASH_FINALIZED"]"#,
        ),
        (
            "const c = require('crypto'); return [c.pbkdf2Sync('password', 'salt', 4096, 20, 'sha1').toString('hex'), c.scryptSync('password', 'NaCl', 64, { N: 1024, r: 8, p: 16 }).toString('hex').slice(0, 32), c.scryptSync('', '', 16, { N: 16, r: 1, p: 1 }).toString('hex'), Buffer.from(c.hkdfSync('sha256', Buffer.alloc(22, 11), Buffer.from('000102030405060708090a0b0c', 'hex'), Buffer.from('f0f1f2f3f4f5f6f7f8f9', 'hex'), 42)).toString('hex')]",
            r#"["4b007901b765489abead49d926f721d065a429c1","fdbabe1c9d3472007856e7190d01e9fe","77d6576238657b203b19ca42c18a0497","3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"]"#,
        ),
        ("require('crypto').createHash('nope')", "Error: Digest method not supported: nope"),
        (
            "const c = require('crypto'); return [c.timingSafeEqual(Buffer.from('a'), Buffer.from('a')), c.randomBytes(100000).length, c.randomInt(5, 6), c.randomUUID().length, await new Promise((done) => c.randomBytes(3, (error, bytes) => done(bytes.length)))]",
            "[true,100000,5,36,3]",
        ),
    ]);
}

#[test]
fn ciphers() {
    check(&[
        (
            "const { createCipheriv } = require('crypto'); const key = Buffer.from('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4', 'hex'); const iv = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'); const text = Buffer.from('6bc1bee22e409f96e93d7e117393172a', 'hex'); const first = (name, iv) => createCipheriv(name, key, iv).update(text).toString('hex'); return [first('aes-256-cbc', iv), first('aes-256-ecb', null), first('aes-256-ctr', Buffer.from('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'hex'))]",
            r#"["f58c4c04d6e5f1ba779eabfb5f7bfbd6","f3eed1bdb5d2a03c064b5a7e3db181f8","601ec313775789a5b7a7f504bbf3d228"]"#,
        ),
        (
            // The fourth and the sixth test of the GCM specification for 128 bits: associated data, and a nonce of 60 bytes.
            "const { createCipheriv } = require('crypto'); const key = Buffer.from('feffe9928665731c6d6a8f9467308308', 'hex'); const text = Buffer.from('d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39', 'hex'); const aad = Buffer.from('feedfacedeadbeeffeedfacedeadbeefabaddad2', 'hex'); return ['cafebabefacedbaddecaf888', '9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b'].map((nonce) => { const c = createCipheriv('aes-128-gcm', key, Buffer.from(nonce, 'hex')); c.setAAD(aad); const out = Buffer.concat([c.update(text.subarray(0, 7)), c.update(text.subarray(7)), c.final()]).toString('hex').slice(0, 16); return [out, c.getAuthTag().toString('hex')] })",
            r#"[["42831ec221777424","5bc94fbc3221a5db94fae95ae7121a47"],["8ce24998625615b6","619cc5aefffe0bfa462af43c1699d050"]]"#,
        ),
        (
            "const { createCipheriv, createDecipheriv, randomBytes } = require('crypto'); const text = randomBytes(1000); return ['aes-128-cbc', 'aes-192-ctr', 'aes-256-ecb', 'aes-256-gcm', 'chacha20-poly1305'].map((name) => { const key = randomBytes(name.startsWith('chacha') ? 32 : Number(name.slice(4, 7)) / 8); const iv = name.includes('ecb') ? null : randomBytes(/gcm|chacha/.test(name) ? 12 : 16); const c = createCipheriv(name, key, iv); const sealed = Buffer.concat([c.update(text.subarray(0, 501)), c.update(text.subarray(501)), c.final()]); const d = createDecipheriv(name, key, iv); if (c.getAuthTag && /gcm|chacha/.test(name)) d.setAuthTag(c.getAuthTag()); return Buffer.concat([d.update(sealed.subarray(0, 333)), d.update(sealed.subarray(333)), d.final()]).equals(text) })",
            "[true,true,true,true,true]",
        ),
        (
            "const { createCipheriv, createDecipheriv } = require('crypto'); const key = Buffer.alloc(32); const failed = (run) => { try { run(); return 'fine' } catch (error) { return error.message } }; return [failed(() => { const d = createDecipheriv('aes-256-gcm', key, Buffer.alloc(12)); d.setAuthTag(Buffer.alloc(16)); d.update('x'); d.final() }), failed(() => createDecipheriv('aes-256-cbc', key, Buffer.alloc(16)).final()), failed(() => createCipheriv('aes-256-cbc', key, Buffer.alloc(3))), failed(() => createCipheriv('aes-128-cbc', key, Buffer.alloc(16))), failed(() => createCipheriv('des', key, null)).slice(0, 19)]",
            r#"["Unsupported state or unable to authenticate data","error:1C80006B:Provider routines::wrong final block length","Invalid initialization vector","Invalid key length","Unknown cipher: des"]"#,
        ),
    ]);
}

#[test]
fn what_is_encrypted_with_a_public_key_opens_with_the_private_one() {
    let rsa = include_str!("keys/rsa.pem").replace('\n', "\\n");
    // The private key's side by hand: c^d mod n, and the padding taken off as RFC 8017 says.
    let open = "const number = (bytes) => BigInt('0x' + Buffer.from(bytes).toString('hex')); \
        const power = (base, exponent, modulus) => { let result = 1n; for (let left = exponent, square = base; left > 0n; left >>= 1n, square = square * square % modulus) if (left & 1n) result = result * square % modulus; return result; }; \
        const jwk = c.createPrivateKey(rsa).export({ format: 'jwk' }); const n = Buffer.from(jwk.n, 'base64url'), d = Buffer.from(jwk.d, 'base64url'); \
        const raw = (sealed) => Buffer.from(power(number(sealed), number(d), number(n)).toString(16).padStart(2 * n.length, '0'), 'hex'); \
        const sha = (name, bytes) => c.createHash(name).update(bytes).digest(); \
        const mgf = (name, seed, length) => { const parts = []; for (let i = 0; Buffer.concat(parts).length < length; i++) { const counter = Buffer.from([0, 0, 0, i]); parts.push(sha(name, Buffer.concat([seed, counter]))); } return Buffer.concat(parts).subarray(0, length); }; \
        const mixed = (one, other) => one.map((byte, at) => byte ^ other[at]); \
        const oaep = (sealed, name, label = '') => { const all = raw(sealed), size = sha(name, '').length; const block = all.subarray(1 + size); const seed = mixed(all.subarray(1, 1 + size), mgf(name, block, size)); const plain = mixed(block, mgf(name, seed, block.length)); const at = plain.indexOf(1, size); return [all[0] === 0, Buffer.from(plain.subarray(0, size)).equals(sha(name, label)), Buffer.from(plain.subarray(at + 1)).toString()]; }; \
        const pkcs1 = (sealed) => { const all = raw(sealed); const at = all.indexOf(0, 2); return [all[0], all[1], at >= 10, all.subarray(at + 1).toString()]; };";
    let start = format!("const c = require('crypto'); const rsa = '{rsa}'; {open}");
    let code = format!(
        "{start} const key = c.createPublicKey(rsa).export({{ format: 'pem', type: 'spki' }}); const first = c.publicEncrypt(key, Buffer.from('a secret')); return [oaep(first, 'sha1'), first.length === n.length, first.equals(c.publicEncrypt(key, Buffer.from('a secret'))), oaep(c.publicEncrypt({{ key: rsa, oaepHash: 'sha256', oaepLabel: Buffer.from('label') }}, Buffer.from('é漢')), 'sha256', 'label'), pkcs1(c.publicEncrypt({{ key, padding: c.constants.RSA_PKCS1_PADDING }}, Buffer.from('older'))), oaep(c.publicEncrypt(key, Buffer.alloc(0)), 'sha1')]"
    );
    let expected = r#"[[true,true,"a secret"],true,false,[true,true,"é漢"],[0,2,true,"older"],[true,true,""]]"#;
    let failing = format!(
        "{start} const ec = c.generateKeyPairSync('ed25519').publicKey; const failed = (run) => {{ try {{ run(); return 'fine'; }} catch (error) {{ return error.code; }} }}; return [failed(() => c.publicEncrypt(rsa, Buffer.alloc(n.length - 41))), failed(() => c.publicEncrypt(rsa, Buffer.alloc(n.length - 42))), failed(() => c.publicEncrypt({{ key: rsa, padding: 1 }}, Buffer.alloc(n.length - 10))), failed(() => c.publicEncrypt({{ key: rsa, padding: 3 }}, Buffer.alloc(9))), failed(() => c.publicEncrypt(ec, Buffer.alloc(9))), failed(() => c.privateDecrypt(rsa, Buffer.alloc(9)))]"
    );
    let codes = r#"["ERR_OSSL_RSA_DATA_TOO_LARGE_FOR_KEY_SIZE","fine","ERR_OSSL_RSA_DATA_TOO_LARGE_FOR_KEY_SIZE","ERR_OSSL_RSA_ILLEGAL_OR_UNSUPPORTED_PADDING_MODE","ERR_OSSL_EVP_OPERATION_NOT_SUPPORTED_FOR_THIS_KEYTYPE","ERR_FEATURE_UNAVAILABLE_ON_PLATFORM"]"#;
    check(&[(&code, expected), (&failing, codes)]);
}

#[test]
fn keys_and_signatures() {
    let rsa = include_str!("keys/rsa.pem").replace('\n', "\\n");
    let ec = include_str!("keys/ec.pem").replace('\n', "\\n");
    let keys = format!("const c = require('crypto'); const rsa = '{rsa}', ec = '{ec}';");
    let code = format!(
        "{keys} const out = []; for (const key of [c.createPrivateKey(rsa), c.createPrivateKey(ec), c.generateKeyPairSync('ed25519').privateKey]) {{ const open = c.createPublicKey(key); const name = key.asymmetricKeyType === 'ed25519' ? null : 'sha256'; const signed = c.sign(name, Buffer.from('text'), key); const forms = [[key, 'pkcs8'], [open, 'spki']].flatMap(([one, type]) => [one.export({{ format: 'pem', type }}), {{ key: one.export({{ format: 'der', type }}), format: 'der', type }}, {{ key: one.export({{ format: 'jwk' }}), format: 'jwk' }}]); out.push([key.asymmetricKeyType, ...forms.map((form) => c.verify(name, Buffer.from('text'), form, signed)), c.verify(name, Buffer.from('tex'), open, signed)]) }} return out"
    );
    check(&[(
        &code,
        r#"[["rsa",true,true,true,true,true,true,false],["ec",true,true,true,true,true,true,false],["ed25519",true,true,true,true,true,true,false]]"#,
    )]);
    let code = format!(
        "{keys} const s = crypto.subtle; const key = await s.importKey('pkcs8', c.createPrivateKey(ec).export({{ format: 'der', type: 'pkcs8' }}), {{ name: 'ECDSA', namedCurve: 'P-256' }}, true, ['sign']); const jwk = await s.exportKey('jwk', key); const open = await s.importKey('jwk', {{ ...jwk, d: undefined }}, {{ name: 'ECDSA', namedCurve: 'P-256' }}, true, ['verify']); const signed = await s.sign({{ name: 'ECDSA', hash: 'SHA-256' }}, key, new Uint8Array(3)); return [signed.byteLength, await s.verify({{ name: 'ECDSA', hash: 'SHA-256' }}, open, signed, new Uint8Array(3)), await s.verify({{ name: 'ECDSA', hash: 'SHA-256' }}, open, signed, new Uint8Array(4))]"
    );
    check(&[
        (&code, "[64,true,false]"),
        (
            "const s = crypto.subtle; const base = await s.importKey('raw', new TextEncoder().encode('pw'), 'PBKDF2', false, ['deriveKey', 'deriveBits']); const key = await s.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(8), iterations: 10 }, base, { name: 'AES-GCM', length: 256 }, true, ['encrypt', 'decrypt']); const iv = new Uint8Array(12); const sealed = await s.encrypt({ name: 'AES-GCM', iv }, key, new Uint8Array([1, 2])); const opened = await s.decrypt({ name: 'AES-GCM', iv }, key, sealed); return [sealed.byteLength, [...new Uint8Array(opened)], await s.decrypt({ name: 'AES-GCM', iv }, key, new Uint8Array(18)).catch((error) => error.name), await s.sign('HMAC', key, iv).catch((error) => error.name)]",
            r#"[18,[1,2],"OperationError","InvalidAccessError"]"#,
        ),
        (
            "return Buffer.from(await crypto.subtle.digest('SHA-384', new Uint8Array(0))).toString('hex').slice(0, 16)",
            r#""38b060a751ac9638""#,
        ),
        (
            "require('crypto').createPrivateKey('no key')",
            "Error: error:1E08010C:DECODER routines::unsupported (no PEM block was found)",
        ),
    ]);
}

#[test]
fn compression() {
    check(&[
        (
            "const z = require('zlib'); const text = 'some text '.repeat(1000); return ['gzip:gunzip', 'gzip:unzip', 'deflate:inflate', 'deflate:unzip', 'deflateRaw:inflateRaw'].map((pair) => { const [pack, open] = pair.split(':'); const packed = z[`${pack}Sync`](text); return packed.length < 300 && z[`${open}Sync`](packed).toString() === text })",
            "[true,true,true,true,true]",
        ),
        (
            "const z = require('zlib'); return z.brotliDecompressSync(Buffer.from('0b058068656c6c6f20776f726c6403', 'hex')).toString()",
            r#""hello world""#,
        ),
        (
            "const z = require('zlib'); const { Readable } = require('stream'); const out = []; for await (const chunk of Readable.from(['abc', 'def']).pipe(z.createGzip()).pipe(z.createGunzip())) out.push(chunk); return [Buffer.concat(out).toString(), await new Promise((done) => z.gunzip(Buffer.from('nope'), (error) => done(error.code))), (await require('util').promisify(z.deflate)('x')).length]",
            r#"["abcdef","Z_DATA_ERROR",9]"#,
        ),
        (
            "try { require('zlib').gunzipSync(require('zlib').gzipSync('x').subarray(0, 15)) } catch (error) { return error.code }",
            r#""Z_DATA_ERROR""#,
        ),
    ]);
}

/// Native operations that a script makes long or large end as its own loops do.
#[test]
fn the_runs_limits_hold_in_native_operations() {
    let mut engine = Engine::start();
    let limits = Limits { timeout_ms: 150, ..Limits::default() };
    for code in [
        "require('crypto').pbkdf2Sync('a', 'b', 4_000_000_000, 64, 'sha512')",
        "require('crypto').scryptSync('a', 'b', 64, { N: 16384, r: 8, p: 10_000 })",
        "const b = Buffer.alloc(4 << 20); const h = require('crypto').createHash('sha512'); for (;;) { try { h.update(b) } catch {} }",
        "const c = require('crypto').createCipheriv('aes-256-ctr', Buffer.alloc(32), Buffer.alloc(16)); const b = Buffer.alloc(1 << 20); for (;;) { try { c.update(b) } catch {} }",
        "const z = require('zlib'); const b = z.gzipSync(Buffer.alloc(8 << 20)); for (;;) { try { for (const piece of z.codec('gunzip').write(b)); } catch {} }",
    ] {
        let ran = engine.run_limited(&format!("module.exports = () => {{ {code} }}"), limits);
        assert_eq!(ran.error().code, "timeout", "{code}: {:?}", ran.result);
        assert!(ran.usage.cpu_ms < 2_000, "{code} computed for {} ms", ran.usage.cpu_ms);
    }
    let limits = Limits { memory_bytes: 16 << 20, timeout_ms: 5_000, ..Limits::default() };
    for code in [
        "require('crypto').scryptSync('a', 'b', 64, { N: 65536, r: 8, maxmem: 1e9 })",
        "const z = require('zlib'); const bombs = []; for (;;) bombs.push(z.gunzipSync(z.gzipSync(Buffer.alloc(1 << 20))))",
    ] {
        let ran = engine.run_limited(&format!("module.exports = () => {{ {code} }}"), limits);
        assert!(matches!(&*ran.error().code, "memory_limit"), "{code}: {:?}", ran.result);
    }
    engine.stop().unwrap();
}

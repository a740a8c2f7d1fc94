// KeyObject: secret keys, and RSA, EC and Ed25519 keys as PEM, DER or JWK.
(function ({ native, load, require, define }) {
  const cryptoNative = native('crypto');
  const { Buffer } = require('buffer');
  const { coded, bytesOf, asBuffer } = load('node/hashes');

  const OID = {
    rsa: '2a864886f70d010101', pss: '2a864886f70d01010a', ec: '2a8648ce3d0201', ed25519: '2b6570',
    p256: '2a8648ce3d030107', p384: '2b81040022',
  };
  const CURVES = {
    p256: { jwk: 'P-256', name: 'prime256v1', bytes: 32 },
    p384: { jwk: 'P-384', name: 'secp384r1', bytes: 48 },
  };
  const RSA = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'];
  const parts = new WeakMap();

  const unsupported = (what) => coded(Error, 'ERR_OSSL_UNSUPPORTED', `error:1E08010C:DECODER routines::unsupported (${what})`);

  // ---- DER

  function item(bytes, at = 0) {
    const first = bytes[at + 1];
    let length = first;
    let start = at + 2;
    if (first & 0x80) {
      length = 0;
      start += first & 0x7f;
      for (let i = at + 2; i < start; i++) length = length * 256 + bytes[i];
    }
    if (!(first >= 0) || start + length > bytes.length) throw unsupported('the key is cut short');
    return { tag: bytes[at], body: bytes.subarray(start, start + length), end: start + length, whole: bytes.subarray(at, start + length) };
  }

  function items(bytes) {
    const list = [];
    for (let at = 0; at < bytes.length;) { const found = item(bytes, at); list.push(found); at = found.end; }
    return list;
  }

  function sequence(bytes) {
    const outer = item(bytes);
    if (outer.tag !== 0x30) throw unsupported('the key is no DER sequence');
    return items(outer.body);
  }

  const hex = (bytes) => Uint8Array.prototype.toHex.call(bytes);
  const unsigned = (bytes) => bytes.subarray(bytes.findIndex((byte, at) => byte !== 0 || at === bytes.length - 1));

  function der(tag, ...bodies) {
    const body = Buffer.concat(bodies);
    const length = body.length < 0x80 ? [body.length] : body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
    return Buffer.concat([Buffer.from([tag, ...length]), body]);
  }
  const integer = (bytes) => der(0x02, bytes[0] & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
  const oid = (name) => der(0x06, Buffer.from(OID[name], 'hex'));
  const small = (number) => der(0x02, Buffer.from([number]));
  const bits = (bytes) => der(0x03, Buffer.from([0]), bytes);

  // ---- reading

  const rsaPrivate = (list) => ({ kind: 'rsa', ...Object.fromEntries(RSA.map((name, at) => [name, unsigned(list[at + 1].body)])) });
  const rsaPublic = (list) => ({ kind: 'rsa', n: unsigned(list[0].body), e: unsigned(list[1].body) });

  function curveOf(bytes) {
    const curve = ['p256', 'p384'].find((name) => OID[name] === hex(bytes));
    if (!curve) throw unsupported('of elliptic curves, P-256, P-384 and Ed25519 are supported');
    return curve;
  }

  function ecPrivate(list, curve) {
    const inside = (tag) => list.find((entry) => entry.tag === tag)?.body;
    const named = curve ?? curveOf(item(inside(0xa0) ?? Buffer.alloc(2)).body);
    const point = inside(0xa1);
    if (!point) throw unsupported('the EC key has no public part; convert it with `openssl ec -in key.pem`');
    return { kind: 'ec', curve: named, d: list[1].body, point: item(point).body.subarray(1) };
  }

  function fromPkcs8(list) {
    const [algorithm, parameters] = items(list[1].body);
    switch (hex(algorithm.body)) {
      case OID.rsa:
      case OID.pss: return rsaPrivate(sequence(list[2].body));
      case OID.ec: return ecPrivate(sequence(list[2].body), curveOf(parameters.body));
      case OID.ed25519: return edPrivate(item(list[2].body).body);
      default: throw unsupported('RSA, EC and Ed25519 keys are supported');
    }
  }

  const edPrivate = (seed) => ({ kind: 'ed25519', d: seed, point: cryptoNative.edPublic(seed) });

  function fromSpki(list) {
    const [algorithm, parameters] = items(list[0].body);
    const key = list[1].body.subarray(1);
    switch (hex(algorithm.body)) {
      case OID.rsa:
      case OID.pss: return rsaPublic(sequence(key));
      case OID.ec: return { kind: 'ec', curve: curveOf(parameters.body), point: key };
      case OID.ed25519: return { kind: 'ed25519', point: key };
      default: throw unsupported('RSA, EC and Ed25519 keys are supported');
    }
  }

  // The subject's key of a certificate: the seventh field, or the sixth when the version is left out.
  function fromCertificate(list) {
    const fields = items(list[0].body);
    return fromSpki(items(fields[fields[0].tag === 0xa0 ? 6 : 5].body));
  }

  const READERS = {
    'PRIVATE KEY': [fromPkcs8, 'private'],
    'RSA PRIVATE KEY': [rsaPrivate, 'private'],
    'EC PRIVATE KEY': [(list) => ecPrivate(list), 'private'],
    'PUBLIC KEY': [fromSpki, 'public'],
    'RSA PUBLIC KEY': [rsaPublic, 'public'],
    CERTIFICATE: [fromCertificate, 'public'],
  };

  function fromPem(text) {
    const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g)].filter(([, label]) => label !== 'EC PARAMETERS');
    if (blocks.length === 0) throw unsupported('no PEM block was found');
    const [, label, body] = blocks[0];
    if (label === 'ENCRYPTED PRIVATE KEY' || body.includes('ENCRYPTED')) throw unsupported('keys with a passphrase are not supported; decrypt it and keep it as a secret');
    const reader = READERS[label];
    if (!reader) throw unsupported(`a ${label}`);
    return { type: reader[1], ...reader[0](sequence(Buffer.from(body, 'base64'))) };
  }

  function fromJwk(jwk) {
    const number = (name) => Buffer.from(String(jwk[name] ?? ''), 'base64url');
    const type = jwk.d === undefined ? 'public' : 'private';
    if (jwk.kty === 'RSA') return { type, kind: 'rsa', ...Object.fromEntries(RSA.filter((name) => jwk[name] !== undefined).map((name) => [name, number(name)])) };
    if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') return { type, kind: 'ed25519', point: number('x'), ...(jwk.d === undefined ? {} : { d: number('d') }) };
    const curve = Object.keys(CURVES).find((name) => CURVES[name].jwk === jwk.crv);
    if (jwk.kty !== 'EC' || !curve) throw coded(TypeError, 'ERR_CRYPTO_INVALID_JWK', `Unsupported JWK: ${jwk.kty} ${jwk.crv ?? ''}`);
    return { type, kind: 'ec', curve, point: Buffer.concat([Buffer.from([4]), number('x'), number('y')]), ...(jwk.d === undefined ? {} : { d: number('d') }) };
  }

  const TYPES = { pkcs8: 'PRIVATE KEY', pkcs1: undefined, sec1: 'EC PRIVATE KEY', spki: 'PUBLIC KEY' };

  // What a caller passes as a key: text, bytes, or an object around one.
  function read(input, wanted) {
    const { key, format, type } = typeof input === 'object' && input !== null && 'key' in input ? input : { key: input };
    if (format === 'jwk' || (typeof key === 'object' && key !== null && typeof key.kty === 'string')) return fromJwk(key);
    if (format === 'der') {
      const label = type === 'pkcs1' ? (wanted === 'private' ? 'RSA PRIVATE KEY' : 'RSA PUBLIC KEY') : TYPES[type ?? (wanted === 'private' ? 'pkcs8' : 'spki')];
      const [reader, kind] = READERS[label] ?? [];
      if (!reader) throw unsupported(`DER of type ${type}`);
      return { type: kind, ...reader(sequence(bytesOf(key))) };
    }
    return fromPem(typeof key === 'string' ? key : asBuffer(bytesOf(key, undefined, 'key')).toString());
  }

  // ---- writing

  const rsaPkcs1 = (key) => der(0x30, ...(key.d ? [small(0), ...RSA.map((name) => integer(key[name]))] : [integer(key.n), integer(key.e)]));
  const sec1 = (key, named = true) => der(0x30, small(1), der(0x04, key.d), ...(named ? [der(0xa0, oid(key.curve))] : []), der(0xa1, bits(key.point)));
  const algorithm = (key) => der(0x30, oid(key.kind), ...(key.kind === 'rsa' ? [der(0x05)] : key.kind === 'ec' ? [oid(key.curve)] : []));

  function pkcs8(key) {
    const inner = { rsa: () => rsaPkcs1(key), ec: () => sec1(key, false), ed25519: () => der(0x04, key.d) }[key.kind]();
    return der(0x30, small(0), algorithm(key), der(0x04, inner));
  }
  const spki = (key) => der(0x30, algorithm(key), bits(key.kind === 'rsa' ? rsaPkcs1({ n: key.n, e: key.e }) : key.point));

  function jwk(key) {
    const text = (bytes) => asBuffer(bytes).toString('base64url');
    if (key.kind === 'rsa') return { kty: 'RSA', ...Object.fromEntries(RSA.filter((name) => key[name]).map((name) => [name, text(key[name])])) };
    const secret = key.d ? { d: text(key.d) } : {};
    if (key.kind === 'ed25519') return { crv: 'Ed25519', x: text(key.point), kty: 'OKP', ...secret };
    const { jwk: crv, bytes } = CURVES[key.curve];
    return { crv, kty: 'EC', x: text(key.point.subarray(1, 1 + bytes)), y: text(key.point.subarray(1 + bytes)), ...secret };
  }

  function written(key, { format = 'pem', type } = {}) {
    if (format === 'jwk') return jwk(key);
    const wanted = type ?? (key.type === 'private' ? 'pkcs8' : 'spki');
    const bytes = { pkcs8, spki, pkcs1: rsaPkcs1, sec1 }[wanted]?.(key);
    if (!bytes) throw coded(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.type' is invalid. Received '${type}'`);
    if (format === 'der') return bytes;
    const label = wanted === 'pkcs1' ? (key.type === 'private' ? 'RSA PRIVATE KEY' : 'RSA PUBLIC KEY') : TYPES[wanted];
    return `-----BEGIN ${label}-----\n${bytes.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
  }

  // ---- the class

  const MADE = Symbol('made here');

  class KeyObject {
    constructor(made, key) {
      if (made !== MADE) throw new TypeError('Illegal constructor: use createSecretKey, createPrivateKey or createPublicKey');
      parts.set(this, key);
      define(this, 'type', key.type);
    }
    static from(key) { return load('web/crypto').keyObject(key); }
    get asymmetricKeyType() { return parts.get(this).kind; }
    get asymmetricKeyDetails() {
      const key = parts.get(this);
      if (key.kind === 'rsa') return { modulusLength: key.n.length * 8, publicExponent: BigInt(`0x${hex(key.e)}`) };
      return key.kind === 'ec' ? { namedCurve: CURVES[key.curve].name } : key.kind ? {} : undefined;
    }
    get symmetricKeySize() { return parts.get(this).secret?.length; }
    export(options) {
      const key = parts.get(this);
      if (key.type !== 'secret') return written(key, options);
      if (options?.format === 'jwk') return { kty: 'oct', k: asBuffer(key.secret).toString('base64url') };
      return Buffer.from(key.secret);
    }
    equals(other) { return this.type === other.type && JSON.stringify(this.export({ format: 'jwk' })) === JSON.stringify(other.export({ format: 'jwk' })); }
    get [Symbol.toStringTag]() { return 'KeyObject'; }
  }
  const made = (key) => new KeyObject(MADE, key);

  function createSecretKey(key, encoding) {
    return made({ type: 'secret', secret: Uint8Array.from(bytesOf(key, encoding, 'key')) });
  }

  function createPrivateKey(input) {
    const key = read(input, 'private');
    if (key.type !== 'private') throw unsupported('a private key is needed');
    return made(key);
  }

  // A private key holds the public one.
  function publicOf(key) {
    const { type, kind, curve, point, n, e } = key;
    if (type === 'secret') throw coded(TypeError, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', 'Invalid key object type secret, expected private.');
    return { type: 'public', kind, curve, point, n, e };
  }
  function createPublicKey(input) {
    const inner = input instanceof KeyObject ? input : input?.key instanceof KeyObject ? input.key : undefined;
    return made(publicOf(inner ? parts.get(inner) : read(input, 'public')));
  }

  // The parts of whatever `sign` and `verify` take as a key.
  function keyFor(input, wanted) {
    const inner = input instanceof KeyObject ? input : input?.key instanceof KeyObject ? input.key : undefined;
    const key = inner ? parts.get(inner) : read(input, wanted);
    if (wanted === 'private' && key.type !== 'private') throw unsupported('a private key is needed to sign');
    if (key.type === 'secret') throw coded(TypeError, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', `Invalid key object type secret, expected ${wanted}.`);
    return key;
  }

  const secretBytes = (key) => (key instanceof KeyObject ? parts.get(key).secret : bytesOf(key, 'utf8', 'key'));

  return { KeyObject, createSecretKey, createPrivateKey, createPublicKey, keyFor, secretBytes, made, partsOf: (key) => parts.get(key), publicOf, read, written, fromJwk, jwk, CURVES, RSA };
})

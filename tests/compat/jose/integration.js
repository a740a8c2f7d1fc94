import { SignJWT, createLocalJWKSet, exportJWK, generateSecret, importJWK, importPKCS8, importSPKI, jwtVerify, decodeJwt, CompactEncrypt, compactDecrypt } from 'jose';

export default async ({ payload: { url } }) => {
  const { rsa, rsaPublic, ec, ecPublic } = await (await fetch(`${url}/keys`)).json();
  const token = async (alg, key) => new SignJWT({ sub: 'u1' }).setProtectedHeader({ alg, kid: 'k' }).setIssuedAt(1700000000).sign(key);
  const secret = new TextEncoder().encode('0123456789abcdef0123456789abcdef');
  const hs = await token('HS256', secret);
  const rs = await token('RS256', await importPKCS8(rsa, 'RS256'));
  const es = await token('ES256', await importPKCS8(ec, 'ES256'));
  const jwk = await exportJWK(await importSPKI(rsaPublic, 'RS256', { extractable: true }));
  const jwks = createLocalJWKSet({ keys: [{ ...jwk, kid: 'k', alg: 'RS256' }] });
  const sealed = await new CompactEncrypt(new TextEncoder().encode('hidden')).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(secret);
  return {
    hs, rs, decoded: decodeJwt(es), verified: [(await jwtVerify(hs, secret)).payload.sub, (await jwtVerify(rs, jwks)).payload.sub, (await jwtVerify(es, await importSPKI(ecPublic, 'ES256'))).payload.sub],
    wrong: await jwtVerify(hs, new Uint8Array(32)).catch((error) => error.code), opened: new TextDecoder().decode((await compactDecrypt(sealed, secret)).plaintext), jwk: [jwk.kty, jwk.e], generated: (await generateSecret('HS256', { extractable: true })).type, oct: (await importJWK({ kty: 'oct', k: 'AAAA' }, 'HS256')).length,
  };
};

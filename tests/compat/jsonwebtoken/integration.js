const jwt = require('jsonwebtoken');
const { generateKeyPairSync } = require('crypto');

module.exports = async ({ payload: { url } }) => {
  const { rsa, rsaPublic, ec, ecPublic } = await (await fetch(`${url}/keys`)).json();
  const claims = { sub: 'u1', iat: 1700000000 };
  const hs = jwt.sign(claims, 'secret', { algorithm: 'HS256' });
  const rs = jwt.sign(claims, rsa, { algorithm: 'RS256', keyid: 'k1' });
  const es = jwt.sign(claims, ec, { algorithm: 'ES256' });
  const ps = jwt.sign(claims, rsa, { algorithm: 'PS256' });
  const bad = (run) => { try { run(); return 'accepted'; } catch (error) { return [error.name, error.message]; } };
  return {
    hs, rs, verified: [jwt.verify(hs, 'secret').sub, jwt.verify(rs, rsaPublic).sub, jwt.verify(es, ecPublic).sub, jwt.verify(ps, rsaPublic, { algorithms: ['PS256'] }).sub],
    header: jwt.decode(rs, { complete: true }).header, wrong: bad(() => jwt.verify(hs, 'other')), forged: bad(() => jwt.verify(`${es.slice(0, -4)}AAAA`, ecPublic)), expired: bad(() => jwt.verify(jwt.sign({ exp: 1 }, 's'), 's')), hs512: jwt.sign(claims, 'secret', { algorithm: 'HS512' }),
  };
};

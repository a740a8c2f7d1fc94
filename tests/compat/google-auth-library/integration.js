const { JWT, OAuth2Client } = require('google-auth-library');

module.exports = async ({ payload: { url } }) => {
  const { rsa } = await (await fetch(`${url}/keys`)).json();
  const oauth = new OAuth2Client({ clientId: 'id', clientSecret: 'secret', redirectUri: 'http://x.test', endpoints: { oauth2TokenUrl: `${url}/token` } });
  const consent = new URL(oauth.generateAuthUrl({ scope: ['a', 'b'], access_type: 'offline' }));
  const { tokens } = await oauth.getToken('code');
  oauth.setCredentials({ access_token: 'at', expiry_date: Date.now() + 3600000 });
  const called = await oauth.request({ url: `${url}/api`, method: 'POST', data: { a: 1 } });
  const service = new JWT({ email: 's@example.com', key: rsa, scopes: ['x'] });
  const signed = await service.sign?.('x').catch(() => undefined);
  const failed = await oauth.request({ url: `${url}/denied`, retry: false }).catch((error) => [error.status ?? error.response.status, error.message]);
  return { scope: consent.searchParams.get('scope'), token: tokens.access_token, called: called.data, kind: typeof service.getRequestHeaders, signed: typeof signed, failed };
};

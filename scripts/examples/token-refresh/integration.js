// Keeps an access token in the cache: the first run asks for one, the others use it until it expires.
// Against a real service, TOKEN is its OAuth token endpoint, and CLIENT_ID and CLIENT_SECRET are secrets.
const TOKEN = 'http://127.0.0.1:7071/oauth/token';
const STATUS = 'http://127.0.0.1:7071/status';
const TTL = 50 * 60 * 1000; // tokens live for an hour

async function requestToken(secrets) {
  console.log('No token in the cache; asking for one');
  const response = await fetch(TOKEN, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: secrets.CLIENT_ID ?? 'demo',
      client_secret: secrets.CLIENT_SECRET ?? 'demo',
    }),
  });
  if (!response.ok) throw new Error(`The token endpoint answered ${response.status}`);
  return (await response.json()).access_token;
}

module.exports = async function tokenRefresh({ secrets, cache }) {
  const token = await cache.get('access-token', { ttl: TTL, getValue: () => requestToken(secrets) });
  const response = await fetch(STATUS, { headers: { authorization: `Bearer ${token}` } });
  if (response.status === 401) {
    await cache.delete('access-token'); // revoked early: the retry asks for a new one
    throw new Error('The token was refused');
  }
  return { status: response.status };
};

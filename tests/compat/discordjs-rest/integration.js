const { REST } = require('@discordjs/rest');

module.exports = async ({ payload: { url } }) => {
  const rest = new REST({ api: url, version: '10', retries: 0 }).setToken('t');
  const posted = await rest.post('/channels/1/messages', { body: { content: 'Hi' } });
  const got = await rest.get('/users/@me');
  const failed = await rest.get('/channels/9').catch((error) => [error.name, error.status]);
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { posted, got, failed, sent: sent.map(({ method, path, body, headers }) => [method, path, body, headers.authorization]) };
};

const { Client } = require('@hubspot/api-client');

module.exports = async ({ payload: { url } }) => {
  const client = new Client({ accessToken: 'pat', basePath: url, numberOfApiCallRetries: 0 });
  const created = await client.crm.contacts.basicApi.create({ properties: { email: 'ada@example.com' }, associations: [] });
  const page = await client.crm.contacts.basicApi.getPage(2, undefined, ['email']);
  const missing = await client.crm.contacts.basicApi.getById('9').catch((error) => [error.code, error.body.message]);
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { id: created.id, page: page.results.map(({ id }) => id), missing, sent: sent.map(({ method, path, query, body, headers }) => [method, path, query, body, headers.authorization]) };
};

const FormData = require('form-data');
const Mailgun = require('mailgun.js');

module.exports = async ({ payload: { url } }) => {
  const client = new (Mailgun.default ?? Mailgun)(FormData).client({ username: 'api', key: 'k', url });
  const sent = await client.messages.create('mg.example.com', { from: 'me@example.com', to: ['ada@example.com'], subject: 'Hi', text: 'plain', attachment: { filename: 'a.txt', data: 'hello' } });
  const domains = await client.domains.list();
  const failed = await client.messages.create('bad.example.com', { from: 'x', to: 'y', text: 'z' }).catch((error) => [error.status, error.details]);
  const asked = await (await fetch(`${url}/_requests`)).json();
  return { sent, domains: domains.map(({ name }) => name), failed, asked: asked.map(({ method, path, headers }) => [method, path, headers.authorization, headers['content-type']?.split(';')[0]]), fields: [...asked[0].body.matchAll(/name="([^"]+)"/g)].map(([, name]) => name) };
};

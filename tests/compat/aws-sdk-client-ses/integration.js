const { SESClient, SendEmailCommand, ListIdentitiesCommand } = require('@aws-sdk/client-ses');

module.exports = async ({ payload: { url } }) => {
  const client = new SESClient({ region: 'eu-west-1', endpoint: url, credentials: { accessKeyId: 'AK', secretAccessKey: 'SK' }, maxAttempts: 1 });
  const sent = await client.send(new SendEmailCommand({ Source: 'me@example.com', Destination: { ToAddresses: ['ada@example.com'] }, Message: { Subject: { Data: 'Hi' }, Body: { Text: { Data: 'a & b' } } } }));
  const again = await client.send(new SendEmailCommand({ Source: 'x', Destination: {}, Message: { Subject: { Data: '' }, Body: {} } }));
  const asked = await (await fetch(`${url}/_requests`)).json();
  return { id: sent.MessageId, again: again.$metadata.httpStatusCode, asked: asked.map(({ method, path, body }) => [method, path, body]), command: typeof ListIdentitiesCommand };
};

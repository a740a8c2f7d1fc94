const mail = require('@sendgrid/mail');

module.exports = async ({ payload: { url } }) => {
  mail.setApiKey('SG.x');
  mail.client.setDefaultRequest('baseUrl', `${url}/`);
  const message = { to: 'ada@example.com', from: { email: 'me@example.com', name: 'Me' }, subject: 'Hi', text: 'plain', html: '<b>rich</b>', attachments: [{ content: Buffer.from('x').toString('base64'), filename: 'x.txt' }] };
  const [response] = await mail.send(message);
  const many = await mail.sendMultiple({ ...message, to: ['a@example.com', 'b@example.com'] });
  mail.client.setDefaultRequest('baseUrl', `${url}/bad/`);
  const failed = await mail.send(message).catch((error) => [error.code, error.response.body]);
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { status: response.statusCode, many: many[0].statusCode, failed, sent: sent.map(({ path, body, headers }) => [path, JSON.parse(body), headers.authorization]) };
};

const { ServerClient } = require('postmark');

module.exports = async ({ payload: { url } }) => {
  const client = new ServerClient('token', { useHttps: false, requestHost: new URL(url).host });
  const sent = await client.sendEmail({ From: 'me@example.com', To: 'ada@example.com', Subject: 'Hi', TextBody: 'x' });
  const batch = await client.sendEmailBatch([{ From: 'a@example.com', To: 'b@example.com', Subject: 'S', TextBody: 'x' }]);
  const failed = await client.getServer().catch((error) => [error.name, error.statusCode]);
  return { id: sent.MessageID, batch: batch.length, failed };
};

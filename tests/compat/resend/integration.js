const { Resend } = require('resend');

module.exports = async ({ payload: { url } }) => {
  const resend = new Resend('re_x', { baseUrl: url });
  const sent = await resend.emails.send({ from: 'me@example.com', to: 'ada@example.com', subject: 'Hi', html: '<b>x</b>' });
  const got = await resend.emails.get('1');
  const failed = await resend.domains.list();
  return { sent: sent.data, got: got.data, failed: failed.error?.name ?? null, asked: sent && sent.error, log: (await (await fetch(`${url}/_requests`)).json()).map(({ method, path }) => [method, path]) };
};

const { IncomingWebhook } = require('@slack/webhook');

module.exports = async ({ payload: { url } }) => {
  const hook = new IncomingWebhook(`${url}/hook`, { icon_emoji: ':bowtie:' });
  const text = await hook.send('plain');
  const rich = await hook.send({ text: 'rich', blocks: [] });
  const failed = await new IncomingWebhook(`${url}/broken`).send('x').catch((error) => error.code);
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { text, rich, failed, sent: sent.map(({ path, body }) => [path, JSON.parse(body)]) };
};

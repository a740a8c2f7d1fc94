const { Telegram } = require('telegraf');

module.exports = async ({ payload: { url } }) => {
  const telegram = new Telegram('123:abc', { apiRoot: url });
  const sent = await telegram.sendMessage(5, 'Hi & bye');
  const failed = await telegram.sendMessage(6, '').catch((error) => [error.code, error.description]);
  const photo = await telegram.sendPhoto(5, { source: Buffer.from('jpg'), filename: 'a.jpg' });
  const asked = await (await fetch(`${url}/_requests`)).json();
  return { sent, failed, photo, asked: asked.map(({ path, body, headers }) => [path, headers['content-type'].split(';')[0], body.includes('Hi & bye')]) };
};

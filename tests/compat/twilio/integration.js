const twilio = require('twilio');

module.exports = async ({ payload: { url } }) => {
  class Http { async request(options) { const { RequestClient } = twilio; return new RequestClient().request({ ...options, uri: options.uri.replace('https://api.twilio.com', url) }); } }
  const client = twilio('AC00000000000000000000000000000000', 'token', { httpClient: new Http() });
  const message = await client.messages.create({ to: '+1555', from: '+1444', body: 'Hi & bye' });
  const failed = await client.messages('SM9').fetch().catch((error) => [error.status, error.code, error.message]);
  const page = await client.calls.list({ limit: 1 });
  const { VoiceResponse } = twilio.twiml;
  const voice = new VoiceResponse();
  voice.say({ voice: 'alice' }, 'Hello');
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { sid: message.sid, failed, page: page.length, voice: voice.toString(), valid: twilio.validateRequest('token', 'x', 'http://a.test', {}), sent: sent.map(({ method, path, body, headers }) => [method, path, body, headers.authorization]) };
};

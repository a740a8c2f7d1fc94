const { WebClient } = require('@slack/web-api');

module.exports = async ({ payload: { url } }) => {
  const client = new WebClient('xoxb-token', { slackApiUrl: `${url}/api/`, retryConfig: { retries: 0 } });
  const posted = await client.chat.postMessage({ channel: 'C1', text: 'Hi & bye', blocks: [{ type: 'divider' }] });
  const who = await client.auth.test();
  const failed = await client.users.info({ user: 'U9' }).catch((error) => [error.code, error.data.error]);
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { posted: [posted.ok, posted.ts], who: who.user_id, failed, sent: sent.map(({ path, body, headers }) => [path, body, headers.authorization]) };
};

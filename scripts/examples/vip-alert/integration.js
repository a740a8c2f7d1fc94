// Tells customer service when one of the best customers signs in: an event integration, whose filter is in its settings.
// Against the real service, use the channel's own incoming webhook, such as https://hooks.slack.com/services/…
const WEBHOOK = 'http://127.0.0.1:7071/chat/webhook';

module.exports = async function vipAlert({ event, run }) {
  const { email, firstName, loyalty } = event.user;
  const name = firstName ?? email;
  const text = `${name} (${loyalty.tier}, ${loyalty.points ?? 0} points) is on the site`;
  const response = await fetch(WEBHOOK, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ channel: '#vip', text }),
  });
  if (!response.ok) throw new Error(`The chat answered ${response.status} ${response.statusText}`);
  console.log('Posted', { event: event.meta.id, replayed: event.meta.replayed ?? false, run: run.id });
  return { posted: true, text };
};

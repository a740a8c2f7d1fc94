// Posts an alert about an order to a chat channel.
// Against the real service, use the channel's own incoming webhook, such as https://hooks.slack.com/services/…
const WEBHOOK = 'http://127.0.0.1:7071/chat/webhook';

module.exports = async function orderAlert({ payload, key }) {
  const { id, customer, total, currency = 'EUR' } = payload ?? {};
  if (!id || typeof total !== 'number') {
    const error = new TypeError('payload needs { id, total }, such as { "id": "A-1001", "total": 59.9 }');
    error.retryable = false;
    throw error;
  }
  const text = `Order ${id}: ${total.toFixed(2)} ${currency} from ${customer ?? 'an unknown customer'}`;
  const response = await fetch(WEBHOOK, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ channel: key?.channel ?? '#orders', text }),
  });
  if (!response.ok) throw new Error(`The chat answered ${response.status} ${response.statusText}`);
  console.log('Posted', { order: id, channel: key?.channel ?? '#orders' });
  return { posted: true, text };
};

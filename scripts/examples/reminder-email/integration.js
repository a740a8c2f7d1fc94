// Sends one reminder by email. It is meant to be scheduled with a key, a delay and a window: see the README.
// Against the real service, use its API, such as https://api.sendgrid.com/v3/mail/send, with a token in `secrets`.
const MAIL = 'http://127.0.0.1:7071/mail/send';

module.exports = async function reminderEmail({ payload, key, run }) {
  const to = payload?.email ?? key?.email;
  if (!to) {
    const error = new TypeError('payload needs { email }, such as { "email": "ada@example.com" }');
    error.retryable = false;
    throw error;
  }
  const response = await fetch(MAIL, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      to,
      subject: payload?.subject ?? 'You left something in your cart',
      text: `Hello ${payload?.name ?? 'there'}, your cart is still waiting for you.`,
    }),
  });
  if (!response.ok) throw new Error(`The mail service answered ${response.status} ${response.statusText}`);
  console.info(`Sent to ${to} (attempt ${run.attempt})`);
  return { sent: to };
};

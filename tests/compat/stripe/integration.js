const Stripe = require('stripe');

module.exports = async ({ payload: { url } }) => {
  const { hostname, port } = new URL(url);
  const stripe = new Stripe('sk_test_x', { host: hostname, port: port || 80, protocol: 'http', maxNetworkRetries: 0, telemetry: false, httpClient: Stripe.createNodeHttpClient() });
  const call = (method, path, params) => stripe.rawRequest(method, path, params);
  const created = await call('POST', '/v1/customers', { email: 'ada@example.com', metadata: { a: 'b c' } });
  const listed = await call('GET', '/v1/customers?limit=2');
  const failed = await call('POST', '/v1/charges', { amount: 1 }).catch((error) => [error.type, error.statusCode, error.code]);
  const signed = (() => {
    const header = stripe.webhooks.generateTestHeaderString({ payload: '{"id":"evt_1"}', secret: 'whsec_x' });
    return stripe.webhooks.constructEvent('{"id":"evt_1"}', header, 'whsec_x').id;
  })();
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { created: created.id, listed: listed.data.length, failed, signed, sent: sent.map(({ path, query, body, headers }) => [path, query, body, headers.authorization]) };
};

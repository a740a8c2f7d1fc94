const contentful = require('contentful');

module.exports = async ({ payload: { url } }) => {
  const client = contentful.createClient({ space: 's', accessToken: 't', host: new URL(url).host, insecure: true, retryOnError: false });
  const entries = await client.getEntries({ content_type: 'post' });
  const missing = await client.getEntry('none').catch((error) => error.name);
  return { items: entries.items.map(({ sys, fields }) => [sys.id, fields.title]), missing };
};

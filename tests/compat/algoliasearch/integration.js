const { algoliasearch } = require('algoliasearch');

module.exports = async ({ payload: { url } }) => {
  const client = algoliasearch('APP', 'KEY', { hosts: [{ url: new URL(url).host, accept: 'readWrite', protocol: 'http' }] });
  const found = await client.searchSingleIndex({ indexName: 'i', searchParams: { query: 'a b' } });
  const saved = await client.saveObject({ indexName: 'i', body: { a: 1 } });
  const failed = await client.getObject({ indexName: 'i', objectID: '9' }).catch((error) => [error.name, error.status]);
  return { hits: found.hits, saved: saved.taskID, failed };
};

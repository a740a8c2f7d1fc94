const Airtable = require('airtable');

module.exports = async ({ payload: { url } }) => {
  const base = new Airtable({ apiKey: 'key', endpointUrl: url, noRetryIfRateLimited: true }).base('app1');
  const rows = await base('Table 1').select({ maxRecords: 2, filterByFormula: '{a} = "b"' }).all();
  const created = await base('Table 1').create([{ fields: { Name: 'Ada' } }]);
  const missing = await base('Table 1').find('rec9').catch((error) => [error.error, error.statusCode]);
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { rows: rows.map((row) => [row.id, row.get('Name')]), created: created[0].id, missing, sent: sent.map(({ method, path, query, headers }) => [method, path, query, headers.authorization]) };
};

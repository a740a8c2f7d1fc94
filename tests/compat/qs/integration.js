const qs = require('qs');

module.exports = async ({ payload: { url } }) => {
  const text = qs.stringify({ a: { b: [1, 2] }, c: 'x y', d: null }, { arrayFormat: 'brackets' });
  const { query } = await (await fetch(`${url}/echo?${text}`)).json();
  return { text, query, parsed: qs.parse(query), deep: qs.parse('a[b][c]=1&a[b][d]=2&e[]=3'), dates: qs.stringify({ at: new Date(0) }) };
};

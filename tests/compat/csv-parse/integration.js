const { parse } = require('csv-parse');
const { parse: parseSync } = require('csv-parse/sync');

module.exports = async ({ payload: { url } }) => {
  const text = await (await fetch(`${url}/data.csv`)).text();
  const rows = parseSync(text, { columns: true, cast: true, trim: true });
  const streamed = await new Promise((resolve, reject) => {
    const found = [];
    const parser = parse({ delimiter: ';' });
    parser.on('readable', () => { for (let row = parser.read(); row !== null; row = parser.read()) found.push(row); });
    parser.on('error', reject);
    parser.on('end', () => resolve(found));
    parser.write('a;b\n1;"x;y"\n');
    parser.end();
  });
  const broken = (() => { try { parseSync('a,b\n1'); return 'fine'; } catch (error) { return error.code; } })();
  return { rows, streamed, broken };
};

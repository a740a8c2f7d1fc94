const Papa = require('papaparse');

module.exports = async ({ payload: { url } }) => {
  const text = await (await fetch(`${url}/data.csv`)).text();
  const parsed = Papa.parse(text, { header: true, dynamicTyping: true, skipEmptyLines: true });
  return { rows: parsed.data, fields: parsed.meta.fields, errors: parsed.errors.length, text: Papa.unparse([{ a: 1, b: 'x,y' }, { a: 2, b: 'q"r' }]) };
};

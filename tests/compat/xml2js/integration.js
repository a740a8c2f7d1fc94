const { Builder, parseString, parseStringPromise } = require('xml2js');

module.exports = async ({ payload: { url } }) => {
  const text = await (await fetch(`${url}/data.xml`)).text();
  const parsed = await parseStringPromise(text, { explicitArray: false });
  const called = await new Promise((resolve, reject) => parseString('<a><b>1</b></a>', (error, value) => (error ? reject(error) : resolve(value))));
  const broken = await parseStringPromise('<a>').catch((error) => error.message.split('\n')[0]);
  return { parsed, called, broken, built: new Builder({ headless: true }).buildObject({ root: { $: { id: 1 }, item: ['a', 'b & c'] } }) };
};

const yaml = require('js-yaml');

module.exports = async ({ payload: { url } }) => {
  const text = await (await fetch(`${url}/data.yml`)).text();
  const broken = (() => { try { yaml.load('a: [1'); return 'fine'; } catch (error) { return error.name; } })();
  return { parsed: yaml.load(text), dumped: yaml.dump({ a: [1, { b: 'x: y' }], c: null }), broken };
};

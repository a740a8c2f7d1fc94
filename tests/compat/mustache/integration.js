const Mustache = require('mustache');

module.exports = async ({ payload: { url } }) => {
  const data = await (await fetch(`${url}/data`)).json();
  return { page: Mustache.render('{{title}}: {{#items}}<{{name}}>{{/items}}{{^none}}!{{/none}}{{&raw}}{{> part}}', { ...data, raw: '<b>' }, { part: '({{title}})' }), tags: Mustache.parse('a {{b}}').length };
};

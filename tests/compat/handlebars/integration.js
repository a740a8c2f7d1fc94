const Handlebars = require('handlebars');

Handlebars.registerHelper('loud', (text) => text.toUpperCase());
Handlebars.registerPartial('row', '<li>{{name}}</li>');

module.exports = async ({ payload: { url } }) => {
  const data = await (await fetch(`${url}/data`)).json();
  const page = Handlebars.compile('<h1>{{loud title}}</h1>{{#each items}}{{> row}}{{else}}none{{/each}}{{#if more}}…{{/if}}{{{raw}}}{{safe}}');
  return { page: page({ ...data, raw: '<b>', safe: '<i>' }), error: (() => { try { Handlebars.compile('{{#if}')({}); return 'fine'; } catch (error) { return error.name; } })() };
};

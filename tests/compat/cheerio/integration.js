const cheerio = require('cheerio');

module.exports = async ({ payload: { url } }) => {
  const $ = cheerio.load(await (await fetch(`${url}/page`)).text());
  $('a').each((index, link) => { $(link).attr('rel', `n${index}`); });
  return { title: $('title').text(), links: $('a').map((index, link) => $(link).attr('href')).get(), html: $('ul').html(), second: $('li:nth-child(2)').text(), xml: cheerio.load('<a><b/></a>', { xml: true }).xml() };
};

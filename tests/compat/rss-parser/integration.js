const Parser = require('rss-parser');

module.exports = async ({ payload: { url } }) => {
  const parser = new Parser();
  const feed = await parser.parseURL(`${url}/feed.xml`);
  const text = await parser.parseString('<rss version="2.0"><channel><title>S</title></channel></rss>');
  const failed = await parser.parseURL(`${url}/none.xml`).catch((error) => error.message);
  return { title: feed.title, items: feed.items.map(({ title, link, isoDate }) => [title, link, isoDate]), text: text.title, failed };
};

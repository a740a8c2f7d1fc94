const { Client, isNotionClientError } = require('@notionhq/client');

module.exports = async ({ payload: { url } }) => {
  const notion = new Client({ auth: 'ntn', baseUrl: url, logLevel: 'error', retry: false });
  const page = await notion.pages.create({ parent: { page_id: 'p' }, properties: { title: [] } });
  const users = await notion.users.list({ page_size: 2 });
  const failed = await notion.blocks.retrieve({ block_id: 'b' }).catch((error) => [isNotionClientError(error), error.code, error.status]);
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { page: page.id, users: users.results.length, failed, sent: sent.map(({ method, path, query, body, headers }) => [method, path, query, body, headers.authorization]) };
};

import got from 'got';

export default async ({ payload: { url } }) => {
  const user = await got(`${url}/user`).json();
  const posted = await got.post(`${url}/items`, { json: { a: 1 }, headers: { 'x-test': 'g' } }).json();
  const query = await got(`${url}/echo`, { searchParams: { q: 'a b', n: 3 } }).json();
  const missing = await got(`${url}/missing`, { retry: { limit: 0 } }).catch((error) => [error.name, error.code, error.response.statusCode]);
  const moved = await got(`${url}/moved`).json();
  const form = await got.post(`${url}/form`, { form: { a: 'b c' } }).json();
  const flaky = await got(`${url}/flaky`, { retry: { limit: 0 }, throwHttpErrors: false });
  const client = got.extend({ prefixUrl: url, responseType: 'json' });
  const { body, statusCode } = await client('user');
  return { user, posted, query: query.query, missing, moved, form: form.body, flaky: flaky.statusCode, body, statusCode };
};

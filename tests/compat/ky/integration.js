import ky from 'ky';

export default async ({ payload: { url } }) => {
  const user = await ky.get(`${url}/user`).json();
  const posted = await ky.post(`${url}/items`, { json: { a: 1 }, headers: { 'x-test': 'k' } }).json();
  const query = await ky(`${url}/echo`, { searchParams: { q: 'a b' } }).json();
  const missing = await ky(`${url}/missing`, { retry: 0 }).catch((error) => [error.name, error.response.status]);
  const hooked = await ky(`${url}/echo`, { hooks: { beforeRequest: [({ request }) => { request?.headers.set('x-test', 'hook'); }] } }).json();
  return { user, posted, query: query.query, missing, hooked: hooked.method };
};

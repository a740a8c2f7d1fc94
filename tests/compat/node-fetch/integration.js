import fetch, { Headers, FormData, FetchError } from 'node-fetch';

export default async ({ payload: { url } }) => {
  const user = await (await fetch(`${url}/user`, { headers: new Headers({ 'x-test': 'h' }) })).json();
  const posted = await (await fetch(`${url}/items`, { method: 'POST', body: JSON.stringify({ a: 1 }) })).json();
  const moved = await fetch(`${url}/moved`);
  const form = new FormData();
  form.set('name', 'Ada');
  const sent = await (await fetch(`${url}/form`, { method: 'POST', body: form })).json();
  const parts = [];
  for await (const part of (await fetch(`${url}/user`)).body) parts.push(part);
  const refused = await fetch('ftp://x.test').catch((error) => [error instanceof FetchError || error instanceof TypeError, error.message]);
  return { user, posted: posted.body, moved: await moved.json(), redirected: moved.redirected, form: sent.body, streamed: Buffer.concat(parts).toString(), refused };
};

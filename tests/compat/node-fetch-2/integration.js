const fetch = require('node-fetch');

module.exports = async ({ payload: { url } }) => {
  const user = await (await fetch(`${url}/user`)).json();
  const posted = await (await fetch(`${url}/items`, { method: 'POST', body: JSON.stringify({ a: 1 }), headers: { 'content-type': 'application/json', 'x-test': 'y' } })).json();
  const missing = await fetch(`${url}/missing`);
  const moved = await fetch(`${url}/moved`);
  const manual = await fetch(`${url}/moved`, { redirect: 'manual' });
  const form = await (await fetch(`${url}/form`, { method: 'POST', body: new URLSearchParams({ a: 'b c' }) })).json();
  const buffer = await (await fetch(`${url}/user`)).buffer();
  return { user, posted, status: missing.status, ok: missing.ok, missing: await missing.text(), moved: await moved.json(), redirected: moved.redirected, manual: manual.status, form, bytes: buffer.length };
};

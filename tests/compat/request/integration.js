const request = require('request');
const { promisify } = require('util');

module.exports = async ({ payload: { url } }) => {
  const get = promisify(request.get);
  const post = promisify(request.post);
  const user = await get({ url: `${url}/user`, json: true });
  const posted = await post({ url: `${url}/items`, json: { a: 1 }, auth: { user: 'u', pass: 'p' } });
  const form = await post({ url: `${url}/form`, form: { a: 'b c' } });
  const moved = await get({ url: `${url}/moved`, json: true });
  const missing = await get(`${url}/missing`);
  return { user: user.body, posted: posted.body, form: JSON.parse(form.body).body, moved: moved.body, missing: [missing.statusCode, missing.body] };
};

const superagent = require('superagent');

module.exports = async ({ payload: { url } }) => {
  const user = await superagent.get(`${url}/user`).set('x-test', 's').query({ q: 'a b' });
  const posted = await superagent.post(`${url}/items`).send({ name: 'Ada' }).auth('u', 'p');
  const form = await superagent.post(`${url}/form`).type('form').send({ a: 1, b: 'x y' });
  const missing = await superagent.get(`${url}/missing`).catch((error) => [error.status, error.response.body]);
  const moved = await superagent.get(`${url}/moved`);
  return { user: user.body, status: user.status, type: user.type, posted: posted.body, form: form.body, missing, moved: moved.body };
};

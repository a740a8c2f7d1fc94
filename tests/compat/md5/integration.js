const md5 = require('md5');

module.exports = async ({ payload: { url } }) => {
  const { email } = await (await fetch(`${url}/who`)).json();
  return { plain: md5('message'), email: md5(email.trim().toLowerCase()), bytes: md5(Buffer.from([1, 2, 3])), unicode: md5('Zoë €') };
};

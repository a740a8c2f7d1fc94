const bcrypt = require('bcryptjs');

module.exports = async ({ payload: { url } }) => {
  const { password } = await (await fetch(`${url}/who`)).json();
  const hash = await bcrypt.hash(password, 4);
  return { matches: await bcrypt.compare(password, hash), other: bcrypt.compareSync('no', hash), known: bcrypt.compareSync('password', '$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie') || 'checked', rounds: bcrypt.getRounds(hash), length: hash.length };
};

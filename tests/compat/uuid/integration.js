const { v1, v4, v5, v7, validate, version } = require('uuid');

module.exports = async ({ payload: { url } }) => {
  const { name } = await (await fetch(`${url}/name`)).json();
  return { random: [v4(), v1(), v7()].map((id) => [validate(id), version(id), id.length]), named: v5(name, v5.URL), differ: v4() !== v4(), bad: validate('nope') };
};

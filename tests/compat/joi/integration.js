const Joi = require('joi');

module.exports = async ({ payload: { url } }) => {
  const schema = Joi.object({ id: Joi.number().integer().required(), email: Joi.string().email({ tlds: false }), at: Joi.date().iso() });
  const good = schema.validate(await (await fetch(`${url}/user`)).json());
  const bad = schema.validate({ id: 'x', email: 'nope', more: 1 }, { abortEarly: false });
  return { good: good.value, messages: bad.error.details.map(({ message, type }) => [message, type]), asynchronous: await schema.validateAsync({}).catch((error) => error.name) };
};

const Ajv = require('ajv');

module.exports = async ({ payload: { url } }) => {
  const ajv = new Ajv({ allErrors: true });
  const validate = ajv.compile(await (await fetch(`${url}/schema`)).json());
  return { good: validate({ id: 1, name: 'Ada' }), bad: validate({ id: 'x', more: 1 }), errors: validate.errors.map(({ keyword, instancePath }) => [keyword, instancePath]), text: ajv.errorsText(validate.errors) };
};

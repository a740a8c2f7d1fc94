const { XMLBuilder, XMLParser, XMLValidator } = require('fast-xml-parser');

module.exports = async ({ payload: { url } }) => {
  const text = await (await fetch(`${url}/data.xml`)).text();
  const parsed = new XMLParser({ ignoreAttributes: false }).parse(text);
  return { parsed, valid: [XMLValidator.validate(text), XMLValidator.validate('<a>').err.code], built: new XMLBuilder({ ignoreAttributes: false }).build({ a: { '@_id': 1, b: ['x', 'y'] } }) };
};

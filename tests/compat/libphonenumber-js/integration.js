const { AsYouType, isValidPhoneNumber, parsePhoneNumber } = require('libphonenumber-js');

module.exports = async ({ payload: { url } }) => {
  const { phone } = await (await fetch(`${url}/who`)).json();
  const number = parsePhoneNumber(phone, 'US');
  return { country: number.country, international: number.formatInternational(), national: number.formatNational(), uri: number.getURI(), valid: [number.isValid(), isValidPhoneNumber('123', 'DE')], typed: new AsYouType('US').input('2133734') };
};

const CryptoJS = require('crypto-js');

module.exports = async ({ payload: { url } }) => {
  const { text } = await (await fetch(`${url}/text`)).json();
  const key = CryptoJS.enc.Hex.parse('000102030405060708090a0b0c0d0e0f');
  const sealed = CryptoJS.AES.encrypt(text, key, { iv: key });
  const phrase = CryptoJS.AES.encrypt(text, 'pass phrase').toString();
  return {
    sha: CryptoJS.SHA256(text).toString(), hmac: CryptoJS.HmacSHA512(text, 'k').toString(CryptoJS.enc.Base64), md5: CryptoJS.MD5(text).toString(), sealed: sealed.toString(), opened: CryptoJS.AES.decrypt(sealed, key, { iv: key }).toString(CryptoJS.enc.Utf8),
    phrase: CryptoJS.AES.decrypt(phrase, 'pass phrase').toString(CryptoJS.enc.Utf8), kdf: CryptoJS.PBKDF2('p', 's', { keySize: 4, iterations: 10 }).toString(),
  };
};

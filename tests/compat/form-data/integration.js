const FormData = require('form-data');
const http = require('http');

module.exports = async ({ payload: { url } }) => {
  const form = new FormData();
  form.append('name', 'Zoë');
  form.append('file', Buffer.from('hello'), { filename: 'a.txt', contentType: 'text/plain' });
  const length = await new Promise((resolve, reject) => form.getLength((error, size) => (error ? reject(error) : resolve(size > 100))));
  const sent = await new Promise((resolve, reject) => {
    const request = http.request(`${url}/upload`, { method: 'POST', headers: form.getHeaders() }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => { text += part; });
      response.on('end', () => resolve(JSON.parse(text)));
    });
    request.on('error', reject);
    form.pipe(request);
  });
  return { length, sent, buffer: new FormData().getBuffer().length };
};

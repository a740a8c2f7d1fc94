const axios = require('axios');

module.exports = async ({ payload: { url } }) => {
  const client = axios.create({ baseURL: url, timeout: 5000, headers: { 'X-Test': 'one' } });
  client.interceptors.request.use((config) => ({ ...config, params: { page: 2, q: 'a b' } }));
  const user = await axios.get(`${url}/user`);
  const echo = await client.get('/echo');
  const posted = await axios.post(`${url}/items`, { name: 'Zoë', tags: ['a', 'b'] }, { auth: { username: 'u', password: 'p' } });
  const missing = await axios.get(`${url}/missing`).catch((error) => ({ status: error.response.status, data: error.response.data, message: error.message }));
  const moved = await axios.get(`${url}/moved`);
  const text = await axios.get(`${url}/user`, { responseType: 'arraybuffer' });
  const form = await axios.post(`${url}/form`, new URLSearchParams({ a: '1', b: '&' }).toString());
  return {
    user: user.data, status: user.status, type: user.headers['content-type'], echo: echo.data.query, header: echo.data.headers['x-test'],
    posted: posted.data, missing, moved: moved.data, bytes: Buffer.from(text.data).toString(), form: form.data.body, formType: form.data.headers['content-type'],
  };
};

const OpenAI = require('openai');

module.exports = async ({ payload: { url } }) => {
  const client = new (OpenAI.default ?? OpenAI)({ apiKey: 'sk', baseURL: `${url}/v1`, maxRetries: 0 });
  const chat = await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] });
  const stream = await client.chat.completions.create({ model: 's', stream: true, messages: [] }, { path: '/stream' });
  const parts = [];
  for await (const part of stream) parts.push(part.choices[0].delta.content);
  const embedded = await client.embeddings.create({ model: 'e', input: 'x', encoding_format: 'float' });
  const failed = await client.models.retrieve('none').catch((error) => [error.constructor.name, error.status]);
  return { chat: chat.choices[0].message.content, parts, embedded: embedded.data[0].embedding, failed };
};

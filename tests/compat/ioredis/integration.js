const Redis = require('ioredis');

module.exports = async ({ payload: { url } }) => {
  await (await fetch(`${url}/ping`)).json();
  const redis = new Redis({ host: '127.0.0.1', port: 6379, maxRetriesPerRequest: 0, retryStrategy: () => null, lazyConnect: true });
  redis.on('error', () => {});
  await redis.connect();
  return await redis.ping();
};

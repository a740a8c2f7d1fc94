const { MongoClient, ObjectId } = require('mongodb');

module.exports = async ({ payload: { url } }) => {
  await (await fetch(`${url}/ping`)).json();
  const client = new MongoClient('mongodb://127.0.0.1:27017', { serverSelectionTimeoutMS: 300 });
  await client.connect();
  return { id: String(new ObjectId('507f1f77bcf86cd799439011')) };
};

const { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } = require('@aws-sdk/client-s3');

module.exports = async ({ payload: { url } }) => {
  const client = new S3Client({ region: 'eu-west-1', endpoint: url, forcePathStyle: true, credentials: { accessKeyId: 'AK', secretAccessKey: 'SK' }, maxAttempts: 1 });
  const put = await client.send(new PutObjectCommand({ Bucket: 'b', Key: 'dir/ä.txt', Body: 'hello', ContentType: 'text/plain' }));
  const got = await client.send(new GetObjectCommand({ Bucket: 'b', Key: 'a.txt' }));
  const listed = await client.send(new ListObjectsV2Command({ Bucket: 'b', Prefix: 'x' }));
  const failed = await client.send(new GetObjectCommand({ Bucket: 'b', Key: 'missing' })).catch((error) => [error.name, error.$metadata.httpStatusCode]);
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { etag: put.ETag, body: await got.Body.transformToString(), type: got.ContentType, keys: listed.Contents.map(({ Key, Size }) => [Key, Size]), failed, sent: sent.map(({ method, path, headers }) => [method, path, headers.authorization.split(' ')[0]]) };
};

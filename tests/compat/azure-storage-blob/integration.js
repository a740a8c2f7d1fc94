const { BlobServiceClient, StorageSharedKeyCredential } = require('@azure/storage-blob');

module.exports = async ({ payload: { url } }) => {
  const service = new BlobServiceClient(url, new StorageSharedKeyCredential('acc', Buffer.from('key').toString('base64')), { retryOptions: { maxTries: 1 } });
  const blob = service.getContainerClient('c').getBlockBlobClient('a.txt');
  const put = await blob.upload('hello', 5);
  const got = await blob.downloadToBuffer();
  const missing = await service.getContainerClient('c').getBlobClient('none').getProperties().catch((error) => [error.name, error.statusCode]);
  return { etag: put.etag, got: got.toString(), missing };
};

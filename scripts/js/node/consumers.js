// stream/consumers: a whole stream as one value.
(function ({ require }) {
  const { Buffer } = require('buffer');

  async function buffer(stream) {
    const parts = [];
    for await (const part of stream.getReader ? require('stream').Readable.fromWeb(stream) : stream) {
      parts.push(typeof part === 'string' ? Buffer.from(part) : Buffer.from(part.buffer ?? part, part.byteOffset, part.byteLength));
    }
    return Buffer.concat(parts);
  }
  const text = async (stream) => (await buffer(stream)).toString();

  return {
    buffer,
    text,
    json: async (stream) => JSON.parse(await text(stream)),
    arrayBuffer: async (stream) => new Uint8Array(await buffer(stream)).buffer,
    blob: async (stream) => new Blob([await buffer(stream)]),
  };
})

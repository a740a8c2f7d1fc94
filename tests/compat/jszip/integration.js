const JSZip = require('jszip');

module.exports = async ({ payload: { url } }) => {
  const { text } = await (await fetch(`${url}/text`)).json();
  const zip = new JSZip();
  zip.file('a.txt', text);
  zip.folder('d').file('b.txt', text.repeat(500));
  const packed = await zip.generateAsync({ type: 'nodebuffer', compression: 'DEFLATE' });
  const opened = await JSZip.loadAsync(packed);
  const streamed = await new Promise((resolve, reject) => {
    const parts = [];
    zip.generateNodeStream({ streamFiles: true }).on('data', (part) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts).length > 100)).on('error', reject);
  });
  return { names: Object.keys(opened.files), text: await opened.file('a.txt').async('string'), long: (await opened.file('d/b.txt').async('nodebuffer')).length, small: packed.length < 1000, streamed };
};

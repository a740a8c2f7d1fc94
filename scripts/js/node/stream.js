// stream by `readable-stream`, with the bridges to web streams.
(function ({ load, require }) {
  const made = load('npm/readable-stream');
  const Stream = made.Stream ?? made;
  const { Readable, Writable, Duplex } = made;
  const { Buffer } = require('buffer');

  Readable.fromWeb = (stream, options) => {
    const reader = stream.getReader();
    return new Readable({
      ...options,
      read() {
        reader.read().then(({ done, value }) => {
          if (done) this.push(null);
          else this.push(options?.objectMode || typeof value === 'string' ? value : Buffer.from(value));
        }, (error) => this.destroy(error));
      },
      destroy(error, done) { reader.cancel(error).then(() => done(error), () => done(error)); },
    });
  };
  Readable.toWeb = (readable) => load('web/streams').fromIterable(readable);
  Writable.fromWeb = (stream, options) => {
    const writer = stream.getWriter();
    return new Writable({
      ...options,
      write(chunk, encoding, done) { writer.write(chunk).then(() => done(), done); },
      final(done) { writer.close().then(() => done(), done); },
      destroy(error, done) { (error ? writer.abort(error) : Promise.resolve()).then(() => done(error), () => done(error)); },
    });
  };
  Writable.toWeb = (writable) => new WritableStream({
    write: (chunk) => new Promise((resolve, reject) => writable.write(chunk, (error) => (error ? reject(error) : resolve()))),
    close: () => new Promise((resolve, reject) => { writable.once('error', reject); writable.end(resolve); }),
    abort: (reason) => writable.destroy(reason),
  });
  Duplex.fromWeb = ({ readable, writable }, options) => Duplex.from({ readable: Readable.fromWeb(readable, options), writable: Writable.fromWeb(writable, options) });

  // `Stream` is a function: what is missing on it is added, so that `require('stream')` can be extended as well.
  for (const name of Object.keys(made)) if (!(name in Stream)) Stream[name] = made[name];
  return Stream;
})

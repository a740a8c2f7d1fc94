// Web streams by `web-streams-polyfill`, with text and compression streams on top.
(function ({ load, require }) {
  const streams = load('npm/web-streams-polyfill');
  const { ReadableStream, TransformStream } = streams;

  class TextEncoderStream {
    constructor() {
      const encoder = new TextEncoder();
      let half = '';
      const { readable, writable } = new TransformStream({
        transform(chunk, controller) {
          const string = half + String(chunk);
          half = /[\ud800-\udbff]$/.test(string) ? string.slice(-1) : '';
          const whole = half ? string.slice(0, -1) : string;
          if (whole) controller.enqueue(encoder.encode(whole));
        },
        flush(controller) { if (half) controller.enqueue(encoder.encode(half)); },
      });
      this.readable = readable;
      this.writable = writable;
      this.encoding = 'utf-8';
    }
  }

  class TextDecoderStream {
    constructor(label, options) {
      const decoder = new TextDecoder(label, options);
      const { readable, writable } = new TransformStream({
        transform(chunk, controller) {
          const string = decoder.decode(chunk, { stream: true });
          if (string) controller.enqueue(string);
        },
        flush(controller) {
          const string = decoder.decode();
          if (string) controller.enqueue(string);
        },
      });
      this.readable = readable;
      this.writable = writable;
      this.encoding = decoder.encoding;
    }
  }

  const compressing = (codecs) => class {
    constructor(format) {
      if (!codecs[format]) throw new TypeError(`the format ${format} is not supported; use gzip, deflate or deflate-raw`);
      const codec = require('zlib').codec(codecs[format]);
      const { readable, writable } = new TransformStream({
        transform(chunk, controller) { for (const made of codec.write(chunk)) controller.enqueue(new Uint8Array(made)); },
        flush(controller) { for (const made of codec.end()) controller.enqueue(new Uint8Array(made)); },
      });
      this.readable = readable;
      this.writable = writable;
    }
  };
  const CompressionStream = compressing({ gzip: 'gzip', deflate: 'deflate', 'deflate-raw': 'deflateRaw' });
  const DecompressionStream = compressing({ gzip: 'gunzip', deflate: 'inflate', 'deflate-raw': 'inflateRaw' });

  function fromIterable(iterable) {
    const iterator = (iterable[Symbol.asyncIterator] ?? iterable[Symbol.iterator]).call(iterable);
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel(reason) { await iterator.return?.(reason); },
    }, { highWaterMark: 0 });
  }
  ReadableStream.from ??= fromIterable;

  return { ...streams, TextEncoderStream, TextDecoderStream, CompressionStream, DecompressionStream, fromIterable };
})

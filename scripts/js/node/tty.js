// tty: there is none.
(function ({ require }) {
  const { Socket } = require('net');
  return { isatty: () => false, ReadStream: class ReadStream extends Socket {}, WriteStream: class WriteStream extends Socket {} };
})

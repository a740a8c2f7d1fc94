// net: its classes exist, so that packages load; connecting is refused.
(function ({ require }) {
  const { Duplex } = require('stream');
  const WHY = 'raw sockets are not available: every request goes through the HTTP gateway';
  const refused = (what) => Object.assign(new Error(`${what} is not supported: ${WHY}`), { code: 'ERR_UNSUPPORTED_BUILTIN' });

  const V4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
  const isIPv4 = (text) => V4.test(text);
  function isIPv6(text) {
    if (typeof text !== 'string' || !text.includes(':')) return false;
    const [address, zone] = text.split('%');
    return zone !== '' && URL.canParse(`http://[${address}]/`);
  }
  const isIP = (text) => (isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0);

  class Socket extends Duplex {
    constructor(options) {
      super(options);
      Object.assign(this, { connecting: false, bytesRead: 0, bytesWritten: 0, timeout: 0 });
    }
    connect() {
      process.nextTick(() => this.destroy(refused('net.connect')));
      return this;
    }
    _read() {}
    _write(chunk, encoding, done) { done(refused('net.Socket')); }
    setTimeout() { return this; }
    setNoDelay() { return this; }
    setKeepAlive() { return this; }
    ref() { return this; }
    unref() { return this; }
    address() { return {}; }
    get readyState() { return 'closed'; }
  }

  class Server extends require('events') {
    listen() { throw refused('net.Server.listen'); }
    close(callback) { if (callback) process.nextTick(callback); return this; }
    address() { return null; }
  }

  const connect = () => new Socket().connect();
  return {
    Socket, Stream: Socket, Server, connect, createConnection: connect, createServer: () => new Server(), isIP, isIPv4, isIPv6, refused,
    getDefaultAutoSelectFamily: () => false, setDefaultAutoSelectFamily() {}, getDefaultAutoSelectFamilyAttemptTimeout: () => 250, setDefaultAutoSelectFamilyAttemptTimeout() {},
    BlockList: class BlockList { addAddress() {} addRange() {} addSubnet() {} check() { return false; } },
  };
})

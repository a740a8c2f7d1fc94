// tls: as net, its classes exist and connecting is refused; the gateway speaks TLS for http and https.
(function ({ load }) {
  const net = load('node/net');

  // `http2-wrapper` takes this class off a socket when it is loaded.
  class JSStreamSocket extends net.Socket {}

  class TLSSocket extends net.Socket {
    _handle = { _parentWrap: new JSStreamSocket() };
    authorized = false;
    encrypted = true;
    getPeerCertificate() { return {}; }
    getCipher() { return {}; }
    getProtocol() { return null; }
  }
  class Server extends net.Server {}
  class SecureContext {}

  return {
    TLSSocket, Server, SecureContext,
    connect: () => new TLSSocket().connect(),
    createServer: () => new Server(),
    createSecureContext: () => new SecureContext(),
    checkServerIdentity: () => undefined,
    getCiphers: () => [],
    rootCertificates: [], DEFAULT_MIN_VERSION: 'TLSv1.2', DEFAULT_MAX_VERSION: 'TLSv1.3', DEFAULT_ECDH_CURVE: 'auto', DEFAULT_CIPHERS: '',
    CLIENT_RENEG_LIMIT: 3, CLIENT_RENEG_WINDOW: 600,
  };
})

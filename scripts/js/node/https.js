// https: the same client with another default.
(function ({ load }) {
  const http = load('node/http');

  class Agent extends http.Agent {
    constructor(options) {
      super(options);
      this.defaultPort = 443;
      this.protocol = 'https:';
    }
  }

  return http.client('https:', Agent);
})

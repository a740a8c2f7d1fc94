// WebSocket: it can be made, so that packages load and can do without it, and it never opens.
(function ({ load, define }) {
  const { Event, EventTarget } = load('web/events');
  const STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
  const WHY = 'WebSocket is not supported: every request goes through the HTTP gateway';

  class WebSocket extends EventTarget {
    constructor(url) {
      super();
      Object.assign(this, { url: String(url), readyState: STATES.CONNECTING, binaryType: 'blob', bufferedAmount: 0, extensions: '', protocol: '' });
      for (const type of ['open', 'message', 'error', 'close']) define(this, `on${type}`, null);
      setImmediate(() => {
        this.readyState = STATES.CLOSED;
        const failed = new Event('error');
        define(failed, 'message', WHY);
        define(failed, 'error', new Error(WHY));
        this.dispatchEvent(failed);
        const closed = new Event('close');
        for (const [name, value] of Object.entries({ code: 1006, reason: WHY, wasClean: false })) define(closed, name, value);
        this.dispatchEvent(closed);
      });
    }
    send() { throw new DOMException(WHY, 'InvalidStateError'); }
    close() {}
    get [Symbol.toStringTag]() { return 'WebSocket'; }
  }
  for (const name in STATES) {
    define(WebSocket, name, STATES[name]);
    define(WebSocket.prototype, name, STATES[name]);
  }

  return { WebSocket };
})

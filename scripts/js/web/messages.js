// MessageChannel and its kin within one context: a message is cloned and arrives in a later turn.
(function ({ define, load }) {
  const { Event, EventTarget } = load('web/events');
  const peers = new WeakMap();
  const channels = new Map();

  class MessageEvent extends Event {
    constructor(type, init = {}) {
      super(type, init);
      for (const name of ['data', 'origin', 'lastEventId', 'source', 'ports']) {
        define(this, name, init?.[name] ?? { data: null, origin: '', lastEventId: '', source: null, ports: [] }[name]);
      }
    }
  }

  const deliver = (target, data) => setImmediate(() => target.dispatchEvent(new MessageEvent('message', { data })));

  class MessagePort extends EventTarget {
    onmessage = null;
    postMessage(message) {
      const data = structuredClone(message);
      const peer = peers.get(this);
      if (peer) deliver(peer, data);
    }
    start() {}
    close() { peers.delete(this); }
    ref() { return this; }
    unref() { return this; }
    on(type, listener) { this.addEventListener(type, (event) => listener(event.data)); return this; }
    once(type, listener) { this.addEventListener(type, (event) => listener(event.data), { once: true }); return this; }
  }

  class MessageChannel {
    constructor() {
      this.port1 = new MessagePort();
      this.port2 = new MessagePort();
      peers.set(this.port1, this.port2);
      peers.set(this.port2, this.port1);
    }
  }

  class BroadcastChannel extends EventTarget {
    onmessage = null;
    constructor(name) {
      super();
      define(this, 'name', String(name));
      channels.set(this.name, (channels.get(this.name) ?? new Set()).add(this));
    }
    postMessage(message) {
      for (const other of channels.get(this.name) ?? []) if (other !== this) deliver(other, structuredClone(message));
    }
    close() { channels.get(this.name)?.delete(this); }
  }

  return { MessageEvent, MessagePort, MessageChannel, BroadcastChannel };
})

// diagnostics_channel: named channels within the run.
(function () {
  const channels = new Map();

  class Channel {
    #listeners = [];
    constructor(name) { this.name = name; }
    get hasSubscribers() { return this.#listeners.length > 0; }
    subscribe(listener) { this.#listeners = [...this.#listeners, listener]; }
    unsubscribe(listener) {
      const before = this.#listeners.length;
      this.#listeners = this.#listeners.filter((known) => known !== listener);
      return this.#listeners.length < before;
    }
    publish(message) { for (const listener of this.#listeners) listener(message, this.name); }
    bindStore() {}
    unbindStore() { return false; }
    runStores(context, run, self, ...args) { this.publish(context); return run.apply(self, args); }
  }

  const channel = (name) => channels.get(name) ?? channels.set(name, new Channel(name)).get(name);

  function tracingChannel(name) {
    const parts = Object.fromEntries(['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((part) => [part, typeof name === 'string' ? channel(`tracing:${name}:${part}`) : name[part]]));
    return {
      ...parts,
      get hasSubscribers() { return Object.values(parts).some((part) => part.hasSubscribers); },
      subscribe(listeners) { for (const part in listeners) parts[part].subscribe(listeners[part]); },
      unsubscribe(listeners) { for (const part in listeners) parts[part].unsubscribe(listeners[part]); },
      traceSync: (run, context, self, ...args) => run.apply(self, args),
      tracePromise: async (run, context, self, ...args) => run.apply(self, args),
      traceCallback: (run, position, context, self, ...args) => run.apply(self, args),
    };
  }

  return {
    Channel, channel, tracingChannel,
    hasSubscribers: (name) => channels.get(name)?.hasSubscribers ?? false,
    subscribe: (name, listener) => channel(name).subscribe(listener),
    unsubscribe: (name, listener) => channel(name).unsubscribe(listener),
  };
})

// async_hooks: AsyncLocalStorage without help of the engine, which tells nobody when it goes on after an `await`.
//
// Callbacks of timers, `then`, nextTick and queueMicrotask carry the context they were made in. After an `await` the
// context is unknown; then it is that of the one `run` which has not ended. While several are under way it is none.
(function (internal) {
  const OUTSIDE = new Map();
  // The context of the code that runs now; undefined when unknown.
  let current = OUTSIDE;
  const running = new Set();

  const context = () => current ?? (running.size === 1 ? [...running][0] : OUTSIDE);

  function within(wanted, run) {
    const before = current;
    current = wanted;
    try { return run(); } finally { current = before; }
  }

  // What follows in this turn is known; in the next, nobody knows.
  function forget() {
    then.call(Promise.resolve(), () => { if (running.size > 0) current = undefined; });
  }

  function entered(wanted, run) {
    // Before anything that the callback waits for.
    forget();
    const result = within(wanted, run);
    if (typeof result?.then === 'function') {
      running.add(wanted);
      const done = () => { running.delete(wanted); if (running.size === 0) current = OUTSIDE; };
      then.call(Promise.resolve(result), done, done);
    }
    return result;
  }

  function bound(callback) {
    const made = context();
    return made === OUTSIDE && running.size === 0 ? callback : function (...args) { return within(made, () => callback.apply(this, args)); };
  }

  const { then } = Promise.prototype;
  internal.define(Promise.prototype, 'then', function (fulfilled, rejected) {
    if (current === OUTSIDE && running.size === 0) return then.call(this, fulfilled, rejected);
    const carry = (callback) => (typeof callback === 'function' ? bound(callback) : callback);
    return then.call(this, carry(fulfilled), carry(rejected));
  });
  internal.bind = bound;

  class AsyncLocalStorage {
    #default;
    constructor(options) { this.#default = options?.defaultValue; }
    static bind(callback) { return bound(callback); }
    static snapshot() { return bound((callback, ...args) => callback(...args)); }
    getStore() { const now = context(); return now.has(this) ? now.get(this) : this.#default; }
    run(store, callback, ...args) { return entered(new Map(context()).set(this, store), () => callback(...args)); }
    exit(callback, ...args) { const without = new Map(context()); without.delete(this); return entered(without, () => callback(...args)); }
    enterWith(store) { current = new Map(context()).set(this, store); running.add(current); }
    disable() { current = new Map(context()); current.delete(this); }
  }

  let ids = 1;
  class AsyncResource {
    #context = context();
    #id = ++ids;
    constructor(type) { this.type = type; }
    runInAsyncScope(callback, self, ...args) { return within(this.#context, () => callback.apply(self, args)); }
    bind(callback, self) { return (...args) => this.runInAsyncScope(callback, self, ...args); }
    static bind(callback, type, self) { return new AsyncResource(type ?? callback.name).bind(callback, self); }
    asyncId() { return this.#id; }
    triggerAsyncId() { return 1; }
    emitDestroy() { return this; }
  }

  const hook = { enable: () => hook, disable: () => hook };
  return {
    AsyncLocalStorage, AsyncResource,
    createHook: () => hook,
    executionAsyncId: () => 1,
    triggerAsyncId: () => 0,
    executionAsyncResource: () => ({}),
    asyncWrapProviders: {},
  };
})

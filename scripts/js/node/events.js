// events by the `events` package, with what Node has added since.
(function ({ load, require }) {
  const EventEmitter = load('npm/events');
  const monitor = Symbol('events.errorMonitor');
  const { emit } = EventEmitter.prototype;

  EventEmitter.prototype.emit = function (type, ...args) {
    if (type === 'error' && this._events?.[monitor] !== undefined) emit.call(this, monitor, ...args);
    return emit.call(this, type, ...args);
  };

  const abortError = (signal) => Object.assign(new Error('The operation was aborted', { cause: signal.reason }), { name: 'AbortError', code: 'ABORT_ERR' });
  const isTarget = (emitter) => typeof emitter.addEventListener === 'function' && typeof emitter.on !== 'function';

  function listen(emitter, type, listener, how = {}) {
    if (isTarget(emitter)) {
      emitter.addEventListener(type, listener, how);
      return () => emitter.removeEventListener(type, listener);
    }
    emitter[how.once ? 'once' : 'on'](type, listener);
    return () => emitter.removeListener(type, listener);
  }

  function once(emitter, type, { signal } = {}) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError(signal));
      const undo = [];
      const end = (settle) => (...args) => { for (const stop of undo) stop(); settle(...args); };
      undo.push(listen(emitter, type, end((...args) => resolve(args)), { once: true }));
      if (type !== 'error' && !isTarget(emitter)) undo.push(listen(emitter, 'error', end(reject), { once: true }));
      if (signal) undo.push(listen(signal, 'abort', end(() => reject(abortError(signal))), { once: true }));
    });
  }

  function on(emitter, type, { signal, close = [] } = {}) {
    const ready = [];
    const waiting = [];
    let ended = false;
    let failure;
    const undo = [];
    const stop = (error) => {
      ended = true;
      failure = error;
      for (const one of undo) one();
      for (const { resolve, reject } of waiting.splice(0)) error ? reject(error) : resolve({ value: undefined, done: true });
    };
    if (signal?.aborted) throw abortError(signal);
    undo.push(listen(emitter, type, (...args) => {
      const next = waiting.shift();
      if (next) next.resolve({ value: args, done: false });
      else ready.push(args);
    }));
    if (type !== 'error' && !isTarget(emitter)) undo.push(listen(emitter, 'error', stop));
    for (const name of close) undo.push(listen(emitter, name, () => stop()));
    if (signal) undo.push(listen(signal, 'abort', () => stop(abortError(signal))));
    return {
      next() {
        if (ready.length) return Promise.resolve({ value: ready.shift(), done: false });
        if (failure) { const error = failure; failure = undefined; return Promise.reject(error); }
        if (ended) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
      },
      return() { stop(); return Promise.resolve({ value: undefined, done: true }); },
      throw(error) { stop(error); return Promise.resolve({ value: undefined, done: true }); },
      [Symbol.asyncIterator]() { return this; },
    };
  }

  class EventEmitterAsyncResource extends EventEmitter {
    constructor(options) {
      super(options);
      this.asyncResource = new (require('async_hooks').AsyncResource)(options?.name ?? 'EventEmitterAsyncResource');
    }
    emit(...args) { return this.asyncResource.runInAsyncScope(super.emit, this, ...args); }
  }

  return Object.assign(EventEmitter, {
    EventEmitter, once, on, EventEmitterAsyncResource,
    errorMonitor: monitor,
    captureRejectionSymbol: Symbol.for('nodejs.rejection'),
    captureRejections: false,
    usingDomains: false,
    getEventListeners: (emitter, type) => (isTarget(emitter) ? load('web/events').listenersOf(emitter, type).map(({ listener }) => listener) : emitter.listeners(type)),
    getMaxListeners: (emitter) => emitter.getMaxListeners?.() ?? EventEmitter.defaultMaxListeners,
    setMaxListeners(count, ...emitters) {
      if (emitters.length === 0) EventEmitter.defaultMaxListeners = count;
      for (const emitter of emitters) emitter.setMaxListeners?.(count);
    },
    addAbortListener(signal, listener) {
      const stop = listen(signal, 'abort', listener, { once: true });
      return { [Symbol.dispose ?? Symbol.for('nodejs.dispose')]: stop };
    },
  });
})

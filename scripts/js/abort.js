// AbortController and AbortSignal, with timeout and any.
(function ({ define }) {
  const SECRET = Symbol('AbortSignal');
  const states = new WeakMap();

  class AbortSignal {
    constructor(secret) {
      if (secret !== SECRET) throw new TypeError('Illegal constructor: use new AbortController().signal or AbortSignal.timeout(ms)');
      states.set(this, { aborted: false, reason: undefined, listeners: [], timeoutMs: undefined });
      define(this, 'onabort', null);
    }
    get aborted() { return states.get(this).aborted; }
    get reason() { return states.get(this).reason; }
    throwIfAborted() { if (this.aborted) throw this.reason; }
    addEventListener(type, listener, options) {
      if (type !== 'abort' || !listener) return;
      const { listeners } = states.get(this);
      if (!listeners.some((known) => known.listener === listener)) listeners.push({ listener, once: options?.once === true });
    }
    removeEventListener(type, listener) {
      if (type !== 'abort') return;
      const state = states.get(this);
      state.listeners = state.listeners.filter((known) => known.listener !== listener);
    }
    static abort(reason) {
      const signal = new AbortSignal(SECRET);
      abort(signal, reason);
      return signal;
    }
    static timeout(ms) {
      if (!(ms >= 0 && ms <= Number.MAX_SAFE_INTEGER)) throw new TypeError('AbortSignal.timeout: pass the milliseconds, such as 5000');
      const signal = new AbortSignal(SECRET);
      states.get(signal).timeoutMs = ms;
      setTimeout(() => abort(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError')), ms);
      return signal;
    }
    static any(signals) {
      const joined = new AbortSignal(SECRET);
      for (const signal of signals) {
        if (signal.aborted) { abort(joined, signal.reason); break; }
        signal.addEventListener('abort', () => abort(joined, signal.reason));
      }
      return joined;
    }
    get [Symbol.toStringTag]() { return 'AbortSignal'; }
  }

  function abort(signal, reason) {
    const state = states.get(signal);
    if (state.aborted) return;
    state.aborted = true;
    state.reason = reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
    const event = { type: 'abort', target: signal, currentTarget: signal };
    const called = state.listeners;
    state.listeners = called.filter((known) => !known.once);
    if (typeof signal.onabort === 'function') signal.onabort(event);
    for (const { listener } of called) {
      if (typeof listener === 'function') listener.call(signal, event);
      else if (typeof listener.handleEvent === 'function') listener.handleEvent(event);
    }
  }

  class AbortController {
    constructor() { define(this, 'signal', new AbortSignal(SECRET)); }
    abort(reason) { abort(this.signal, reason); }
    get [Symbol.toStringTag]() { return 'AbortController'; }
  }

  return { AbortController, AbortSignal, timeoutOf: (signal) => states.get(signal)?.timeoutMs };
})

// AbortController and AbortSignal, with timeout and any.
(function ({ define, load }) {
  const { Event, EventTarget } = load('web/events');
  const SECRET = Symbol('AbortSignal');
  const states = new WeakMap();

  class AbortSignal extends EventTarget {
    constructor(secret) {
      if (secret !== SECRET) throw new TypeError('Illegal constructor: use new AbortController().signal or AbortSignal.timeout(ms)');
      super();
      states.set(this, { aborted: false, reason: undefined, timeoutMs: undefined });
      define(this, 'onabort', null);
    }
    get aborted() { return states.get(this).aborted; }
    get reason() { return states.get(this).reason; }
    throwIfAborted() { if (this.aborted) throw this.reason; }
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
        signal.addEventListener('abort', () => abort(joined, signal.reason), { once: true });
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
    signal.dispatchEvent(new Event('abort'));
  }

  class AbortController {
    constructor() { define(this, 'signal', new AbortSignal(SECRET)); }
    abort(reason) { abort(this.signal, reason); }
    get [Symbol.toStringTag]() { return 'AbortController'; }
  }

  return { AbortController, AbortSignal, timeoutOf: (signal) => states.get(signal)?.timeoutMs };
})

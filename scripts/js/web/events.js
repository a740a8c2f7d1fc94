// Event, EventTarget and CustomEvent.
(function ({ define, uncaught }) {
  const targets = new WeakMap();
  const states = new WeakMap();

  class Event {
    constructor(type, init = {}) {
      if (arguments.length === 0) throw new TypeError('Event: pass the type');
      states.set(this, { stopped: false, prevented: false, target: null, current: null, passive: false });
      define(this, 'type', String(type));
      define(this, 'bubbles', Boolean(init?.bubbles));
      define(this, 'cancelable', Boolean(init?.cancelable));
      define(this, 'composed', Boolean(init?.composed));
      define(this, 'timeStamp', performance.now());
      define(this, 'isTrusted', false);
    }
    get target() { return states.get(this).target; }
    get srcElement() { return states.get(this).target; }
    get currentTarget() { return states.get(this).current; }
    get eventPhase() { return states.get(this).current ? 2 : 0; }
    get defaultPrevented() { return states.get(this).prevented; }
    get returnValue() { return !states.get(this).prevented; }
    get cancelBubble() { return states.get(this).stopped; }
    composedPath() { const { current } = states.get(this); return current ? [current] : []; }
    preventDefault() { if (this.cancelable) states.get(this).prevented = true; }
    stopPropagation() {}
    stopImmediatePropagation() { states.get(this).stopped = true; }
    get [Symbol.toStringTag]() { return 'Event'; }
    static NONE = 0;
    static AT_TARGET = 2;
  }

  class CustomEvent extends Event {
    constructor(type, init = {}) {
      super(type, init);
      define(this, 'detail', init?.detail ?? null);
    }
    get [Symbol.toStringTag]() { return 'CustomEvent'; }
  }

  const listenersOf = (target, type) => {
    const all = targets.get(target) ?? targets.set(target, new Map()).get(target);
    return all.get(String(type)) ?? all.set(String(type), []).get(String(type));
  };

  class EventTarget {
    addEventListener(type, listener, options) {
      if (listener === null || listener === undefined) return;
      const self = this ?? globalThis;
      const listeners = listenersOf(self, type);
      const once = typeof options === 'object' && options?.once === true;
      const signal = typeof options === 'object' ? options?.signal : undefined;
      if (signal?.aborted || listeners.some((known) => known.listener === listener)) return;
      listeners.push({ listener, once });
      signal?.addEventListener('abort', () => EventTarget.prototype.removeEventListener.call(self, type, listener), { once: true });
    }
    removeEventListener(type, listener) {
      const listeners = listenersOf(this ?? globalThis, type);
      const at = listeners.findIndex((known) => known.listener === listener);
      if (at >= 0) listeners.splice(at, 1);
    }
    dispatchEvent(event) {
      const state = states.get(event);
      if (!state) throw new TypeError('dispatchEvent: pass an Event');
      state.target = this;
      state.current = this;
      dispatch(this, event, state);
      state.current = null;
      return !state.prevented;
    }
    get [Symbol.toStringTag]() { return 'EventTarget'; }
  }

  function dispatch(target, event, state) {
    const handler = target[`on${event.type}`];
    if (typeof handler === 'function') guarded(() => handler.call(target, event));
    for (const known of [...listenersOf(target, event.type)]) {
      if (state.stopped) return;
      if (known.once) target.removeEventListener(event.type, known.listener);
      const { listener } = known;
      guarded(() => (typeof listener === 'function' ? listener.call(target, event) : listener.handleEvent(event)));
    }
  }

  // One listener's error does not keep the others from hearing.
  function guarded(listen) {
    try { listen(); } catch (error) { uncaught(error); }
  }

  return { Event, CustomEvent, EventTarget, count: (target, type) => listenersOf(target, type).length, listenersOf };
})

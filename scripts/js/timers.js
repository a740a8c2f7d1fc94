// setTimeout, setInterval, setImmediate and their clear functions; the host keeps the due times.
(function (internal) {
  const { host } = internal;
  const timers = new Map();
  let last = 0;

  class Timeout {
    #id;
    constructor(id) { this.#id = id; }
    ref() { return this; }
    unref() { return this; }
    hasRef() { return true; }
    refresh() {
      const timer = timers.get(this.#id);
      if (timer) host.timer(this.#id, timer.delay);
      return this;
    }
    close() { clear(this); return this; }
    [Symbol.toPrimitive]() { return this.#id; }
  }

  function add(callback, delay, args, repeat) {
    if (typeof callback !== 'function') {
      throw new TypeError(`The "callback" argument must be of type function, not ${callback === null ? 'null' : typeof callback}`);
    }
    const id = ++last;
    const wait = delay >= 1 && delay <= 2147483647 ? Number(delay) : 1;
    timers.set(id, { callback: internal.bind(callback), args, repeat, delay: delay === 'immediate' ? 0 : wait });
    host.timer(id, timers.get(id).delay);
    return new Timeout(id);
  }

  function clear(timer) {
    if (timer === undefined || timer === null) return;
    const id = Number(timer);
    if (timers.delete(id)) host.clearTimer(id);
  }

  function fire(id) {
    const timer = timers.get(id);
    if (!timer) return;
    if (timer.repeat) host.timer(id, timer.delay);
    else timers.delete(id);
    timer.callback.apply(undefined, timer.args);
  }

  return {
    fire,
    setTimeout: function setTimeout(callback, delay, ...args) { return add(callback, delay, args, false); },
    setInterval: function setInterval(callback, delay, ...args) { return add(callback, delay, args, true); },
    setImmediate: function setImmediate(callback, ...args) { return add(callback, 'immediate', args, false); },
    clearTimeout: function clearTimeout(timer) { clear(timer); },
    clearInterval: function clearInterval(timer) { clear(timer); },
    clearImmediate: function clearImmediate(timer) { clear(timer); },
  };
})

// timers, and timers/promises.
(function ({ load }) {
  const { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate } = load('timers');
  const aborted = (signal) => Object.assign(new Error('The operation was aborted', { cause: signal.reason }), { name: 'AbortError', code: 'ABORT_ERR' });

  const waiting = (start, stop) => (value, { signal } = {}) => new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal));
    const timer = start(() => resolve(value));
    signal?.addEventListener('abort', () => { stop(timer); reject(aborted(signal)); }, { once: true });
  });

  const promises = {
    setTimeout: (ms, value, options) => waiting((done) => setTimeout(done, ms), clearTimeout)(value, options),
    setImmediate: waiting(setImmediate, clearImmediate),
    async *setInterval(ms, value, options) { for (;;) yield await promises.setTimeout(ms, value, options); },
    scheduler: { wait: (ms, options) => promises.setTimeout(ms, undefined, options), yield: () => promises.setImmediate() },
  };
  const custom = Symbol.for('nodejs.util.promisify.custom');
  for (const name of ['setTimeout', 'setImmediate']) Object.defineProperty(load('timers')[name], custom, { value: promises[name], configurable: true });

  return { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate, promises };
})

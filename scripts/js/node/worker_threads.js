// worker_threads: this is the main thread, and there is no other.
(function ({ load }) {
  class Worker {
    constructor() { throw Object.assign(new Error('worker_threads.Worker is not supported: an integration runs on one thread; split the work into jobs with integration().schedule'), { code: 'ERR_UNSUPPORTED_BUILTIN' }); }
  }
  return {
    isMainThread: true, parentPort: null, workerData: null, threadId: 0, resourceLimits: {}, SHARE_ENV: Symbol.for('nodejs.worker_threads.SHARE_ENV'), Worker,
    ...load('web/messages'),
    markAsUntransferable() {}, moveMessagePortToContext: (port) => port, receiveMessageOnPort: () => undefined, getEnvironmentData: () => undefined, setEnvironmentData() {},
  };
})

// perf_hooks: the clock and marks.
(function () {
  const marks = new Map();
  const clock = {
    now: () => performance.now(),
    timeOrigin: performance.timeOrigin,
    mark(name) { const entry = { name, entryType: 'mark', startTime: performance.now(), duration: 0 }; marks.set(name, entry); return entry; },
    measure(name, from, to) {
      const startTime = marks.get(from)?.startTime ?? 0;
      return { name, entryType: 'measure', startTime, duration: (marks.get(to)?.startTime ?? performance.now()) - startTime };
    },
    clearMarks: () => marks.clear(),
    clearMeasures() {},
    getEntries: () => [...marks.values()],
    getEntriesByName: (name) => [...marks.values()].filter((entry) => entry.name === name),
    getEntriesByType: (type) => (type === 'mark' ? [...marks.values()] : []),
    eventLoopUtilization: () => ({ idle: 0, active: 0, utilization: 0 }),
    timerify: (callback) => callback,
    toJSON: () => ({ timeOrigin: performance.timeOrigin }),
  };
  class PerformanceObserver {
    static supportedEntryTypes = [];
    observe() {}
    disconnect() {}
  }
  const histogram = () => ({ enable: () => true, disable: () => true, percentile: () => 0, min: 0, max: 0, mean: 0, stddev: 0, reset() {}, record() {} });
  return { performance: clock, PerformanceObserver, constants: {}, monitorEventLoopDelay: histogram, createHistogram: histogram };
})

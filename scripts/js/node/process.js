// process: what packages read of it; an integration has no environment and cannot end its process.
(function (internal) {
  const { host, define, uncaught, load, require } = internal;
  const EventEmitter = require('events');
  const started = performance.now();
  const VERSION = '20.19.0';

  function nextTick(callback, ...args) {
    if (typeof callback !== 'function') throw Object.assign(new TypeError('The "callback" argument must be of type function'), { code: 'ERR_INVALID_ARG_TYPE' });
    const bound = internal.bind(callback);
    Promise.resolve().then(() => { try { bound(...args); } catch (error) { uncaught(error); } });
  }

  function hrtime(previous) {
    const now = performance.now();
    const time = [Math.floor(now / 1000), Math.floor((now % 1000) * 1e6)];
    if (!previous) return time;
    const nanoseconds = time[1] - previous[1];
    return nanoseconds < 0 ? [time[0] - previous[0] - 1, nanoseconds + 1e9] : [time[0] - previous[0], nanoseconds];
  }
  hrtime.bigint = () => BigInt(Math.floor(performance.now() * 1e6));

  const refuse = (name, why) => () => { throw Object.assign(new Error(`process.${name} is not supported: ${why}`), { code: 'ERR_UNSUPPORTED' }); };

  function output(level, fd) {
    const stream = new EventEmitter();
    return Object.assign(stream, {
      fd, isTTY: false, writable: true, columns: 80,
      write(chunk, encoding, callback = encoding) {
        console[level](String(chunk).replace(/\n$/, ''));
        if (typeof callback === 'function') nextTick(callback);
        return true;
      },
      end(chunk) { if (chunk !== undefined) this.write(chunk); },
      getColorDepth: () => 1,
      hasColors: () => false,
    });
  }

  const process = new EventEmitter();
  process.setMaxListeners(0);
  const memory = () => ({ rss: 67_108_864, heapTotal: 67_108_864, heapUsed: 8_388_608, external: 0, arrayBuffers: 0 });
  Object.assign(process, {
    title: 'tidegate', version: `v${VERSION}`, platform: 'linux', arch: 'x64', pid: 1, ppid: 0, exitCode: undefined, execPath: '/usr/bin/node',
    versions: { node: VERSION, v8: '11.3.244.8-node.26', uv: '1.46.0', zlib: '1.3.0.1', modules: '115', openssl: '3.0.15', unicode: '15.1' },
    release: { name: 'node', lts: 'Iron' },
    features: { inspector: false, debug: false, uv: true, ipv6: true, tls: true },
    config: { target_defaults: {}, variables: {} },
    argv: ['/usr/bin/node', '/integration/integration.js'], argv0: 'node', execArgv: [], env: {},
    allowedNodeEnvironmentFlags: new Set(),
    nextTick, hrtime,
    cwd: () => '/integration',
    chdir: refuse('chdir', 'an integration has no files'),
    umask: () => 0o22,
    uptime: () => (performance.now() - started) / 1000,
    memoryUsage: Object.assign(memory, { rss: () => memory().rss }),
    cpuUsage: () => ({ user: 0, system: 0 }),
    resourceUsage: () => ({}),
    constrainedMemory: () => 0,
    exit: refuse('exit', 'return from the handler, or throw an error to fail the run'),
    abort: refuse('abort', 'throw an error to fail the run'),
    kill: refuse('kill', 'an integration cannot steer processes'),
    binding: refuse('binding', 'there are no native modules'),
    dlopen: refuse('dlopen', 'native modules cannot be loaded'),
    getuid: () => 1000, geteuid: () => 1000, getgid: () => 1000, getegid: () => 1000, getgroups: () => [1000],
    emitWarning(warning) { console.warn(typeof warning === 'string' ? `Warning: ${warning}` : String(warning)); },
    getBuiltinModule(name) { try { return require(name); } catch { return undefined; } },
    setUncaughtExceptionCaptureCallback() {},
    hasUncaughtExceptionCaptureCallback: () => false,
  });
  for (const [name, level, fd] of [['stdout', 'log', 1], ['stderr', 'error', 2]]) {
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get() { const stream = output(level, fd); define(process, name, stream); return stream; } });
  }
  const stdin = new EventEmitter();
  process.stdin = Object.assign(stdin, { fd: 0, isTTY: false, read: () => null, resume() { return stdin; }, pause() { return stdin; }, setEncoding() { return stdin; } });
  Object.defineProperty(process, Symbol.toStringTag, { value: 'process', configurable: true });
  define(process, 'process', process);
  return process;
})

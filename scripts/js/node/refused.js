// Builtins that cannot be had: their functions are there, so that packages load, and say why when they are called.
(function ({ host, text, tagged }) {
  const MEMBERS = {
    child_process: ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork', 'ChildProcess'],
    cluster: ['fork', 'setupPrimary', 'setupMaster', 'disconnect', 'Worker'],
    dgram: ['createSocket', 'Socket'],
    domain: ['create', 'createDomain', 'Domain'],
    http2: ['connect', 'createServer', 'createSecureServer', 'getDefaultSettings', 'getPackedSettings', 'Http2ServerRequest', 'Http2ServerResponse'],
    inspector: ['open', 'close', 'url', 'waitForDebugger', 'Session'],
    readline: ['createInterface', 'clearLine', 'clearScreenDown', 'cursorTo', 'emitKeypressEvents', 'moveCursor', 'Interface'],
    'readline/promises': ['createInterface', 'Interface', 'Readline'],
    repl: ['start', 'REPLServer'],
    sea: ['getAsset', 'getRawAsset'],
    sqlite: ['DatabaseSync', 'StatementSync'],
    test: ['test', 'describe', 'it', 'suite', 'before', 'after', 'beforeEach', 'afterEach', 'run'],
    trace_events: ['createTracing', 'getEnabledCategories'],
    vm: ['runInContext', 'runInNewContext', 'runInThisContext', 'createContext', 'compileFunction', 'Script', 'SourceTextModule', 'SyntheticModule'],
    wasi: ['WASI'],
  };
  const HEADER = 'HTTP2_HEADER_';
  const HTTP2 = ['STATUS', 'METHOD', 'AUTHORITY', 'SCHEME', 'PATH', 'PROTOCOL'];
  const HTTP2_PLAIN = ['ACCEPT', 'ACCEPT_ENCODING', 'AUTHORIZATION', 'CACHE_CONTROL', 'CONNECTION', 'CONTENT_ENCODING', 'CONTENT_LENGTH', 'CONTENT_TYPE',
    'COOKIE', 'DATE', 'ETAG', 'EXPECT', 'HOST', 'HTTP2_SETTINGS', 'KEEP_ALIVE', 'LOCATION', 'PROXY_CONNECTION', 'SET_COOKIE', 'TE',
    'TRANSFER_ENCODING', 'UPGRADE', 'USER_AGENT'];
  // What packages read when they are loaded.
  const VALUES = {
    cluster: () => ({ isMaster: true, isPrimary: true, isWorker: false, workers: {} }),
    domain: () => ({ active: null }),
    http2: () => ({
      constants: {
        ...Object.fromEntries(HTTP2.map((name) => [HEADER + name, `:${name.toLowerCase()}`])),
        ...Object.fromEntries(HTTP2_PLAIN.map((name) => [HEADER + name, name.toLowerCase().replaceAll('_', '-')])),
        NGHTTP2_NO_ERROR: 0, NGHTTP2_CANCEL: 8, HTTP_STATUS_OK: 200, HTTP_STATUS_MOVED_PERMANENTLY: 301, HTTP_STATUS_FOUND: 302,
      },
      sensitiveHeaders: Symbol('nodejs.http2.sensitiveHeaders'),
    }),
    sea: () => ({ isSea: () => false }),
    vm: () => ({ isContext: () => false, constants: {} }),
  };
  const made = Object.create(null);

  function stub(name, member, why) {
    const refuse = function () {
      const error = tagged('unsupported_builtin', host.refused(text(`${name}.${member}`), why, new Error().stack));
      error.code = 'ERR_UNSUPPORTED_BUILTIN';
      throw error;
    };
    Object.defineProperty(refuse, 'name', { value: member });
    return refuse;
  }

  return (name, why) => (made[name] ??= {
    ...Object.fromEntries((MEMBERS[name] ?? []).map((member) => [member, stub(name, member, why)])),
    ...VALUES[name]?.(),
  });
})

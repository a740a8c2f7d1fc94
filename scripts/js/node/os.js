// os: a machine that tells nothing about the one it is.
(function () {
  const constants = {
    signals: { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 },
    errno: { ENOENT: 2, EACCES: 13, EEXIST: 17, EROFS: 30, EPIPE: 32, ECONNRESET: 104, ETIMEDOUT: 110, ECONNREFUSED: 111 },
    priority: {}, dlopen: {}, UV_UDP_REUSEADDR: 4,
  };
  const cpu = { model: 'cpu', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } };
  return {
    EOL: '\n', constants, devNull: '/dev/null',
    arch: () => 'x64', machine: () => 'x86_64', platform: () => 'linux', type: () => 'Linux', release: () => '6.0.0', version: () => '',
    endianness: () => 'LE', hostname: () => 'localhost', homedir: () => '/', tmpdir: () => '/tmp', loadavg: () => [0, 0, 0],
    uptime: () => Math.floor(performance.now() / 1000), totalmem: () => 67_108_864, freemem: () => 33_554_432, availableParallelism: () => 1,
    cpus: () => [cpu], networkInterfaces: () => ({}), getPriority: () => 0, setPriority() {},
    userInfo: () => ({ uid: 1000, gid: 1000, username: 'integration', homedir: '/', shell: null }),
  };
})

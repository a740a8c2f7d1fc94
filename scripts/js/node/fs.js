// fs: an empty file system that cannot be written. Packages look for files they can do without.
(function ({ require }) {
  const ERRORS = { ENOENT: [-2, 'no such file or directory'], EROFS: [-30, 'read-only file system'], EBADF: [-9, 'bad file descriptor'] };
  const READS = ['access', 'lstat', 'open', 'opendir', 'readFile', 'readdir', 'readlink', 'realpath', 'stat', 'statfs', 'watch'];
  const WRITES = ['appendFile', 'chmod', 'chown', 'copyFile', 'cp', 'lchown', 'link', 'lutimes', 'mkdir', 'mkdtemp', 'rename', 'rm', 'rmdir', 'symlink', 'truncate',
    'unlink', 'utimes', 'writeFile'];
  const DESCRIPTORS = ['close', 'fchmod', 'fchown', 'fdatasync', 'fstat', 'fsync', 'ftruncate', 'futimes', 'read', 'readv', 'write', 'writev'];

  function failure(code, call, path) {
    const [errno, words] = ERRORS[code];
    const about = path === undefined ? '' : ` '${path}'`;
    return Object.assign(new Error(`${code}: ${words}, ${call}${about}`), { errno, code, syscall: call, ...(path === undefined ? {} : { path: String(path) }) });
  }

  const fs = { promises: {} };
  for (const [names, code] of [[READS, 'ENOENT'], [WRITES, 'EROFS'], [DESCRIPTORS, 'EBADF']]) {
    for (const name of names) {
      const fail = (path) => failure(code, name === 'readFile' || name === 'writeFile' ? 'open' : name, code === 'EBADF' ? undefined : path);
      fs[name] = (path, ...rest) => {
        const callback = rest.pop();
        if (typeof callback !== 'function') throw Object.assign(new TypeError('The "cb" argument must be of type function'), { code: 'ERR_INVALID_ARG_TYPE' });
        process.nextTick(callback, fail(path));
      };
      fs[`${name}Sync`] = (path) => { throw fail(path); };
      if (code !== 'EBADF') fs.promises[name] = async (path) => { throw fail(path); };
    }
  }

  const lost = (Stream) => (path) => new Stream({
    read() { this.destroy(failure('ENOENT', 'open', path)); },
    write(chunk, encoding, done) { done(failure('EROFS', 'open', path)); },
  });
  const constants = { F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4, COPYFILE_EXCL: 1, O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2, O_CREAT: 64, O_EXCL: 128, O_TRUNC: 512, O_APPEND: 1024, S_IFMT: 61440, S_IFREG: 32768, S_IFDIR: 16384, S_IFLNK: 40960 };
  class Stats {
    isFile() { return false; }
    isDirectory() { return false; }
    isSymbolicLink() { return false; }
  }
  class Dirent extends Stats {}
  const known = (path) => { throw failure('ENOENT', 'realpath', path); };
  fs.realpathSync.native = known;
  fs.realpath.native = (path, ...rest) => fs.realpath(path, ...rest);
  fs.promises.constants = constants;

  return Object.assign(fs, {
    constants, ...constants, Stats, Dirent,
    exists: (path, callback) => process.nextTick(callback, false),
    existsSync: () => false,
    createReadStream: (path) => lost(require('stream').Readable)(path),
    createWriteStream: (path) => lost(require('stream').Writable)(path),
    get ReadStream() { return require('stream').Readable; },
    get WriteStream() { return require('stream').Writable; },
    get FileReadStream() { return require('stream').Readable; },
    watchFile() {},
    unwatchFile() {},
  });
})

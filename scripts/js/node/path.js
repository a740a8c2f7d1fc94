// path by `path-browserify`; for Windows it knows only what packages ask of it: names and separators.
(function ({ load }) {
  const posix = load('npm/path-browserify');
  const forward = (path) => String(path).replaceAll('\\', '/');
  const back = (path) => path.replaceAll('/', '\\');
  const DRIVE = /^[A-Za-z]:/;

  const win32 = {
    ...posix,
    sep: '\\',
    delimiter: ';',
    basename: (path, suffix) => posix.basename(forward(path).replace(DRIVE, ''), suffix),
    extname: (path) => posix.extname(forward(path)),
    dirname: (path) => back(posix.dirname(forward(path))),
    isAbsolute: (path) => /^([A-Za-z]:)?[\\/]/.test(path),
    normalize: (path) => back(posix.normalize(forward(path))),
    join: (...parts) => back(posix.join(...parts.map(forward))),
    relative: (from, to) => back(posix.relative(forward(from), forward(to))),
    toNamespacedPath: (path) => path,
  };
  posix.toNamespacedPath = (path) => path;
  posix.posix = posix;
  posix.win32 = win32;
  Object.assign(win32, { win32, posix });
  return posix;
})

// url: the legacy parser by the `url` package, and the standard's classes.
(function ({ load, require }) {
  const legacy = load('npm/url');
  const { URL, URLSearchParams } = load('web/url');

  function fileURLToPath(url) {
    const parsed = typeof url === 'string' ? new URL(url) : url;
    if (parsed.protocol !== 'file:') throw Object.assign(new TypeError('The URL must be of scheme file'), { code: 'ERR_INVALID_URL_SCHEME' });
    return decodeURIComponent(parsed.pathname);
  }

  function pathToFileURL(path) {
    const escaped = require('path').resolve('/', path).replace(/[%\\\n\r\t?#]/g, (one) => encodeURIComponent(one));
    return new URL(`file://${escaped}`);
  }

  function urlToHttpOptions(url) {
    const { protocol, hostname, hash, search, pathname, href, port, username, password } = url;
    return {
      __proto__: null, ...url, protocol, hash, search, pathname, href,
      hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
      path: `${pathname}${search}`,
      ...(port === '' ? {} : { port: Number(port) }),
      ...(username || password ? { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` } : {}),
    };
  }

  // Of a WHATWG URL, parts can be left out; of anything else the legacy printer makes text.
  function format(url, options) {
    if (!(url instanceof URL)) return legacy.format(url);
    const { fragment = true, search = true, auth = true } = options ?? {};
    const copy = new URL(url);
    if (!fragment) copy.hash = '';
    if (!search) copy.search = '';
    if (!auth) { copy.username = ''; copy.password = ''; }
    return copy.href;
  }

  return {
    ...legacy, URL, URLSearchParams, format, fileURLToPath, pathToFileURL, urlToHttpOptions,
    domainToASCII: (domain) => URL.parse(`http://${domain}`)?.hostname ?? '',
    domainToUnicode: (domain) => require('punycode').toUnicode(domain),
  };
})

// querystring, the form encoding from before URLSearchParams.
(function () {
  const unescape = (text) => { try { return decodeURIComponent(text); } catch { return globalThis.unescape(text); } };
  const escape = (value) => encodeURIComponent(String(value).toWellFormed());

  const module = {
    escape,
    unescape,
    parse(text, separator = '&', equals = '=', { maxKeys = 1000, decodeURIComponent: decode = module.unescape } = {}) {
      const out = Object.create(null);
      if (typeof text !== 'string' || text === '') return out;
      const pairs = text.split(separator || '&');
      for (const pair of maxKeys > 0 ? pairs.slice(0, maxKeys) : pairs) {
        if (pair === '') continue;
        const at = pair.indexOf(equals || '=');
        const [name, value] = (at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + (equals || '=').length)])
          .map((part) => { const spaced = part.replaceAll('+', ' '); try { return decode(spaced); } catch { return unescape(spaced); } });
        if (!(name in out)) out[name] = value;
        else if (Array.isArray(out[name])) out[name].push(value);
        else out[name] = [out[name], value];
      }
      return out;
    },
    stringify(object, separator = '&', equals = '=', { encodeURIComponent: encode = module.escape } = {}) {
      if (typeof object !== 'object' || object === null) return '';
      const print = (value) => {
        switch (typeof value) {
          case 'string': return encode(value);
          case 'number': return Number.isFinite(value) ? encode(String(value)) : '';
          case 'bigint':
          case 'boolean': return encode(String(value));
          default: return '';
        }
      };
      return Object.keys(object)
        .flatMap((name) => [].concat(object[name]).map((value) => `${encode(name)}${equals || '='}${print(value)}`))
        .join(separator || '&');
    },
  };
  module.decode = module.parse;
  module.encode = module.stringify;
  return module;
})

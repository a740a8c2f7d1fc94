// undici, the npm package, on the gateway: it would open sockets of its own.
(function ({ load, require }) {
  const { fetch, Request, Response } = load('web/fetch');
  const EventEmitter = require('events');

  class Dispatcher extends EventEmitter {
    async close() {}
    async destroy() {}
    compose() { return this; }
    request(options) { return request(new URL(options.path, options.origin), options); }
  }
  class Agent extends Dispatcher {}
  class Client extends Dispatcher {
    constructor(origin) { super(); this.origin = origin; }
    request(options) { return request(new URL(options.path, this.origin), options); }
  }
  class Pool extends Client {}
  class ProxyAgent extends Dispatcher {
    constructor() { super(); throw Object.assign(new Error('undici.ProxyAgent is not supported: set the proxy in the settings of the integration'), { code: 'ERR_UNSUPPORTED_BUILTIN' }); }
  }
  let dispatcher = new Agent();

  async function request(url, { method = 'GET', headers, body, signal, query } = {}) {
    const target = new URL(String(url));
    for (const name in query) target.searchParams.append(name, query[name]);
    const answer = await fetch(target, { method, headers, body, signal, redirect: 'manual' });
    const list = {};
    for (const [name, value] of answer.headers) list[name] = name in list ? [].concat(list[name], value) : value;
    const stream = require('stream').Readable.from((async function* () { yield Buffer.from(await answer.arrayBuffer()); })());
    const consumed = Object.fromEntries(['text', 'json', 'arrayBuffer', 'blob', 'bytes', 'formData'].map((name) => [name, () => answer[name]()]));
    return { statusCode: answer.status, headers: list, trailers: {}, opaque: null, context: {}, body: Object.assign(stream, consumed, { dump: async () => {} }) };
  }

  class UndiciError extends Error {}
  return {
    fetch, Request, Response, request,
    get Headers() { return Headers; },
    get FormData() { return FormData; },
    get File() { return File; },
    Dispatcher, Agent, Client, Pool, BalancedPool: Pool, ProxyAgent, EnvHttpProxyAgent: Agent, RetryAgent: Agent, MockAgent: Agent,
    getGlobalDispatcher: () => dispatcher,
    setGlobalDispatcher(next) { dispatcher = next; },
    errors: { UndiciError }, interceptors: {},
  };
})

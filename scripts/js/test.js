// `tidegate:test`: what a file of tests is written with, and how one of its tests runs. Stubs, the cache, other
// integrations and the clock are here; only a request without a stub reaches the host, for the recording.
(function (internal) {
  const { host, load, define, parse, stringify, input } = internal;
  const call = internal.call;
  const RESULT_BYTES = 1024 * 1024;
  const CONTEXT = ['payload', 'secrets', 'key', 'event', 'request', 'run'];
  const ANSWER = ['status', 'statusText', 'headers', 'json', 'text', 'body', 'error', 'code'];
  const tests = new Map();
  // Refusals that fail the test, whatever the script does with them.
  const unmet = [];

  const object = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const show = (value) => load('inspect').inspect(value);

  function only(what, value, names) {
    if (!object(value)) throw new TypeError(`${what}: pass an object`);
    const strange = Object.keys(value).find((name) => !names.includes(name));
    if (strange !== undefined) throw new TypeError(`${what}: there is no ${stringify(strange)}; there are ${names.join(', ')}`);
  }

  function unanswered(message, code) {
    const error = Object.assign(new Error(message), { code });
    unmet.push(error);
    return error;
  }

  function test(name, body) {
    if (typeof name !== 'string' || name === '') throw new TypeError('test: the name must be a text that is not empty');
    if (typeof body !== 'function') throw new TypeError(`test ${stringify(name)}: pass a function`);
    if (tests.has(name)) throw new TypeError(`test: two tests are called ${stringify(name)}; give one another name`);
    tests.set(name, body);
  }

  // ---- the clock

  const RealDate = Date;
  const realNow = RealDate.now;
  const { performance } = globalThis;
  const { timer, clearTimer } = host;
  const waiting = new Map();
  let time;
  let started;
  let order = 0;

  const now = () => time ?? realNow();

  function FakeDate(...args) {
    if (new.target === undefined) return new RealDate(now()).toString();
    return Reflect.construct(RealDate, args.length === 0 ? [now()] : args, new.target);
  }
  define(FakeDate, 'name', 'Date');
  define(FakeDate, 'length', 7);
  FakeDate.prototype = RealDate.prototype;
  define(RealDate.prototype, 'constructor', FakeDate);
  define(FakeDate, 'now', function () { return now(); });
  define(FakeDate, 'parse', RealDate.parse);
  define(FakeDate, 'UTC', RealDate.UTC);
  define(globalThis, 'Date', FakeDate);
  const since = () => (time === undefined ? performance.now() : started.since + (time - started.at));
  define(globalThis, 'performance', { now: since, timeOrigin: performance.timeOrigin });

  // `setImmediate` has no delay: it never waits for the clock.
  host.timer = (id, delay) => {
    if (time === undefined || delay === 0) timer(id, delay);
    else waiting.set(id, { id, due: time + delay, order: ++order });
  };
  host.clearTimer = (id) => { if (!waiting.delete(id)) clearTimer(id); };

  const turn = () => new Promise((resolve) => load('timers').setImmediate(resolve));

  function next(until) {
    let first;
    for (const one of waiting.values()) {
      if (one.due <= until && (!first || one.due < first.due || (one.due === first.due && one.order < first.order))) first = one;
    }
    return first;
  }

  const clock = {
    set(at) {
      const ms = at instanceof RealDate || typeof at === 'number' || typeof at === 'string' ? new RealDate(at).getTime() : NaN;
      if (Number.isNaN(ms)) throw new TypeError(`clock.set: ${show(at)} is no time; use for example '2030-01-01T09:00:00Z'`);
      started ??= { since: performance.now(), at: ms };
      time = ms;
    },
    async advance(ms) {
      if (!(typeof ms === 'number' && ms >= 0 && ms < 2 ** 53)) throw new TypeError(`clock.advance: ${show(ms)} is no number of milliseconds from 0`);
      if (time === undefined) clock.set(realNow());
      const until = time + ms;
      await turn();
      for (let one = next(until); one; one = next(until)) {
        waiting.delete(one.id);
        time = Math.max(time, one.due);
        load('timers').fire(one.id);
        await turn();
      }
      time = until;
    },
    now: () => now(),
  };

  // ---- requests

  const stubs = [];
  const requests = [];
  const seen = new Set(Object.values(parse(input.secrets)));
  const bodies = new Map();
  const { bodyText, bodyBytes } = host;
  host.bodyText = (id) => (bodies.has(id) ? host.decode(bodies.get(id), false) : bodyText(id));
  host.bodyBytes = (id) => (bodies.has(id) ? bodies.get(id).slice() : bodyBytes(id));

  function matcher(pattern) {
    if (pattern instanceof RegExp) return ({ method, url }) => new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(`${method} ${url}`);
    const [, method, url] = (typeof pattern === 'string' && /^(?:([A-Z]+) )?(https?:\/\/\S+)$/.exec(pattern)) || [];
    if (url === undefined) throw new TypeError(`http.on: ${show(pattern)} names no request; use for example 'GET https://api.example.com/users/*'`);
    const whole = url.includes('*') ? url : load('web/url').URL.parse(url)?.href ?? url;
    const parts = whole.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    const form = new RegExp(`^${parts.join('.*')}$`, 's');
    return (request) => (method === undefined || method === request.method) && form.test(request.url);
  }

  async function answer(request, given) {
    const found = typeof given === 'function' ? await given(request) : given;
    only('http.on: the answer', found, ANSWER);
    if (found.error !== undefined) throw Object.assign(new Error(String(found.error)), { code: found.code ?? 'connection_failed' });
    const headers = Object.entries(found.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]);
    if (found.json !== undefined && !headers.some(([name]) => name === 'content-type')) headers.push(['content-type', 'application/json']);
    const content = found.json === undefined ? found.text ?? found.body ?? '' : stringify(found.json);
    const id = -1 - bodies.size;
    bodies.set(id, typeof content === 'string' ? host.utf8(internal.text(content)) : load('web/encoding').view(content).slice());
    const value = { status: found.status ?? 200, statusText: found.statusText ?? '', url: request.url, redirected: false, headers };
    return { value, id };
  }

  async function fetched(args, body) {
    const text = body === null ? '' : typeof body === 'string' ? body : host.decode(load('web/encoding').view(body), false);
    const { method, url } = args;
    const request = { method, url, headers: Object.fromEntries(args.headers ?? []), body: text, json: () => parse(text) };
    requests.push(request);
    const stub = stubs.findLast(({ matches }) => matches(request));
    if (stub) return answer(request, stub.answer);
    try {
      return await call('fetch', { ...args, secrets: [...seen] }, body);
    } catch (error) {
      if (error.code === 'not_recorded') unmet.push(error);
      throw error;
    }
  }

  const http = {
    requests,
    on(pattern, given) {
      if (typeof given !== 'function') only('http.on: the answer', given, ANSWER);
      stubs.push({ matches: matcher(pattern), answer: given });
    },
  };

  // ---- the cache, and other integrations

  const kept = new Map();

  function cached(op, { key, value, ttlMs }) {
    const entry = kept.get(key);
    const fresh = entry !== undefined && entry.until > now();
    switch (op) {
      case 'cache.get': return fresh ? { hit: true, value: parse(entry.json) } : { hit: false };
      case 'cache.set': kept.set(key, { json: stringify(value), until: now() + ttlMs }); return null;
      case 'cache.delete': kept.delete(key); return fresh;
      default: return null;
    }
  }

  const calls = [];
  const answers = new Map();

  const integrations = {
    on(name, given) { answers.set(String(name), given); },
  };

  async function called(verb, { name, payload, options }) {
    const made = { name, verb, payload, options };
    calls.push(made);
    if (!answers.has(name)) {
      throw unanswered(`integration(${stringify(name)}).${verb} has no answer; give one with integrations.on(${stringify(name)}, …)`, 'not_answered');
    }
    const given = answers.get(name);
    const value = typeof given === 'function' ? await given(made) : given;
    return value === undefined ? null : parse(load('outcome').result(value, RESULT_BYTES));
  }

  // Before anything that calls is loaded.
  internal.call = async function (op, args, body = null) {
    if (op === 'fetch') return fetched(args, body);
    const copy = parse(stringify(args));
    if (op.startsWith('cache.')) return { value: cached(op, copy) };
    if (op.startsWith('integration.')) return { value: await called(op.slice('integration.'.length), copy) };
    return call(op, args, body);
  };

  // ---- the handler

  let handler;

  function json(name, value) {
    const printed = stringify(value);
    if (value !== undefined && printed === undefined) throw new TypeError(`run: ${name} is a ${typeof value}; pass JSON`);
    return printed;
  }

  // An error of the handler also says which line of the test ran it.
  async function run(context) {
    const { stack } = new Error();
    try { return await ran(context); } catch (error) {
      if (error instanceof Error) define(error, 'stack', `${error.stack}\n${stack}`);
      throw error;
    }
  }

  async function ran(context = {}) {
    only('run', context, CONTEXT);
    const secrets = context.secrets ?? parse(input.secrets);
    Object.values(secrets).forEach((value) => seen.add(String(value)));
    const at = now();
    const base = { attempt: 1, scheduledAt: new RealDate(at).toISOString(), release: 'draft', deadline: new RealDate(at + input.timeoutMs).toISOString() };
    handler ??= internal.handlerOf(internal.subject());
    const value = await (await handler)(internal.argument({
      payload: json('payload', context.payload) ?? input.payload,
      secrets: json('secrets', secrets),
      key: context.key === null ? undefined : json('key', context.key),
      event: json('event', context.event),
      request: json('request', context.request),
      run: json('run', { ...parse(input.run), ...base, ...context.run }),
    }));
    return parse(load('outcome').result(value, RESULT_BYTES));
  }

  // ---- one test

  const lines = (value) => (stringify(value, null, 2) ?? show(value)).split('\n');

  // The lines that differ, with two around them.
  function difference(actual, expected) {
    const [have, want] = [lines(actual), lines(expected)];
    let head = 0;
    while (head < have.length && head < want.length && have[head] === want[head]) head++;
    let tail = 0;
    while (tail < have.length - head && tail < want.length - head && have.at(-1 - tail) === want.at(-1 - tail)) tail++;
    if (head + tail === have.length && have.length === want.length) return `  ${show(actual)}\n  ${show(expected)}`;
    const marked = (mark, all) => all.map((line) => `${mark} ${line}`);
    return [
      ...marked(' ', have.slice(Math.max(0, head - 2), head)),
      ...marked('-', want.slice(head, want.length - tail)),
      ...marked('+', have.slice(head, have.length - tail)),
      ...marked(' ', have.slice(have.length - tail, have.length - tail + 2)),
    ].join('\n');
  }

  function explain(error) {
    if (error?.code === 'ERR_ASSERTION' && error.generatedMessage && /^deep/.test(error.operator)) {
      define(error, 'message', `not deeply equal (- expected, + actual)\n${difference(error.actual, error.expected)}`);
    }
    return error;
  }

  async function conduct() {
    if (input.test === null || input.test === undefined) return [...tests.keys()];
    const body = tests.get(input.test);
    if (!body) throw new Error(`there is no test ${stringify(input.test)} any more`);
    try { await body(); } catch (error) { throw explain(error); }
    if (unmet.length > 0) throw unmet[0];
    return null;
  }

  const api = { test, assert: internal.require('assert'), run, http, clock, cache: load('cache'), secrets: parse(input.secrets), integrations, calls };
  return { api, conduct };
})

// The client against a real server that misbehaves.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, TidegateError } from '@tidegate/client'
import { breakInside, breakOff, data, hang, json, refusal, serve, text, timers } from './server.mjs'

const KEY = 'tg_pub_test'
/** The call's own time limit in tests with held timers; no pause is as long. */
const LIMIT = 50_000
const isPause = ms => ms !== LIMIT

async function caught (promise) {
  const error = await promise.then(() => assert.fail('it should have been rejected'), error => error)
  assert.ok(error instanceof TidegateError && error instanceof Error, `${error}`)
  assert.equal(error.name, 'TidegateError')
  return error
}

const client = (server, more) => createClient({ endpoint: server.endpoint, publicKey: KEY, timeoutMs: LIMIT, ...more }).integration('slack')

test('execute sends payload and options, and resolves to the result', async t => {
  const server = await serve(t, data({ sent: true }))
  const result = await client(server).execute('A user has just spent £120!', { key: { email: 'x' }, priority: 3 })
  assert.deepEqual(result, { sent: true })
  const [{ method, url, headers, body }] = server.requests
  assert.equal(`${method} ${url}`, 'POST /v1/integrations/slack/execute')
  assert.deepEqual(body, { payload: 'A user has just spent £120!', key: { email: 'x' }, priority: 3 })
  assert.equal(headers.authorization, `Bearer ${KEY}`)
  assert.equal(headers['content-type'], 'application/json')
  assert.match(headers['idempotency-key'], /^[0-9a-f]{32}$/)
  assert.equal(headers.prefer, undefined)
})

test('a result of null, false or 0 is a result', async t => {
  const server = await serve(t, data(null), data(false), data(0))
  for (const value of [null, false, 0]) assert.equal(await client(server).execute(), value)
  assert.deepEqual(server.requests[0].body, {})
})

test('schedule, reschedule and cancel have their shapes', async t => {
  const scheduled = { jobId: 'J', key: { foo: 'bar' }, dueAt: '2030-01-01T09:00:00Z', replaced: false }
  const server = await serve(t, json(202, { ok: true, data: scheduled }), data({ jobId: 'J', dueAt: 'x', jobs: [] }), data({ cancelled: 1 }))
  const slack = client(server)
  const window = { day: 'monday-friday', time: '09:00-17:00' }
  const time = new Date(Date.UTC(2030, 0, 1))
  assert.deepEqual(await slack.schedule({ n: 1 }, { key: { foo: 'bar' }, time, window, ifExists: 'keep' }), scheduled)
  await slack.reschedule({ key: { foo: 'bar' }, delay: '2 days' })
  assert.deepEqual(await slack.cancel({ match: { foo: 'bar' } }), { cancelled: 1 })
  assert.deepEqual(server.requests.map(({ url, body }) => [url, body]), [
    ['/v1/integrations/slack/schedule', { payload: { n: 1 }, key: { foo: 'bar' }, time: '2030-01-01T00:00:00.000Z', window, ifExists: 'keep' }],
    ['/v1/integrations/slack/reschedule', { key: { foo: 'bar' }, delay: '2 days' }],
    ['/v1/integrations/slack/cancel', { match: { foo: 'bar' } }]
  ])
})

test('what is meant for the client stays here', async t => {
  const server = await serve(t, json(202, { ok: true, data: { jobId: 'J' } }))
  const options = { timeoutMs: 900, retries: 1, signal: new AbortController().signal, idempotencyKey: 'order-7', respondAsync: true }
  assert.deepEqual(await client(server).execute(1, options), { jobId: 'J' })
  assert.deepEqual(server.requests[0].body, { payload: 1 })
  assert.equal(server.requests[0].headers['idempotency-key'], 'order-7')
  assert.equal(server.requests[0].headers.prefer, 'respond-async')
})

test('a 500 is tried again with the same idempotency key', async t => {
  const server = await serve(t, refusal(500, { code: 'internal_error', message: 'x' }), text(502, '<h1>Bad gateway</h1>'), data(1))
  const clock = timers(t)
  const result = client(server).execute(1)
  const first = await clock.end(isPause)
  const second = await clock.end(isPause)
  assert.equal(await result, 1)
  assert.ok(first >= 125 && first < 250, `${first}`)
  assert.ok(second >= 250 && second < 500, `${second}`)
  const keys = new Set(server.requests.map(request => request.headers['idempotency-key']))
  assert.deepEqual([server.requests.length, keys.size], [3, 1])
  assert.ok(clock.held.every(timer => timer.state !== 'set'), 'no timer is left')
})

test('two calls have two idempotency keys', async t => {
  const server = await serve(t, data(1))
  await client(server).execute(1)
  await client(server).execute(1)
  assert.notEqual(server.requests[0].headers['idempotency-key'], server.requests[1].headers['idempotency-key'])
})

test('Retry-After is waited for, and a little longer', async t => {
  const soon = new Date(Date.now() + 20_000).toUTCString()
  const cases = [
    [refusal(429, { code: 'rate_limited', message: 'x' }, { 'retry-after': '2' }), 2_000, 2_500],
    [refusal(429, { code: 'backlog_full', message: 'x', retryAfterMs: 1_300 }, { 'retry-after': '2' }), 1_300, 1_625],
    [refusal(503, { code: 'busy', message: 'x' }, { 'retry-after': soon }), 15_000, 25_000],
    [text(503, 'down'), 125, 250],
    [refusal(503, { code: 'busy', message: 'now' }, { 'retry-after': '0' }), 125, 250],
    [refusal(503, { code: 'busy', message: 'then' }, { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }), 125, 250],
    [refusal(503, { code: 'busy', message: 'soon' }, { 'retry-after': 'soon' }), 125, 250]
  ]
  for (const [place, [answer, from, to]] of cases.entries()) {
    await t.test(`${place}: ${from} ms`, async t => {
      const server = await serve(t, answer, data('done'))
      const clock = timers(t)
      const result = client(server).execute(1)
      const pause = await clock.end(isPause)
      assert.ok(pause >= from && pause <= to, `${pause}`)
      assert.equal(await result, 'done')
    })
  }
})

test('it gives up at once when the pause is longer than the call may take', async t => {
  const server = await serve(t, refusal(429, { code: 'rate_limited', message: 'wait', retryAfterMs: 604_800_000 }, { 'retry-after': '604800' }))
  const error = await caught(client(server).execute(1))
  assert.deepEqual([error.code, error.status, error.retryAfterMs], ['rate_limited', 429, 604_800_000])
  assert.equal(server.requests.length, 1)
})

test('a run that a rate limit refused is not tried again', async t => {
  const details = { code: 'rate_limited', message: 'x', rule: '1 per 1w by email', retryAfterMs: 5, jobId: 'J', runId: 'R' }
  const server = await serve(t, refusal(429, details, { 'retry-after': '1' }))
  const error = await caught(client(server).execute(1))
  assert.deepEqual([error.jobId, error.runId, error.details.rule], ['J', 'R', '1 per 1w by email'])
  assert.equal(server.requests.length, 1)
})

test('a 4xx is never tried again, and says what is wrong', async t => {
  for (const status of [400, 401, 403, 404, 408, 409, 413, 415, 422]) {
    const server = await serve(t, refusal(status, { code: 'invalid_delay', message: 'must be ms', field: 'delay' }, { 'retry-after': '1' }))
    const error = await caught(client(server).execute(1))
    assert.deepEqual([error.status, error.code, error.message, error.details.field], [status, 'invalid_delay', 'must be ms', 'delay'])
    assert.equal(server.requests.length, 1, `${status}`)
  }
})

test('a problem document is understood as well', async t => {
  const server = await serve(t, json(404, { type: 'urn:x', status: 404, code: 'route_not_found', detail: 'no such route' }))
  const error = await caught(client(server).execute(1))
  assert.deepEqual([error.code, error.message], ['route_not_found', 'no such route'])
})

test('a run that failed rejects with the error of its handler', async t => {
  const details = { code: 'exception', name: 'TypeError', message: 'x is not a function', jobId: 'J', runId: 'R', outcome: 'failed' }
  const server = await serve(t, refusal(422, details))
  const error = await caught(client(server).execute(1))
  assert.deepEqual([error.code, error.message, error.runId, error.details.outcome], ['exception', 'x is not a function', 'R', 'failed'])
})

test('tries come to an end', async t => {
  const server = await serve(t, refusal(503, { code: 'busy', message: 'x' }))
  const clock = timers(t)
  const result = caught(client(server, { retries: 3 }).execute(1))
  for (let made = 0; made < 3; made++) await clock.end(isPause)
  assert.equal((await result).code, 'busy')
  assert.equal(server.requests.length, 4)
  assert.equal((await caught(client(server).execute(1, { retries: 0 }))).code, 'busy')
  assert.equal(server.requests.length, 5)
})

test('a connection that breaks is a network error, and is tried again', async t => {
  for (const broken of [breakOff, breakInside]) {
    const server = await serve(t, broken, broken, data('done'))
    await t.test(broken.name, async t => {
      const clock = timers(t)
      const result = client(server).execute(1)
      await clock.end(isPause)
      await clock.end(isPause)
      assert.equal(await result, 'done')
    })
    server.requests.length = 0
    const error = await caught(client(server).execute(1, { retries: 0 }))
    assert.deepEqual([error.code, error.status], ['network', 0])
    assert.ok(error.cause instanceof Error)
  }
})

test('a server that is not there is a network error', async t => {
  const server = await serve(t, data(1))
  const nowhere = createClient({ endpoint: 'http://127.0.0.1:1', token: 'x', retries: 0 }).integration('slack')
  assert.equal((await caught(nowhere.cancel({ key: { a: 1 } }))).code, 'network')
  assert.equal(server.requests.length, 0)
})

test('a server that hangs ends in a timeout, and hears that nobody waits', async t => {
  const server = await serve(t, hang)
  const clock = timers(t)
  const result = caught(client(server).execute(1))
  await server.asked(1)
  await clock.end(ms => ms === LIMIT)
  const error = await result
  assert.deepEqual([error.code, error.message], ['timeout', `no answer within ${LIMIT} ms`])
  await server.requests[0].closed
  assert.equal(server.requests.length, 1, 'it is not tried again')
})

test('a short real timeout ends a call', async t => {
  const server = await serve(t, hang)
  assert.equal((await caught(client(server).execute(1, { timeoutMs: 30 }))).code, 'timeout')
})

test('a fetch and a token that never come are timed out too', async t => {
  const server = await serve(t, data(1))
  const never = () => new Promise(() => {})
  for (const more of [{ fetch: never }, { publicKey: undefined, token: never }]) {
    assert.equal((await caught(client(server, more).execute(1, { timeoutMs: 20 }))).code, 'timeout')
  }
})

test('no timeout at all is possible', async t => {
  const server = await serve(t, data(1))
  assert.equal(await client(server).execute(1, { timeoutMs: Infinity }), 1)
})

test('a caller can give up: before, while it waits for the answer, and in a pause', async t => {
  const reason = new Error('the visitor left')
  await t.test('before', async t => {
    const server = await serve(t, data(1))
    const error = await caught(client(server).execute(1, { signal: AbortSignal.abort(reason) }))
    assert.deepEqual([error.code, error.cause, server.requests.length], ['aborted', reason, 0])
  })
  await t.test('while it waits', async t => {
    const server = await serve(t, hang)
    const stop = new AbortController()
    const result = caught(client(server).execute(1, { signal: stop.signal }))
    await server.asked(1)
    stop.abort(reason)
    assert.equal((await result).code, 'aborted')
    await server.requests[0].closed
  })
  await t.test('in a pause', async t => {
    const server = await serve(t, refusal(503, { code: 'busy', message: 'x', retryAfterMs: 40_000 }))
    const clock = timers(t)
    const paused = new Promise(resolve => {
      const held = globalThis.setTimeout
      globalThis.setTimeout = (run, ms) => { const timer = held(run, ms); if (isPause(ms)) resolve(); return timer }
    })
    const stop = new AbortController()
    const result = caught(client(server).execute(1, { signal: stop.signal }))
    await paused
    stop.abort(reason)
    assert.equal((await result).code, 'aborted')
    assert.ok(clock.held.every(timer => timer.state === 'cleared'), 'no timer keeps the process')
    assert.equal(server.requests.length, 1)
  })
})

test('an answer that is not JSON is an error of its own', async t => {
  for (const body of ['', '{"ok":', '<h1>Welcome to the hotel</h1>', 'null', '[]', '{"data":1}', '{"ok":false}']) {
    const server = await serve(t, text(200, body))
    const error = await caught(client(server).execute(1))
    assert.deepEqual([error.code, error.status, server.requests.length], ['invalid_answer', 200, 1], body)
  }
  const server = await serve(t, text(403, 'Forbidden'))
  assert.equal((await caught(client(server).execute(1))).code, 'http_403')
})

test('a payload that is too large or no JSON is not sent', async t => {
  const server = await serve(t, data(1))
  const slack = client(server)
  const cycle = {}
  cycle.self = cycle
  assert.equal((await caught(slack.execute(cycle))).code, 'invalid_payload')
  assert.equal((await caught(slack.execute({ n: 1n }))).code, 'invalid_payload')
  // "é" has two bytes; the quotes count.
  const error = await caught(slack.schedule('é'.repeat(131_072)))
  assert.equal(error.code, 'payload_too_large')
  assert.match(error.message, /262146 bytes/)
  assert.equal(server.requests.length, 0)
  assert.equal(await slack.schedule('é'.repeat(131_071)), 1, 'as much as the server takes')
})

test('calls that a page makes when it is left are kept alive, if they are small enough', async t => {
  const server = await serve(t, data(1))
  const seen = []
  const slack = client(server, { fetch: (url, request) => { seen.push(request.keepalive); return fetch(url, request) } })
  await slack.execute(1)
  await slack.schedule(1)
  await slack.reschedule({ key: { a: 1 }, delay: 1 })
  await slack.cancel({ key: { a: 1 } })
  await slack.schedule('x'.repeat(64 << 10))
  assert.deepEqual(seen, [false, true, true, true, false])
})

test('after a network error the next try is not kept alive: there may have been too much of it', async t => {
  const server = await serve(t, breakOff, refusal(503, { code: 'busy', message: 'x' }), data(1))
  const clock = timers(t)
  const seen = []
  const slack = client(server, { fetch: (url, request) => { seen.push(request.keepalive); return fetch(url, request) } })
  const result = slack.cancel({ key: { a: 1 } })
  await clock.end(isPause)
  await clock.end(isPause)
  await result
  assert.deepEqual(seen, [true, false, false])
})

test('a token may be a function, which is asked for every try', async t => {
  const server = await serve(t, refusal(503, { code: 'busy', message: 'x' }), data(1))
  const clock = timers(t)
  let asked = 0
  const token = async () => `tg_${++asked}`
  const result = createClient({ endpoint: server.endpoint + '//', token, timeoutMs: LIMIT }).integration('order-alert@2').execute(1)
  await clock.end(isPause)
  await result
  assert.deepEqual(server.requests.map(request => request.headers.authorization), ['Bearer tg_1', 'Bearer tg_2'])
  assert.equal(server.requests[0].url, '/v1/integrations/order-alert%402/execute')
})

test('a name cannot lead to another route', async t => {
  const server = await serve(t, data(1))
  await createClient({ endpoint: server.endpoint, token: 'x' }).integration('../api-keys?x#').execute(1)
  assert.equal(server.requests[0].url, '/v1/integrations/..%2Fapi-keys%3Fx%23/execute')
})

test('wrong options are refused when the client is made', () => {
  const endpoint = 'https://tidegate.example'
  const check = (options, says) => assert.throws(() => createClient(options), error => error.code === 'invalid_options' && says.test(error.message))
  check({ publicKey: KEY }, /endpoint/)
  check({ endpoint }, /publicKey .* token/)
  check({ endpoint, publicKey: KEY, token: 'x' }, /publicKey .* token/)
  check({ endpoint, publicKey: 'tg_secret' }, /secret/)
})

// What code of an experience finds on its options.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@tidegate/client'
import { attach, createUv } from '@tidegate/client/experience'
import { data, hang, refusal, serve, timers } from './server.mjs'

const ENDPOINT = 'http://127.0.0.1:1'
const offline = () => createClient({ endpoint: ENDPOINT, publicKey: 'tg_pub_x' })
const online = async (t, ...answers) => {
  const server = await serve(t, ...answers)
  return { server, client: createClient({ endpoint: server.endpoint, publicKey: 'tg_pub_x', retries: 0 }) }
}

test('handlers get the events of their type, with meta.type', () => {
  const uv = createUv()
  const seen = []
  uv.on('ecUser', event => seen.push(['on', event.meta.type, event.user]))
  uv.on(/^ec/, event => seen.push(['regex', event.meta.type]))
  uv.on(/x/g, event => seen.push(['global', event.meta.type]))
  const data = { user: 'a', meta: { ts: 5 } }
  uv.emit('ecUser', data)
  uv.emit('x')
  uv.emit('x')
  assert.deepEqual(seen, [['on', 'ecUser', 'a'], ['regex', 'ecUser'], ['global', 'x'], ['global', 'x']])
  assert.deepEqual(uv.events[0], { user: 'a', meta: { ts: 5, type: 'ecUser' } })
  assert.deepEqual(data, { user: 'a', meta: { ts: 5 } }, 'what was emitted is not changed')
})

test('replay gives what was before; once takes one, from before or after', () => {
  const uv = createUv()
  const seen = []
  uv.emit('a', { n: 1 })
  uv.emit('a', { n: 2 })
  uv.on('a', event => seen.push(`on ${event.n}`)).replay()
  uv.once('a', event => seen.push(`once ${event.n}`)).replay()
  uv.once('b', event => seen.push(`late ${event.n}`)).replay()
  uv.emit('b', { n: 3 })
  uv.emit('b', { n: 4 })
  assert.deepEqual(seen, ['on 1', 'on 2', 'once 1', 'late 3'])
})

test('a handler may be taken away, add others, and throw', () => {
  const failed = []
  const uv = createUv(error => failed.push(error.message))
  const seen = []
  uv.on('a', function () { seen.push(this) }, 'context').dispose().replay()
  uv.on('a', () => { throw new Error('no') })
  uv.on('a', () => { uv.on('a', () => seen.push('inner')) })
  uv.on('a', () => seen.push('last'))
  uv.emit('a')
  assert.deepEqual([seen, failed], [['last'], ['no']])
  uv.emit('a')
  assert.deepEqual(seen, ['last', 'last', 'inner'])
})

test('events are kept up to a bound', () => {
  const uv = createUv()
  for (let n = 0; n < 1_500; n++) uv.emit('a', { n })
  assert.deepEqual([uv.events.length, uv.events[0].n], [1_000, 500])
})

test('attach keeps what the page has', () => {
  const uv = { on () {}, once () {} }
  const log = { info () {}, error () {} }
  const options = { uv, log, state: 1 }
  const attached = attach(options, offline())
  assert.equal(attached, options)
  assert.deepEqual([options.uv, options.log, options.state], [uv, log, 1])
  assert.deepEqual(Object.keys(attach({}, offline())).sort(), ['integration', 'log', 'uv'])
})

test('log functions can be passed on alone', t => {
  const lines = []
  t.mock.method(console, 'error', (...values) => lines.push(values))
  const { error } = attach({}, offline()).log
  error('a', 1)
  assert.deepEqual(lines, [['a', 1]])
})

test('options of a call get a log that is not sent', async t => {
  const { server, client } = await online(t, data(1))
  const outer = attach({}, client)
  const options = { key: { a: 1 } }
  await outer.integration('slack').execute('hello', options)
  assert.equal(options.log, outer.log)
  assert.deepEqual(Object.keys(options), ['key'])
  assert.deepEqual(server.requests[0].body, { payload: 'hello', key: { a: 1 } })
  const frozen = Object.freeze({ key: { a: 1 } })
  await outer.integration('slack').execute('hello', frozen)
  assert.equal(frozen.log, undefined)
})

test('a window without a zone is in that of the visitor', async t => {
  const { server, client } = await online(t, data(1))
  const slack = attach({}, client).integration('slack')
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  const window = { day: 'monday-friday' }
  for (const given of [window, { timezone: 'Asia/Tokyo' }, { timezoneOffset: 0 }]) await slack.schedule(1, { window: given })
  const sent = server.requests.map(request => request.body.window)
  assert.deepEqual(sent, [{ day: 'monday-friday', timezone: zone }, { timezone: 'Asia/Tokyo' }, { timezoneOffset: 0 }])
  assert.deepEqual(window, { day: 'monday-friday' }, 'what the caller has is not changed')
})

test('defaults stand in for what a call leaves out', async t => {
  const { server, client } = await online(t, data(1))
  const slack = attach({}, client).integration('slack', { key: { a: 1 }, delay: '1h' })
  await slack.execute(1)
  await slack.schedule(2, { delay: '2h' })
  await slack.cancel({})
  await slack.reschedule({ time: 5 })
  await slack.cancel({ match: { b: 2 } })
  assert.deepEqual(server.requests.map(request => request.body), [
    { payload: 1, key: { a: 1 } },
    { payload: 2, key: { a: 1 }, delay: '2h' },
    { key: { a: 1 } },
    { key: { a: 1 }, time: 5 },
    { match: { b: 2 } }
  ])
})

test('timeout is another name of timeoutMs', async t => {
  const { server, client } = await online(t, hang)
  const clock = timers(t)
  const result = attach({}, client).integration('slack').execute(1, { timeout: 1_000 }).catch(error => error)
  await server.asked(1)
  await clock.end(ms => ms === 1_000)
  assert.deepEqual([(await result).code, server.requests[0].body], ['timeout', { payload: 1 }])
})

test('errors reach catch as they are', async t => {
  const { client } = await online(t, refusal(403, { code: 'origin_not_allowed', message: 'no' }))
  await assert.rejects(attach({}, client).integration('slack').schedule(1), { code: 'origin_not_allowed' })
})

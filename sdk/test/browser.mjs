// In a real Chromium against a running server: the two examples of an experience as they were written, and what pages may and
// may not. Environment: TIDEGATE_ENDPOINT, TIDEGATE_ADMIN (an admin key), CHROMIUM (default: found in PATH). The server must have
// the integrations `slack` and `slack-update`, and `broken`, which throws. Prints what it found as one line of JSON.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { delimiter, join } from 'node:path'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import typescript from 'typescript'

/** How long anything may take; nothing takes so long unless it is broken. */
const PATIENCE_MS = 120_000

const root = fileURLToPath(new URL('../', import.meta.url))
const { TIDEGATE_ENDPOINT: endpoint, TIDEGATE_ADMIN: admin } = process.env

function browserPath () {
  if (process.env.CHROMIUM) return process.env.CHROMIUM
  const names = ['chromium', 'chromium-browser', 'google-chrome']
  const places = process.env.PATH.split(delimiter).flatMap(folder => names.map(name => join(folder, name)))
  const found = places.find(existsSync)
  assert.ok(found, 'there is no Chromium: `make clients` installs it, or set CHROMIUM to its path')
  return found
}

/** What a page loads: the example with its packages in one script, whose global `variation` is its function. */
async function bundle (name, compile = code => code) {
  const code = compile(readFileSync(join(root, 'test/examples', `${name}.js`), 'utf8'))
  const stdin = { contents: code, resolveDir: root, sourcefile: `${name}.js` }
  const built = await build({ stdin, bundle: true, write: false, format: 'iife', globalName: 'variation', logLevel: 'silent' })
  return built.outputFiles[0].text
}

/** This example declares `options` twice, which only older JavaScript knows: `var options`. */
const olderJavaScript = code =>
  typescript.transpileModule(code, { compilerOptions: { target: 'ES5', module: 'CommonJS' }, fileName: 'schedule.js' }).outputText

/** Serves the pages of one origin. */
async function pages (files) {
  const server = createServer((request, response) => {
    const [type, body] = files[request.url] ?? ['text/html', '<!doctype html><title>page</title>']
    response.writeHead(200, { 'content-type': type })
    response.end(body)
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close() } }
}

async function api (method, path, body) {
  const headers = { authorization: `Bearer ${admin}`, 'content-type': 'application/json' }
  const response = await fetch(endpoint + path, { method, headers, body: body && JSON.stringify(body) })
  const answer = await response.json()
  assert.ok(response.ok, `${method} ${path}: ${JSON.stringify(answer)}`)
  return answer
}

const script = path => ['text/javascript', readFileSync(join(root, path))]
const files = {
  '/tidegate.js': script('dist/tidegate.experience.js'),
  '/index.js': script('dist/index.js'),
  '/execute.js': ['text/javascript', await bundle('execute')],
  '/schedule.js': ['text/javascript', await bundle('schedule', olderJavaScript)]
}
const shop = await pages(files)
const stranger = await pages(files)
const { key } = await api('POST', '/v1/api-keys', {
  name: 'shop', publishable: true, origins: [shop.origin], integrations: ['slack', 'slack-update', 'broken']
})
const settings = { endpoint, publicKey: key, retries: 0 }

const browser = await chromium.launch({
  executablePath: browserPath(),
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'
  ]
})

/** A page of a browser context of its own, which shares nothing with other ones. */
async function visit (origin, ...scripts) {
  const context = await browser.newContext({ timezoneId: 'America/New_York' })
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const lines = []
  page.on('console', message => lines.push(`${message.type()} ${message.text()}`))
  page.on('pageerror', error => lines.push(`thrown ${error.message}`))
  await page.goto(`${origin}/`)
  for (const url of ['/tidegate.js', ...scripts]) await page.addScriptTag({ url })
  return { context, page, lines }
}

const found = {}
try {
  // Example 1: runs at once, with events from before and after the experience.
  {
    const { context, page, lines } = await visit(shop.origin, '/execute.js')
    const said = page.waitForEvent('console')
    await page.evaluate(async settings => {
      const options = Tidegate.attach({}, Tidegate.createClient(settings))
      options.uv.emit('ecUser', { user: { email: 'ada@example.com' } })
      options.uv.emit('ecBasketTransactionSummary', { basket: { total: { currency: 'GBP', value: 80 } } })
      await variation(options)
      options.uv.emit('ecBasketTransactionSummary', { basket: { total: { currency: 'EUR', value: 500 } } })
      options.uv.emit('ecBasketTransactionSummary', { basket: { total: { currency: 'GBP', value: 120 } } })
    }, settings)
    await said
    assert.deepEqual(lines, ['info Successfully pinged slack!'])
    await context.close()
  }

  // Example 2: schedules; a visitor who comes back, in another browser context, cancels by the key.
  {
    const { context, page, lines } = await visit(shop.origin, '/schedule.js')
    const [response] = await Promise.all([
      page.waitForResponse(response => response.url().endsWith('/v1/integrations/slack-update/schedule') && response.request().method() === 'POST'),
      page.evaluate(settings => variation(Tidegate.attach({}, Tidegate.createClient(settings))), settings)
    ])
    assert.equal(response.status(), 202)
    const { data } = await response.json()
    const asked = response.request().postDataJSON()
    assert.deepEqual(asked, {
      payload: { message: 'Hello!' },
      key: { foo: 'bar' },
      delay: 3_600_000,
      window: { day: 'monday-friday', time: '09:00-17:00', timezone: 'America/New_York' }
    })
    const local = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', weekday: 'short', hour: 'numeric', hourCycle: 'h23' })
    const part = name => local.formatToParts(new Date(data.dueAt)).find(({ type }) => type === name).value
    assert.ok(!['Sat', 'Sun'].includes(part('weekday')), data.dueAt)
    assert.ok(+part('hour') >= 9 && +part('hour') < 17, data.dueAt)
    assert.ok(Date.parse(data.dueAt) > Date.now() + 3_500_000, data.dueAt)
    await context.close()
    assert.deepEqual(lines, [])
    assert.equal((await api('GET', `/v1/jobs/${data.jobId}`)).state, 'pending')

    const later = await visit(shop.origin)
    const cancel = () => later.page.evaluate(settings =>
      Tidegate.createClient(settings).integration('slack-update').cancel({ key: { foo: 'bar' } }), settings)
    assert.deepEqual([await cancel(), await cancel()], [{ cancelled: 1 }, { cancelled: 0 }])
    found.cancelled = data.jobId
    await later.context.close()
  }

  // Example 2 with a key that is not valid: the error reaches its log.
  {
    const { context, page } = await visit(shop.origin, '/schedule.js')
    const said = page.waitForEvent('console', message => message.text().includes('schedule'))
    await page.evaluate(settings => variation(Tidegate.attach({}, Tidegate.createClient(settings))), { ...settings, publicKey: 'tg_pub_none' })
    assert.match((await said).text(), /^Could not schedule execution: this is not an API key of this server/)
    await context.close()
  }

  // A page that is left while it calls.
  {
    const { context, page } = await visit(shop.origin)
    await page.evaluate(settings => {
      Tidegate.createClient(settings).integration('slack-update').schedule('bye', { key: { left: 1 }, delay: '1h' })
      location.assign('/left')
    }, settings)
    await page.waitForURL('**/left')
    const jobs = () => api('GET', `/v1/jobs?integration=slack-update&key=${encodeURIComponent('{"left":1}')}`)
    while ((await jobs()).totalCount === 0) ;
    found.left = true
    await context.close()
  }

  // More at once than browsers keep alive: what they refuse is sent again without.
  {
    const { context, page } = await visit(shop.origin)
    const outcomes = retries => page.evaluate(async ({ retries, ...settings }) => {
      const slack = Tidegate.createClient({ ...settings, retries }).integration('slack-update')
      const calls = [1, 2, 3, 4].map(n => slack.schedule('x'.repeat(30_000), { key: { retries, n }, delay: '1h' }))
      return Promise.all(calls.map(call => call.then(() => 'scheduled', error => error.code)))
    }, { ...settings, retries })
    assert.ok((await outcomes(0)).includes('network'), 'this browser has a bound')
    assert.deepEqual(await outcomes(2), ['scheduled', 'scheduled', 'scheduled', 'scheduled'])
    await context.close()
  }

  // The ES module; the error of a handler, without its code.
  {
    const { context, page } = await visit(shop.origin)
    const error = await page.evaluate(async settings => {
      const { createClient, TidegateError } = await import('/index.js')
      const error = await createClient(settings).integration('broken').execute(1).catch(error => error)
      return { typed: error instanceof TidegateError, code: error.code, status: error.status, message: error.message, details: error.details }
    }, settings)
    assert.deepEqual([error.typed, error.status, error.message], [true, 422, 'the basket is empty'])
    assert.deepEqual(['stack' in error.details, 'at' in error.details], [false, false])
    assert.ok(error.details.runId && error.details.jobId)
    await context.close()
  }

  // What a page may not: be another origin, be a sandboxed frame (origin null), read, name jobs by a part of their key.
  {
    const call = settings => Tidegate.createClient(settings).integration('slack').execute('stranger').then(() => 'ran', error => error.code)
    const other = await visit(stranger.origin)
    assert.equal(await other.page.evaluate(call, settings), 'network')
    await other.context.close()

    const { context, page } = await visit(shop.origin)
    const framed = page.waitForEvent('console', message => message.text().startsWith('framed'))
    await page.evaluate(settings => {
      const frame = document.createElement('iframe')
      frame.sandbox = 'allow-scripts'
      const options = JSON.stringify(settings)
      frame.srcdoc = `<script src="${location.origin}/tidegate.js"></` + `script><script>
        Tidegate.createClient(${options}).integration('slack').execute('framed')
          .then(() => console.log('framed ran'), error => console.log('framed ' + error.code))</` + 'script>'
      document.body.append(frame)
    }, settings)
    assert.equal((await framed).text(), 'framed network')
    const refused = await page.evaluate(async ({ endpoint, publicKey }) => {
      const headers = { authorization: `Bearer ${publicKey}` }
      const reading = await fetch(`${endpoint}/v1/jobs`, { headers }).then(response => response.status, () => 'refused')
      const slack = Tidegate.createClient({ endpoint, publicKey, retries: 0 }).integration('slack')
      const matched = await slack.cancel({ match: { email: 'x' } }).catch(error => `${error.status} ${error.code}`)
      const elsewhere = await Tidegate.createClient({ endpoint, publicKey }).integration('other').execute(1).catch(error => `${error.status} ${error.code}`)
      return { reading, matched, elsewhere }
    }, settings)
    assert.deepEqual(refused, { reading: 'refused', matched: '403 match_not_allowed', elsewhere: '403 integration_not_allowed' })
    await context.close()
  }
  found.browser = browser.version()
  console.log(JSON.stringify(found))
} finally {
  await browser.close()
  shop.close()
  stranger.close()
}

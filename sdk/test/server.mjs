// A real HTTP server that misbehaves as it is told, and timers that a test turns by hand.
import { createServer } from 'node:http'

/** Serves each request with the next of `answers`; gives the address and what was asked. */
export async function serve (t, ...answers) {
  const requests = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => { body += chunk })
    request.on('end', () => {
      const answer = answers[Math.min(requests.length, answers.length - 1)]
      const { method, url, headers } = request
      const seen = { method, url, headers, body: body && JSON.parse(body), closed: new Promise(resolve => response.on('close', resolve)) }
      requests.push(seen)
      answer(response, seen)
      server.emit('answered')
    })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => { server.closeAllConnections(); server.close() })
  const asked = async count => { while (requests.length < count) await new Promise(resolve => server.once('answered', resolve)) }
  return { endpoint: `http://127.0.0.1:${server.address().port}`, requests, asked }
}

export const json = (status, body, headers = {}) => response => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}
export const data = value => json(200, { ok: true, data: value })
export const refusal = (status, error, headers) => json(status, { ok: false, error }, headers)
export const text = (status, body) => response => { response.writeHead(status, { 'content-type': 'text/html' }); response.end(body) }
export const hang = () => {}
export const breakOff = response => response.destroy()
export const breakInside = response => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
  response.write('{"ok":')
  response.destroy()
}

/** Holds the timers that the client sets; those of Node go on. */
export function timers (t) {
  const { setTimeout, clearTimeout } = globalThis
  const held = []
  let wake = () => {}
  globalThis.setTimeout = (run, ms, ...rest) => {
    if (!new Error().stack.includes('/dist/index.js')) return setTimeout(run, ms, ...rest)
    const timer = { ms, run, state: 'set' }
    held.push(timer)
    wake()
    return timer
  }
  globalThis.clearTimeout = timer => {
    if (!held.includes(timer)) return clearTimeout(timer)
    timer.state = 'cleared'
  }
  t.after(() => Object.assign(globalThis, { setTimeout, clearTimeout }))
  return {
    held,
    /** Waits until the client waits for something that `fits`; ends that wait, and gives its length. */
    async end (fits) {
      for (;;) {
        const timer = held.find(timer => timer.state === 'set' && fits(timer.ms))
        if (timer) {
          timer.state = 'run'
          timer.run()
          return timer.ms
        }
        await new Promise(resolve => { wake = resolve })
      }
    }
  }
}

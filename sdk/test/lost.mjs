// Answers that get lost on their way, against a running server: each call is carried out, and only its first answer is dropped.
// Environment: TIDEGATE_ENDPOINT, TIDEGATE_TOKEN. Prints what the calls resolved to, as one line of JSON.
import { createServer } from 'node:http'
import { createClient } from '@tidegate/client'

const { TIDEGATE_ENDPOINT: endpoint, TIDEGATE_TOKEN: token } = process.env
const asked = {}

const proxy = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const { authorization, 'content-type': type, 'idempotency-key': id } = request.headers
  const headers = { authorization, 'content-type': type, 'idempotency-key': id }
  const answer = await fetch(endpoint + request.url, { method: request.method, headers, body: Buffer.concat(chunks) })
  const text = await answer.text()
  asked[request.url] = (asked[request.url] ?? 0) + 1
  if (asked[request.url] === 1) return request.socket.destroy()
  response.writeHead(answer.status, { 'content-type': 'application/json' })
  response.end(text)
})
await new Promise(resolve => proxy.listen(0, '127.0.0.1', resolve))

const orders = createClient({ endpoint: `http://127.0.0.1:${proxy.address().port}`, token }).integration('order-alert')
const result = await orders.execute({ order: 1 })
const { jobId } = await orders.schedule({ order: 2 }, { delay: '1h' })
console.log(JSON.stringify({ result, jobId, asked: Object.values(asked) }))
proxy.closeAllConnections()
proxy.close()

// One call: its tries, their pauses, and the time it may take with all of them.
import { TidegateError } from './error.js'
import type { CallOptions, ClientOptions } from './shapes.js'

/** What the server takes as a payload. */
const MAX_PAYLOAD_BYTES = 262144
/** Browsers send at most 64 KiB, headers and other requests included, for a page that is left. */
const MAX_KEEPALIVE_BYTES = 60000
/** The longest time a timer knows. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

type Body = CallOptions & { payload?: unknown, idempotencyKey?: string, respondAsync?: boolean }

/** POSTs `body` to `path`; resolves to the answer's `data`, rejects with a `TidegateError`. */
export async function call (client: ClientOptions, path: string, body: Body, keepalive: boolean): Promise<unknown> {
  const { timeoutMs = client.timeoutMs ?? 6e4, retries = client.retries ?? 2, signal, idempotencyKey = unique(), respondAsync, ...rest } = body
  const text = json(rest)
  const payloadBytes = size(json(rest.payload) ?? '')
  if (payloadBytes > MAX_PAYLOAD_BYTES) {
    throw new TidegateError('payload_too_large', `the payload has ${payloadBytes} bytes of JSON, at most ${MAX_PAYLOAD_BYTES} may be`)
  }
  keepalive &&= size(text) < MAX_KEEPALIVE_BYTES

  const stop = new AbortController()
  const deadline = Date.now() + timeoutMs
  let give!: (code: string, message: string, cause?: unknown) => void
  const stopped = new Promise<never>((_resolve, reject) => {
    give = (code, message, cause) => {
      reject(new TidegateError(code, message, 0, {}, undefined, cause))
      stop.abort()
    }
  })
  const timer = setTimeout(() => give('timeout', `no answer within ${timeoutMs} ms`), Math.min(timeoutMs, MAX_TIMEOUT_MS))
  const abort = (): void => give('aborted', 'the call was aborted', signal!.reason)
  signal?.addEventListener('abort', abort)
  if (signal?.aborted) abort()

  const tries = async (): Promise<unknown> => {
    for (let made = 0; ; made++) {
      const token = client.publicKey ?? (typeof client.token === 'function' ? await client.token() : client.token)
      const answer = await attempt(client.fetch ?? fetch, client.endpoint.replace(/\/+$/, '') + path, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'idempotency-key': idempotencyKey,
          ...(respondAsync && { prefer: 'respond-async' })
        },
        body: text,
        keepalive,
        signal: stop.signal
      })
      if (!(answer instanceof TidegateError)) return answer.data
      const { status, retryAfterMs, runId } = answer
      // Too much for a page that is left may be the cause.
      keepalive &&= status > 0
      // A run that a rate limit refused is over: its idempotency key has its answer.
      const again = !status || status > 499 || (status === 429 && !runId)
      const pause = retryAfterMs ? retryAfterMs * (1 + Math.random() / 4) : Math.min(250 * 2 ** made, 8e3) * (0.5 + Math.random() / 2)
      if (!again || made >= retries || stop.signal.aborted || Date.now() + pause > deadline) throw answer
      await new Promise<void>(resolve => {
        const waiting = setTimeout(resolve, pause)
        stop.signal.onabort = () => clearTimeout(waiting)
      })
    }
  }
  try {
    return await Promise.race([stopped, tries()])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

/** One request, and what came of it. */
async function attempt (send: typeof fetch, url: string, request: RequestInit): Promise<TidegateError | { data: unknown }> {
  let response, text
  try {
    response = await send(url, request)
    text = await response.text()
  } catch (cause) {
    return new TidegateError('network', 'the server could not be reached', 0, {}, undefined, cause)
  }
  const { status, ok } = response
  let answer
  try {
    answer = JSON.parse(text)
  } catch {}
  if (ok && answer?.ok) return answer
  const details = answer?.error ?? answer ?? {}
  const after = response.headers.get('retry-after') ?? 0
  const waitMs = details.retryAfterMs ?? (isNaN(+after) ? Date.parse(after as string) - Date.now() : +after * 1e3)
  return new TidegateError(
    details.code ?? (ok ? 'invalid_answer' : 'http_' + status),
    details.message ?? details.detail ?? `the server answered ${status} without saying why`,
    status,
    details,
    waitMs > 0 ? waitMs : undefined
  )
}

function json (value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new TidegateError('invalid_payload', `the payload is not JSON: ${(cause as Error).message}`, 0, {}, undefined, cause)
  }
}

const size = (text: string): number => new TextEncoder().encode(text).length

/** 128 random bits; `randomUUID` is for https only. */
const unique = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')

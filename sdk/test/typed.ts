// Compiled, never run: what the declarations allow and refuse.
import { createClient, TidegateError, type Scheduled } from '@tidegate/client'
import { attach, createUv } from '@tidegate/client/experience'
import { hashKey } from '@tidegate/client/hash'

const client = createClient({ endpoint: 'https://tidegate.example', token: async () => 'tg_x' })
const orders = client.integration<{ order: number }, { sent: boolean }>('order-alert')

export async function fine (): Promise<boolean> {
  const { sent } = await orders.execute({ order: 1 }, { key: { email: 'x' }, timeoutMs: 500, signal: new AbortController().signal })
  const { jobId }: { jobId: string } = await orders.execute({ order: 1 }, { respondAsync: true })
  const scheduled: Scheduled = await orders.schedule({ order: 1 }, { key: await hashKey({ email: jobId }), delay: '2 days' })
  await orders.reschedule({ key: { email: scheduled.dueAt }, time: new Date(0) })
  const { cancelled } = await orders.cancel({ match: { email: 'x' } })
  const options = attach({ state: 1 }, client)
  options.uv.once('ecUser', event => options.log.info(event.user)).replay()
  createUv().emit('ecUser', { user: options.state })
  return sent && cancelled > 0
}

export async function refused (): Promise<void> {
  // @ts-expect-error the payload is another one
  await orders.execute({ order: '1' })
  // @ts-expect-error it runs now: there is nothing to wait for
  await orders.execute({ order: 1 }, { delay: 5 })
  // @ts-expect-error a key has no objects in it
  await orders.schedule({ order: 1 }, { key: { user: { id: 1 } } })
  // @ts-expect-error it must be said which jobs
  await orders.cancel({})
  // @ts-expect-error one of the two
  await orders.cancel({ key: { a: 1 }, match: { a: 1 } })
  // @ts-expect-error no such time
  await orders.reschedule({ key: { a: 1 }, at: 5 })
  try {
    await orders.execute()
  } catch (error) {
    if (error instanceof TidegateError) console.log(error.code, error.status, error.retryAfterMs, error.jobId, error.details.field)
  }
}

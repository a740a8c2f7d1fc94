// Events of a page: `on`, `once`, `emit`, and `replay` of what was before a handler came.

/** An event as handlers get it: what was emitted, and `meta.type`. */
export interface UvEvent {
  meta: { type: string, [name: string]: unknown }
  [name: string]: any
}

/** Called with each event of a type. */
export type Handler = (event: any) => void

/** A handler's place. */
export interface Subscription {
  /** Calls the handler with the events of its type that were emitted so far. */
  replay (): Subscription
  /** Takes the handler away. */
  dispose (): Subscription
}

/** A bus of events. */
export interface Uv {
  /** Calls `handler` with each event of this type, or of the types that match. */
  on (type: string | RegExp, handler: Handler, context?: unknown): Subscription
  /** The same for one event. */
  once (type: string | RegExp, handler: Handler, context?: unknown): Subscription
  /** Tells everyone who listens. */
  emit (type: string, data?: Record<string, unknown>): void
  /** The last 1,000 events, oldest first. */
  readonly events: readonly UvEvent[]
}

const MAX_EVENTS = 1000

/** Makes a bus. `fail` hears of handlers that throw; the others go on. */
export function createUv (fail: (error: unknown) => void = console.error): Uv {
  const events: UvEvent[] = []
  let listeners: Array<(event: UvEvent) => void> = []

  const on = (type: string | RegExp, handler: Handler, context?: unknown): Subscription => {
    const listen = (event: UvEvent): void => {
      const name = event.meta.type
      if (!listeners.includes(listen) || (typeof type === 'string' ? type !== name : name.search(type) < 0)) return
      try {
        handler.call(context, event)
      } catch (error) {
        fail(error)
      }
    }
    const subscription: Subscription = {
      replay () {
        events.slice().forEach(listen)
        return subscription
      },
      dispose () {
        listeners = listeners.filter(other => other !== listen)
        return subscription
      }
    }
    listeners.push(listen)
    return subscription
  }

  return {
    events,
    on,
    once (type, handler, context) {
      const subscription = on(type, event => {
        subscription.dispose()
        handler.call(context, event)
      })
      return subscription
    },
    emit (type, data = {}) {
      const event = { ...data, meta: { ...(data.meta as object), type } }
      if (events.push(event) > MAX_EVENTS) events.shift()
      listeners.slice().forEach(listen => listen(event))
    }
  }
}

// The entry `@tidegate/client/experience`: what code of an experience finds on its `options`.
import type { Client, ExecuteOptions, Integration, ScheduleOptions } from './shapes.js'
import { createUv, type Uv } from './uv.js'

export { createUv }
export type { Handler, Subscription, Uv, UvEvent } from './uv.js'

/** What an experience says of itself. */
export interface Log {
  debug (...values: unknown[]): void
  info (...values: unknown[]): void
  warn (...values: unknown[]): void
  error (...values: unknown[]): void
}

/** What `attach` adds. */
export interface Experience {
  /** An integration by its name; the defaults stand in for what a call leaves out. */
  integration (name: string, defaults?: ScheduleOptions): Integration<any, any>
  /** The page's events. */
  uv: Uv
  /** The log, its functions free to be passed on: `.catch(options.log.error)`. */
  log: Log
}

/**
 * Puts `integration`, `uv` and `log` on the options of an experience, for `variation(options)`. What `options` has already stays:
 * its own `uv` (with `on` and `once`) and its own `log` are used.
 */
export function attach<Options extends object> (options: Options, client: Client): Options & Experience {
  const given = options as Partial<Experience>
  const log = given.log ?? consoleLog()
  return Object.assign(options, {
    log,
    uv: given.uv ?? createUv(log.error),
    integration: (name: string, defaults?: ScheduleOptions) => integration(client.integration(name), defaults, log)
  })
}

function consoleLog (): Log {
  const bound = (level: keyof Log): Log['info'] => (...values) => console[level](...values)
  return { debug: bound('debug'), info: bound('info'), warn: bound('warn'), error: bound('error') }
}

function integration (to: Integration<any, any>, defaults: ScheduleOptions = {}, log: Log): Integration<any, any> {
  const own = (options?: object): any => prepare({ ...defaults, ...named(options, log) })
  const { key } = defaults
  return {
    execute: (payload: unknown, options?: ExecuteOptions) => {
      const { key, timeoutMs } = defaults
      return to.execute(payload, prepare({ ...(key && { key }), ...(timeoutMs && { timeoutMs }), ...named(options, log) }))
    },
    schedule: (payload, options) => to.schedule(payload, own(options)),
    reschedule: options => to.reschedule(prepare({ ...(key && !options.match && { key }), ...named(options, log) })),
    cancel: options => to.cancel(prepare({ ...(key && !options.match && { key }), ...named(options, log) }))
  }
}

/**
 * Code of experiences names its options of a call `options` as well, and logs with `options.log` from there on. So these get a
 * `log` too, which nothing that counts or copies fields sees.
 */
function named (options: object | undefined, log: Log): object | undefined {
  if (options && !('log' in options) && Object.isExtensible(options)) {
    Object.defineProperty(options, 'log', { value: log, configurable: true })
  }
  return options
}

/** `timeout` is an older name of `timeoutMs`; a window without a zone is meant in the visitor's. */
function prepare ({ timeout, ...options }: any): any {
  if (timeout !== undefined) options.timeoutMs ??= timeout
  const { window } = options
  if (window && window.timezone === undefined && window.timezoneOffset === undefined) {
    options.window = { ...window, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone }
  }
  return options
}

// The shapes of options and answers; nothing of this file is left when it is compiled.

/** What JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** Names a job, and is what rate limits count by: 1 to 16 fields, at most 1 KiB. */
export type Key = { readonly [field: string]: string | number | boolean | null }

/** Where the server is, and who calls. */
export interface ClientOptions {
  /** The server's address, such as `https://tidegate.example`. */
  endpoint: string
  /** A publishable key (`tg_pub_…`), for web pages. */
  publicKey?: string
  /** A secret API key, for servers; or a function that brings one for each call. */
  token?: string | (() => string | Promise<string>)
  /** How long a call may take with all its tries, in milliseconds (60,000). */
  timeoutMs?: number
  /** How often a call is tried again (2). */
  retries?: number
  /** The `fetch` to call with. */
  fetch?: typeof fetch
}

/** What every call takes. */
export interface CallOptions {
  /** How long this call may take with all its tries, in milliseconds. */
  timeoutMs?: number
  /** How often this call is tried again. */
  retries?: number
  /** Gives the call up: it rejects with the code `aborted`. What the server has taken in stays there. */
  signal?: AbortSignal
}

/** How to run now. */
export interface ExecuteOptions extends CallOptions {
  /** What rate limits count by. */
  key?: Key
  /** 0 (last) to 9 (first). */
  priority?: number
  /** How many units of a rate limit it takes. */
  weight?: number
  /** Calls with the same one run once within 24 h; without one, each call makes its own for all its tries. */
  idempotencyKey?: string
}

/** When to run, and in the place of what. */
export interface ScheduleOptions extends ExecuteOptions {
  /** How long to wait: milliseconds, or a text such as `"2 days"`. */
  delay?: number | string
  /** When: Unix milliseconds, ISO 8601, or a `Date`; instead of `delay`. */
  time?: number | string | Date
  /** The days and hours in which it may start. */
  window?: Window
  /** Spreads starts over this long: milliseconds or a text. */
  jitter?: number | string
  /** What becomes of a pending job with the same key (`replace`). */
  ifExists?: 'replace' | 'keep' | 'reject'
  /** `debounce`: one job of many calls with one key, after a quiet time of `delay`; `singleton`: one job of a key at a time. */
  mode?: 'debounce' | 'singleton'
  /** Of `debounce`: how long it may be pushed back at most. */
  maxWait?: number | string
}

/** Days and hours in which a job may start. */
export interface Window {
  /** Such as `monday-friday` or `sat,sun`. */
  day?: string
  /** Such as `09:00-17:00`. */
  time?: string
  /** An IANA zone (UTC). */
  timezone?: string
  /** Minutes from UTC as `Date.getTimezoneOffset` has them, instead of `timezone`. */
  timezoneOffset?: number
  /** Days on which it does not start, such as `2026-12-25`. */
  holidays?: readonly string[]
  /** `move` (default) to the next opening, or `drop`. */
  outside?: 'move' | 'drop'
}

/** Pending jobs: by their whole key, or every one whose key has these fields. */
export type Target = { key: Key, match?: never } | { match: Key, key?: never }

/** Which jobs, and when they are to run instead. */
export type RescheduleOptions = Target & CallOptions & Pick<ScheduleOptions, 'delay' | 'time' | 'window'>

/** A job that will run. */
export interface Scheduled {
  jobId: string
  key: Key | null
  /** When it is due, inside of its window: ISO 8601. */
  dueAt: string
  /** Whether it took the place of a pending job with the same key. */
  replaced: boolean
  kept?: boolean
  pushed?: number
  warning?: string
}

/** Jobs that will run at another time. */
export interface Rescheduled {
  jobId: string
  dueAt: string
  jobs: Array<{ jobId: string, dueAt: string }>
}

/** How many jobs were taken out; 0 is no error. */
export interface Cancelled {
  cancelled: number
}

/** A job that runs in its turn. */
export interface Accepted {
  jobId: string
}

/** One integration. */
export interface Integration<Payload = unknown, Result = unknown> {
  /** Runs it now; resolves to what its handler returned. */
  execute (payload?: Payload, options?: ExecuteOptions & { respondAsync?: false }): Promise<Result>
  /** Queues it; resolves to the job as soon as the server holds it. */
  execute (payload: Payload, options: ExecuteOptions & { respondAsync: true }): Promise<Accepted>
  /** Runs it later. A pending job with the same key is replaced. Goes on when the page is left. */
  schedule (payload?: Payload, options?: ScheduleOptions): Promise<Scheduled>
  /** Gives pending jobs another time. Goes on when the page is left. */
  reschedule (options: RescheduleOptions): Promise<Rescheduled>
  /** Takes pending jobs out. Goes on when the page is left. */
  cancel (options: Target & CallOptions): Promise<Cancelled>
}

/** A server and a key. */
export interface Client {
  /** An integration by its name; `name@2` is its second major release. */
  integration<Payload = unknown, Result = unknown> (name: string): Integration<Payload, Result>
}

// Types for authors of integrations: the handler's argument and what Tidegate adds to the globals of Node 20.
// Node's own modules and globals are typed by the package @types/node; docs/COMPATIBILITY.md says which are there.

/** Any JSON value. */
type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** What a handler gets: `module.exports = async ({ payload }) => …` or `export default async ({ payload }) => …`. */
interface TidegateContext<Payload = any, Secrets extends Record<string, string> = Record<string, string>> {
  /** As the caller passed it; a {@link TidegateTick} for recurring integrations; the parsed body for HTTP. */
  payload: Payload;
  /** The integration's secrets by name. */
  secrets: Secrets;
  /** Shared by the runs of this integration. */
  cache: TidegateCache;
  /** The key of the scheduled job, or `null`. */
  key: Record<string, string | number | boolean | null> | null;
  /** The event, when an event started the run. */
  event?: any;
  /** The request, when an HTTP trigger started the run. */
  request?: TidegateRequest;
  /** This attempt. */
  run: TidegateRun;
}

/** An integration's handler; its result must be JSON. */
type TidegateHandler<Payload = any, Result = unknown> = (context: TidegateContext<Payload>) => Result | Promise<Result>;

/** The payload of a recurring integration. */
interface TidegateTick {
  scheduledAt: string;
  nominal: string;
  previous: string | null;
  upcoming: string | null;
}

interface TidegateRequest {
  method: string;
  /** Names in lower case; without the token or password that proved the caller. */
  headers: Record<string, string>;
  /** A list where a parameter is there more than once. */
  query: Record<string, string | string[]>;
  /** What follows the hook's name, as it was sent; at least `/`. */
  path: string;
  /** The body as it came. */
  rawBody: string;
  /** `base64` where the body is no UTF-8 text. */
  rawBodyEncoding: "utf8" | "base64";
}

/** What a handler of an HTTP trigger may return (`respond = "response"`); anything else is the body of a 200. */
interface TidegateResponse {
  /** 200 to 599. */
  status: number;
  headers?: Record<string, string | number | (string | number)[]>;
  /** A text is sent as it is, anything else as JSON. */
  body?: any;
  /** `body` is base64. */
  encoding?: "base64";
}

interface TidegateRun {
  id: string;
  /** From 1. */
  attempt: number;
  scheduledAt: string;
  release: string;
  /** Unix milliseconds at which the run times out. */
  deadline: number;
}

/** A volatile store; a store that fails is a miss, never a failed run. */
interface TidegateCache {
  /** The value, or `null` on a miss. */
  get<Value = any>(key: string): Promise<Value | null>;
  /** The value; on a miss that of `getValue`, which is stored. Misses at the same time share one computation. */
  get<Value = any>(key: string, options: TidegateCacheOptions & { getValue: (() => Value | Promise<Value>) | Value | Promise<Value> }): Promise<Value>;
  get<Value = any>(key: string, options: TidegateCacheOptions): Promise<Value | null>;
  /** Stores up to 256 KiB of JSON under a key of up to 256 bytes. */
  set(key: string, value: unknown, options?: TidegateCacheOptions): Promise<void>;
  delete(key: string): Promise<void>;
}

interface TidegateCacheOptions {
  /** Milliseconds; one hour by default, 30 days at most. */
  ttl?: number;
}

/** The days and hours in which a job may start. */
interface TidegateWindow {
  /** `"monday"`, `"mon-fri"`, `"sat,sun"`. */
  day?: string;
  /** `"09:00-17:00"`, `"22:00-06:00"`. */
  time?: string;
  /** An IANA zone, such as `"Europe/London"`; UTC by default. */
  timezone?: string;
  timezoneOffset?: number;
  holidays?: string[];
  outside?: 'move' | 'drop';
}

type TidegateKey = Record<string, string | number | boolean | null>;

interface TidegateSchedule {
  key?: TidegateKey;
  /** Milliseconds, or `"2 days"`. */
  delay?: number | string;
  /** Unix milliseconds or ISO 8601; not together with `delay`. */
  time?: number | string;
  window?: TidegateWindow;
  jitter?: number | string;
  priority?: number;
  /** How many units of each rate limit it takes (1). */
  weight?: number;
  idempotencyKey?: string;
  ifExists?: 'replace' | 'keep' | 'reject';
  /**
   * What calls with the same key make together; not with `ifExists`. `debounce`: one job, which starts when there was no
   * call for `delay`, with the payload of the last one. `singleton`: one job at a time, pending or running.
   */
  mode?: 'debounce' | 'singleton';
  /** In the mode `debounce`: no call pushes the job back for longer than this after the first one. */
  maxWait?: number | string;
}

interface TidegateScheduled {
  jobId: string;
  key: TidegateKey | null;
  dueAt: string;
  /** It took the place of a pending job with the same key. */
  replaced: boolean;
  /** It is a job that was there already and stays as it was; a repeated call is not told again. */
  kept?: boolean;
  /** Of a debounced job: how often calls have pushed it back. */
  pushed?: number;
}

interface TidegateIntegration {
  /**
   * Runs it now and waits for its result. Throws an error with a `code`: `execution_failed`, or with `retryAfter` (ms)
   * `rate_limited`.
   */
  execute(payload?: unknown, options?: { key?: TidegateKey; priority?: number; weight?: number; idempotencyKey?: string }): Promise<any>;
  /** Runs it later. */
  schedule(payload?: unknown, options?: TidegateSchedule): Promise<TidegateScheduled>;
  /** Drops pending jobs by their key. */
  cancel(target: TidegateKey | { key: TidegateKey } | { match: TidegateKey }): Promise<{ cancelled: number }>;
  /** Moves a pending job and keeps its payload. */
  reschedule(options: TidegateSchedule & ({ key: TidegateKey } | { match: TidegateKey })): Promise<{ jobId: string; dueAt: string }>;
}

/** Another integration of the workspace; `name@2` pins major release 2. */
declare function integration(name: string): TidegateIntegration;

/** What a failed request or call rejects with; throw it on, and its `retryAfter` becomes the pause before the retry. */
interface TidegateError extends Error {
  code?: string;
  /** Milliseconds. */
  retryAfter?: number;
  /** `false` ends the job without further attempts. */
  retryable?: boolean;
}

/** For `*.test.js` and `*.test.ts` beside the integration, run by `tidegate test`; nothing else can load it. */
declare module 'tidegate:test' {
  interface TestRequest {
    method: string;
    url: string;
    headers: Record<string, string>;
    body: string;
    json(): any;
  }

  interface TestAnswer {
    /** 200 by default. */
    status?: number;
    statusText?: string;
    headers?: Record<string, string>;
    json?: unknown;
    text?: string;
    body?: Uint8Array;
    /** The request rejects with this message, and `code`. */
    error?: string;
    code?: string;
  }

  interface TestCall {
    name: string;
    verb: 'execute' | 'schedule' | 'cancel' | 'reschedule';
    payload: any;
    options: any;
  }

  interface TestAssert {
    (value: unknown, message?: string): void;
    ok(value: unknown, message?: string): void;
    equal(actual: unknown, expected: unknown, message?: string): void;
    notEqual(actual: unknown, expected: unknown, message?: string): void;
    strictEqual(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    deepStrictEqual(actual: unknown, expected: unknown, message?: string): void;
    notDeepEqual(actual: unknown, expected: unknown, message?: string): void;
    match(text: string, pattern: RegExp, message?: string): void;
    throws(run: () => unknown, expected?: unknown, message?: string): void;
    rejects(run: Promise<unknown> | (() => Promise<unknown>), expected?: unknown, message?: string): Promise<void>;
    fail(message?: string): never;
  }

  /** A test, in a run of its own: nothing of it reaches another one. */
  export function test(name: string, body: () => unknown): void;
  /** Node's `assert`. */
  export const assert: TestAssert;
  /** Runs the handler as a real run does; its result is JSON. What is left out: sample.json, the secrets of `tidegate test`. */
  export function run(context?: {
    payload?: unknown;
    secrets?: Record<string, string>;
    key?: TidegateKey | null;
    event?: unknown;
    request?: unknown;
    run?: Partial<TidegateRun>;
  }): Promise<any>;
  export const http: {
    /** Every request of this test, in order. */
    requests: TestRequest[];
    /** `'GET https://api.example.com/users/*'`, with or without the method, or a pattern of both. The last one that fits answers. */
    on(request: string | RegExp, answer: TestAnswer | ((request: TestRequest) => TestAnswer | Promise<TestAnswer>)): void;
  };
  export const clock: {
    /** From now on time stands still at this one. */
    set(at: string | number | Date): void;
    /** Moves it by milliseconds, and fires the timers that are due. */
    advance(ms: number): Promise<void>;
    now(): number;
  };
  export const cache: TidegateCache;
  /** Those of `.env`, `TIDEGATE_SECRET_<NAME>` and `--secret`. */
  export const secrets: Record<string, string>;
  export const integrations: {
    /** What `integration(name)` answers. */
    on(name: string, answer: unknown | ((call: TestCall) => unknown)): void;
  };
  /** What was asked of other integrations, in order. */
  export const calls: TestCall[];
}

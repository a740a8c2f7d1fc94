// What a call rejects with.

/** A call that did not work: refused by the server, or without an answer. */
export class TidegateError extends Error {
  override readonly name = 'TidegateError'

  /** @internal */
  constructor (
    /**
     * A stable code. The server's own, such as `rate_limited` or `invalid_delay`; of a run that failed, the code of its error.
     * Without an answer of the server: `network`, `timeout`, `aborted`, `invalid_answer`, `invalid_payload`,
     * `payload_too_large`, `invalid_options`.
     */
    readonly code: string,
    message: string,
    /** The answer's HTTP status; 0 without an answer. */
    readonly status = 0,
    /** The rest of the server's refusal: `field`, `rule`, `jobId`, `runId` and others. */
    readonly details: Readonly<Record<string, unknown>> = {},
    /** When another try makes sense, in milliseconds, if the server said so. */
    readonly retryAfterMs?: number,
    /** What was behind it: the error of `fetch`, the reason of an abort. */
    override readonly cause?: unknown
  ) {
    super(message)
  }

  /** The job, if the call made one. */
  get jobId (): string | undefined {
    return this.details.jobId as string | undefined
  }

  /** The run, if there was one. */
  get runId (): string | undefined {
    return this.details.runId as string | undefined
  }
}

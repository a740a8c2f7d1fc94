//! The schemas of bodies that `workers` reads, because scripts send the same words; a test sends every example.

#![expect(dead_code, reason = "these structs are documentation: their fields are read by the schema alone")]

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

/// An event, or a list of them, or CloudEvents.
#[derive(ToSchema)]
#[schema(example = json!({
    "meta": {"type": "ecUser", "id": "5f1c", "ts": "2026-03-01T09:00:00Z", "source": "shop"},
    "user": {"email": "a@example.com", "loyalty": {"tier": "gold"}}
}))]
pub struct EventBody {
    /// What the event is; every other field is its own.
    meta: EventMeta,
}

/// What an event is.
#[derive(ToSchema)]
pub struct EventMeta {
    /// What happened: 1 to 255 visible ASCII characters.
    r#type: String,
    /// The same id means the same event for a day; one is made if it is missing.
    #[schema(min_length = 1, max_length = 255)]
    id: Option<String>,
    /// When it happened: ISO 8601 or Unix milliseconds; now if it is missing.
    #[schema(value_type = Option<Value>)]
    ts: Option<Value>,
    /// Where it came from.
    #[schema(min_length = 1, max_length = 1024)]
    source: Option<String>,
}

/// Which events to give to which integration again.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "integration": "vip-alert", "from": "2026-03-01T09:00:00Z", "to": "2026-03-01T10:00:00Z", "rate": "100/s", "dryRun": true
}))]
pub struct ReplayEventsBody {
    /// The integration.
    integration: String,
    /// Only of these types, such as `shop.*`; those that it subscribes to if it is missing.
    #[schema(min_items = 1, max_items = 50)]
    types: Option<Vec<String>>,
    /// Events that came in at this time or later: ISO 8601 or Unix milliseconds.
    #[schema(value_type = Value)]
    from: Value,
    /// Events that came in before this time; now if it is missing.
    #[schema(value_type = Option<Value>)]
    to: Option<Value>,
    /// How fast: `100/s`, `5/m` or `1/h`; as fast as they can be queued if it is missing.
    rate: Option<String>,
    /// `false` replays those as well that the integration's filter is not true of.
    #[schema(default = true)]
    filter: Option<bool>,
    /// Make nothing: say what would be replayed.
    dry_run: Option<bool>,
}

/// What to run now.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"payload": {"order": 17}, "key": {"email": "a@example.com"}}))]
pub struct ExecuteBody {
    /// The handler's `payload`; any JSON up to 256 KiB.
    payload: Option<Value>,
    /// 1 to 16 scalar fields, at most 1 KiB: what rate limits count by, and what takes turns.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    key: Option<Value>,
    /// 0 (last) to 9 (first) among the due jobs of its lane.
    #[schema(minimum = 0, maximum = 9)]
    priority: Option<u8>,
    /// How many units of each rate limit it takes (1); at most what they hold.
    #[schema(minimum = 1, maximum = 1_000_000)]
    weight: Option<u32>,
    /// As the header `Idempotency-Key`.
    #[schema(min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
}

/// What to run later, and when.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "payload": {"subject": "Your trial ends"}, "key": {"email": "a@example.com"}, "delay": "2 days",
    "window": {"day": "monday-friday", "time": "09:00-17:00", "timezone": "Europe/London"}
}))]
pub struct ScheduleBody {
    /// The handler's `payload`; any JSON up to 256 KiB.
    payload: Option<Value>,
    /// 1 to 16 scalar fields, at most 1 KiB: the job's identity.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    key: Option<Value>,
    /// Milliseconds, or a text such as `2 days`; not together with `time`.
    #[schema(value_type = Option<Value>)]
    delay: Option<Value>,
    /// Unix milliseconds or ISO 8601 (no zone is UTC).
    #[schema(value_type = Option<Value>)]
    time: Option<Value>,
    /// The days and hours in which it may start.
    window: Option<WindowBody>,
    /// Spreads an opening of the window: milliseconds, or a text such as `10 minutes`.
    #[schema(value_type = Option<Value>)]
    jitter: Option<Value>,
    /// 0 (last) to 9 (first) among the due jobs of its lane.
    #[schema(minimum = 0, maximum = 9)]
    priority: Option<u8>,
    /// How many units of each rate limit it takes (1); at most what they hold.
    #[schema(minimum = 1, maximum = 1_000_000)]
    weight: Option<u32>,
    /// As the header `Idempotency-Key`.
    #[schema(min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
    /// What happens when a pending job has the same key: `replace` (default), `keep` or `reject`.
    if_exists: Option<IfExists>,
    /// What a call is about: all calls with its key together, as a debounce or a singleton; not together with `ifExists`.
    mode: Option<Mode>,
    /// In the mode `debounce`: no call pushes the job back for longer than this after the first one. Milliseconds, or a
    /// text such as `10 minutes`.
    #[schema(value_type = Option<Value>)]
    max_wait: Option<Value>,
}

/// What calls with the same key make together.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Mode {
    /// One job, which starts when there was no call for `delay`, with the payload of the last call.
    Debounce,
    /// One job at a time: while one is pending or running, it is the answer.
    Singleton,
}

/// What happens when a pending job has the same key.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum IfExists {
    /// The new job takes its place.
    Replace,
    /// It stays; no new job is made.
    Keep,
    /// The call is refused.
    Reject,
}

/// When to run again and again, and with what.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "every": "day", "at": "06:00", "timezone": "Europe/London", "jitter": "10m", "payload": {"customer": 17}
}))]
pub struct TimetableBody {
    /// `minute`, `hour`, `day`, `week`, or an interval such as `90s`.
    every: Option<String>,
    /// `HH:MM`, `HH:MM:SS` or an instant; from there `every` counts.
    at: Option<String>,
    /// The days of `every: week`.
    on: Option<Vec<String>>,
    /// A cron expression of 5 or 6 fields instead of `every`.
    cron: Option<String>,
    /// An IANA zone name; UTC if absent.
    timezone: Option<String>,
    /// No tick before this time.
    #[schema(value_type = Option<Value>)]
    start: Option<Value>,
    /// No tick after this time.
    #[schema(value_type = Option<Value>)]
    end: Option<Value>,
    /// How much later than its nominal time a tick may run; the same for all ticks of a schedule.
    #[schema(value_type = Option<Value>)]
    jitter: Option<Value>,
    /// `skip` (default), `queue`, `allow` or `cancel_running`.
    overlap: Option<String>,
    /// `last` (default), `none` or `all`.
    catchup: Option<String>,
    /// How far back missed ticks are made up for (a day).
    #[schema(value_type = Option<Value>)]
    catchup_window: Option<Value>,
    /// At most so many missed ticks are made up for at one time (100).
    #[schema(minimum = 1, maximum = 900)]
    catchup_cap: Option<u32>,
    /// It is over when it has fired so many ticks.
    #[schema(minimum = 1)]
    max_runs: Option<u64>,
    /// It is paused when so many ticks in a row have failed for good.
    #[schema(minimum = 1, maximum = 1000)]
    pause_after_failures: Option<u32>,
    /// Fields of the payload of its jobs, at most 16 KiB; the engine adds the times of the tick.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    payload: Option<Value>,
    /// The key of its jobs: what rate limits count by, and what takes turns.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    key: Option<Value>,
    /// Its author's words, at most 1 KiB.
    note: Option<String>,
}

/// Which ticks of the past to fire.
#[derive(ToSchema)]
#[schema(example = json!({"from": "2026-02-01T00:00:00Z", "to": "2026-02-02T00:00:00Z", "overlap": "queue"}))]
pub struct BackfillBody {
    /// The first tick is at or after this time.
    #[schema(value_type = Value)]
    from: Value,
    /// The last tick is at or before this time, which is not in the future.
    #[schema(value_type = Value)]
    to: Value,
    /// `queue` (default): one runs after the other; `allow`: at the same time.
    overlap: Option<String>,
}

/// The days and hours in which a job may start.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WindowBody {
    /// `monday`, `mon-fri`, wrapping `friday-monday`, comma lists, any case.
    day: Option<String>,
    /// `HH:MM-HH:MM`, end exclusive, comma lists; `22:00-06:00` wraps.
    time: Option<String>,
    /// An IANA zone name.
    timezone: Option<String>,
    /// Minutes UTC − local, as browsers give it.
    timezone_offset: Option<i32>,
    /// Dates (`YYYY-MM-DD`) on which it stays closed.
    holidays: Option<Vec<String>>,
    /// What happens outside of it: `move` (default) or `drop`.
    outside: Option<Outside>,
}

/// What happens to a job outside its window.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Outside {
    /// It moves to the next opening.
    Move,
    /// It is dropped.
    Drop,
}

/// Which jobs to move, and to when; either `key` or `match`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"key": {"email": "a@example.com"}, "delay": "3 days"}))]
pub struct RescheduleBody {
    /// The whole key of one job.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    key: Option<Value>,
    /// Fields that the keys of the jobs contain.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    r#match: Option<Value>,
    /// Milliseconds, or a text such as `2 days`; not together with `time`.
    #[schema(value_type = Option<Value>)]
    delay: Option<Value>,
    /// Unix milliseconds or ISO 8601 (no zone is UTC).
    #[schema(value_type = Option<Value>)]
    time: Option<Value>,
    /// A new window; absent keeps the one they have.
    window: Option<WindowBody>,
}

/// Which jobs to take out; either `key` or `match`.
#[derive(ToSchema)]
#[schema(example = json!({"key": {"email": "a@example.com"}}))]
pub struct CancelBody {
    /// The whole key of one job.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    key: Option<Value>,
    /// Fields that the keys of the jobs contain.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    r#match: Option<Value>,
}

/// When to move a job to.
#[derive(ToSchema)]
#[schema(example = json!({"delay": "3 days"}))]
pub struct MoveBody {
    /// Milliseconds, or a text such as `2 days`; not together with `time`.
    #[schema(value_type = Option<Value>)]
    delay: Option<Value>,
    /// Unix milliseconds or ISO 8601 (no zone is UTC).
    #[schema(value_type = Option<Value>)]
    time: Option<Value>,
    /// A new window; absent keeps the one it has.
    window: Option<WindowBody>,
}

/// What a replay changes; `{}` is nothing.
#[derive(ToSchema)]
#[schema(example = json!({"release": "newest", "payload": {"order": 17}}))]
pub struct ReplayBody {
    /// `same` (default: the major release it is pinned to), `newest`, or the number of a major release.
    #[schema(value_type = Option<Value>)]
    release: Option<Value>,
    /// Another payload; any JSON up to 256 KiB.
    payload: Option<Value>,
}

/// What to do to many jobs.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "action": "cancel", "filter": {"integration": "reminder-email", "match": {"campaign": "spring"}}, "dryRun": true
}))]
pub struct BulkBody {
    /// `cancel` and `reschedule` pending jobs; `replay` and `discard` dead ones.
    action: BulkActionName,
    /// Which jobs.
    filter: BulkFilter,
    /// Change nothing: say how many jobs there are, and show some.
    dry_run: Option<bool>,
    /// To `reschedule`: milliseconds, or a text such as `2 days`; not together with `time`.
    #[schema(value_type = Option<Value>)]
    delay: Option<Value>,
    /// To `reschedule`: Unix milliseconds or ISO 8601 (no zone is UTC).
    #[schema(value_type = Option<Value>)]
    time: Option<Value>,
    /// To `replay`: `same` (default) or `newest`.
    release: Option<String>,
}

/// What to do to each job.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum BulkActionName {
    /// Take pending jobs out; can be undone for ten minutes.
    Cancel,
    /// Give pending jobs another due time.
    Reschedule,
    /// Run dead jobs again.
    Replay,
    /// Forget dead jobs.
    Discard,
}

/// Which jobs of an integration; `key`, `match`, `fingerprint` and `jobs` exclude each other.
#[derive(ToSchema)]
pub struct BulkFilter {
    /// The integration.
    integration: String,
    /// With exactly this key.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    key: Option<Value>,
    /// Whose key contains these fields.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    r#match: Option<Value>,
    /// Dead jobs with this fingerprint, as `GET /v1/dead` shows it.
    fingerprint: Option<String>,
    /// These, by their ids; at most 10,000.
    jobs: Option<Vec<String>>,
}

/// An integration's draft, and at its creation its trigger.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "description": "Posts an order to a chat", "trigger": "experience",
    "files": {"integration.js": "module.exports = async ({ payload }) => payload"},
    "settings": {
        "timeoutMs": 5000, "concurrency": [{"limit": 20}, {"limit": 1, "key": ["channel"], "backlog": 100}],
        "rateLimits": [{"limit": 100, "interval": "1h", "key": ["channel"], "onExceed": "delay"}]
    },
    "sample": {"order": 17}
}))]
pub struct SaveBody {
    /// One line on what it does.
    description: Option<String>,
    /// What makes it run; it cannot be changed later.
    trigger: TriggerName,
    /// File name to text: `integration.js` or `integration.ts`, `package.json`.
    files: BTreeMap<String, String>,
    /// `timeoutMs`, `memoryMb`, `retry`, `rateLimits`, `schedule`, `concurrency`, `allowedDomains`, `sourceAddress` (an
    /// address of this machine to send from), `proxy` (one that the operator allows). A rate limit is
    /// `{limit, interval, key?, burst?, algorithm?, onExceed?, onMissing?, backPressure?}`, or with `limiter` (the name of one)
    /// in the place of the numbers; `backPressure` beside `rateLimits` means all of them; `concurrency` is a number, an object
    /// `{limit, key?, backlog?, fifo?}`, or a list of one without `key` and one with it. `http` of the trigger `http` is
    /// `{auth, methods?, respond?, key?, maxBodyKb?, origins?}`: docs/HOOKS.md.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    settings: Option<Value>,
    /// A payload to try it with.
    sample: Option<Value>,
}

/// The numbers of a limiter.
#[derive(ToSchema)]
#[schema(example = json!({"limit": 100, "interval": "1m", "burst": 10}))]
pub struct LimiterBody {
    /// Units per interval.
    #[schema(minimum = 1, maximum = 1_000_000)]
    limit: u32,
    /// Milliseconds, or a text such as `1h`.
    #[schema(value_type = Value)]
    interval: Value,
    /// How many units may start at once (as `limit`); leaky bucket only.
    #[schema(minimum = 1, maximum = 1_000_000)]
    burst: Option<u32>,
    /// `leaky_bucket` (default) or `sliding_window`.
    algorithm: Option<AlgorithmName>,
}

/// How admissions are counted.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum AlgorithmName {
    /// A bucket that drains.
    LeakyBucket,
    /// Exactly at most so many in any interval.
    SlidingWindow,
}

/// What makes an integration run.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum TriggerName {
    /// `execute` and `schedule` calls.
    Experience,
    /// Requests to its hook URL.
    Http,
    /// Events it subscribes to.
    Event,
    /// Its schedule.
    Recurring,
}

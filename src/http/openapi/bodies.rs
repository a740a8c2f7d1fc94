//! The schemas of bodies that `workers` reads, because scripts send the same words; a test sends every example.

#![expect(dead_code, reason = "these structs are documentation: their fields are read by the schema alone")]

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

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
    /// `{limit, key?, backlog?}`, or a list of one without `key` and one with it.
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

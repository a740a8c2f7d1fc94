//! When a scheduled job is due: after a delay, at a time, or now.

use serde_json::Value;

use crate::calendar::YEAR_MS;
use crate::{Error, Millis, delay, duration, instant};

/// How far ahead a job may be scheduled unless configured lower: 10 years, as the `ms` grammar counts them.
pub const DEFAULT_HORIZON_MS: i64 = 10 * YEAR_MS;

/// What a caller may say about the time; `null` counts as not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Milliseconds, or a text in the `ms` grammar.
    pub delay: Option<Value>,
    /// Unix milliseconds, or ISO 8601 (no zone means UTC).
    pub time: Option<Value>,
}

/// When a caller wants the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once.
    Now,
    /// After so many milliseconds; negative means at once.
    In(i64),
    /// At an instant; one that has passed means at once.
    At(Millis),
}

/// Reads a request. Errors: field `delay` or `time`, codes `delay_and_time`, `invalid_delay`, `invalid_time`.
pub fn parse(request: &Request) -> Result<When, Error> {
    let said = |value: &Option<Value>| value.clone().filter(|value| !value.is_null());
    match (said(&request.delay), said(&request.time)) {
        (Some(_), Some(_)) => Err(Error::new("delay", "delay_and_time", "give either `delay` or `time`, not both")),
        (Some(value), None) => Ok(When::In(delay::parse(&value)?)),
        (None, Some(value)) => Ok(When::At(time(&value)?)),
        (None, None) => Ok(When::Now),
    }
}

/// A number past every calendar is "too far" rather than malformed, so it is left for [`resolve`] to refuse.
fn time(value: &Value) -> Result<Millis, Error> {
    match value.as_f64() {
        Some(ms) if instant::round(ms) > Millis::LATEST.0 => Ok(Millis::LATEST),
        _ => parse_instant("time", value),
    }
}

/// The due time: never before `now`. Errors: field `delay` or `time`, code `schedule_too_far` past the horizon.
pub fn resolve(when: When, now: Millis, horizon_ms: i64) -> Result<Millis, Error> {
    let (field, due) = match when {
        When::Now => return Ok(now),
        When::In(ms) => ("delay", now.after(ms)),
        When::At(instant) => ("time", instant),
    };
    if due.since(now) > horizon_ms {
        let horizon = duration::to_text(horizon_ms);
        return Err(Error::new(
            field,
            "schedule_too_far",
            format!("lies more than {horizon} ahead; schedule it closer to its time"),
        ));
    }
    Ok(due.max(now))
}

/// Reads Unix milliseconds or ISO 8601 (no zone means UTC). Errors: the given field, code `invalid_time`.
pub fn parse_instant(field: &str, value: &Value) -> Result<Millis, Error> {
    instant::parse(field, value)
}

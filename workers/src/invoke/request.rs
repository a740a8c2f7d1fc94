//! The bodies of the four calls, from JSON to domain types.

use schedules::rate::MAX_LIMIT;
use schedules::{Key, Outside, Window, WindowSpec, delay, due};
use serde::Deserialize;
use serde_json::Value;
use store::queue::{IfExists, Selector};

use super::mode::{self, IfExistsBody, ModeBody};
use crate::wire::{self, Object};
use crate::{Error, Result};

/// The most bytes of a payload's JSON.
pub const MAX_PAYLOAD_BYTES: usize = 256 << 10;
const MAX_IDEMPOTENCY_KEY_CHARS: usize = 255;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ExecuteBody {
    payload: Option<Value>,
    key: Option<Value>,
    priority: Option<u8>,
    weight: Option<u32>,
    idempotency_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ScheduleBody {
    payload: Option<Value>,
    key: Option<Value>,
    delay: Option<Value>,
    time: Option<Value>,
    window: Option<Object<WindowBody>>,
    jitter: Option<Value>,
    priority: Option<u8>,
    weight: Option<u32>,
    idempotency_key: Option<String>,
    if_exists: Option<IfExistsBody>,
    mode: Option<ModeBody>,
    max_wait: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RescheduleBody {
    key: Option<Value>,
    r#match: Option<Value>,
    delay: Option<Value>,
    time: Option<Value>,
    window: Option<Object<WindowBody>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelBody {
    key: Option<Value>,
    r#match: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WindowBody {
    day: Option<String>,
    time: Option<String>,
    timezone: Option<String>,
    timezone_offset: Option<i32>,
    #[serde(default)]
    holidays: Vec<String>,
    #[serde(default)]
    outside: OutsideBody,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum OutsideBody {
    #[default]
    Move,
    Drop,
}

/// What to run.
#[derive(Debug)]
pub(crate) struct Execute {
    pub payload: Box<str>,
    pub key: Option<Key>,
    pub priority: u8,
    pub weight: u32,
    pub idempotency_key: Option<String>,
}

/// What to run, and when.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub run: Execute,
    pub when: due::When,
    pub window: Option<Window>,
    pub jitter_ms: u32,
    pub if_exists: IfExists,
    /// Of a debounced job: how long later calls may push it back, in milliseconds; `None` is for ever.
    pub max_wait_ms: Option<i64>,
}

/// Which jobs to move, and to when.
#[derive(Debug)]
pub(crate) struct Reschedule {
    pub selector: Selector,
    pub when: due::When,
    pub window: Option<Window>,
}

pub(crate) fn execute(body: Value) -> Result<Execute> {
    let body: ExecuteBody = wire::read("", body)?;
    run(body.payload, body.key, (body.priority, body.weight), body.idempotency_key)
}

pub(crate) fn schedule(body: Value) -> Result<Schedule> {
    let body: ScheduleBody = wire::read("", body)?;
    let jitter = body.jitter.map(|value| jitter_ms(&value)).transpose()?.unwrap_or(0);
    let run = run(body.payload, body.key, (body.priority, body.weight), body.idempotency_key)?;
    let when = due::parse(&due::Request { delay: body.delay, time: body.time })?;
    let window = body.window.map(|Object(body)| window(body)).transpose()?;
    let said = mode::Said { key: run.key.as_ref(), when, window: window.as_ref() };
    let (if_exists, max_wait_ms) = mode::read(body.mode, body.if_exists, body.max_wait, said)?;
    Ok(Schedule { run, when, window, jitter_ms: jitter, if_exists, max_wait_ms })
}

pub(crate) fn reschedule(body: Value) -> Result<Reschedule> {
    let body: RescheduleBody = wire::read("", body)?;
    Ok(Reschedule {
        selector: selector(body.key, body.r#match)?,
        when: due::parse(&due::Request { delay: body.delay, time: body.time })?,
        window: body.window.map(|Object(body)| window(body)).transpose()?,
    })
}

/// When to move one job to, and its new window.
pub(crate) fn reschedule_job(body: Value) -> Result<(due::When, Option<Window>)> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        delay: Option<Value>,
        time: Option<Value>,
        window: Option<Object<WindowBody>>,
    }
    let body: Body = wire::read("", body)?;
    let when = due::parse(&due::Request { delay: body.delay, time: body.time })?;
    Ok((when, body.window.map(|Object(body)| window(body)).transpose()?))
}

pub(crate) fn cancel(body: Value) -> Result<Selector> {
    let body: CancelBody = wire::read("", body)?;
    selector(body.key, body.r#match)
}

fn run(
    payload: Option<Value>,
    key: Option<Value>,
    (priority, weight): (Option<u8>, Option<u32>),
    idempotency_key: Option<String>,
) -> Result<Execute> {
    Ok(Execute {
        payload: self::payload(payload.unwrap_or(Value::Null))?,
        key: key.filter(|key| !key.is_null()).map(|key| Key::parse(&key)).transpose()?,
        priority: self::priority(priority.unwrap_or(0))?,
        weight: self::weight(weight.unwrap_or(1))?,
        idempotency_key: idempotency_key.map(|key| check_idempotency_key("idempotencyKey", key)).transpose()?,
    })
}

/// A payload as JSON text, if it is within the limit.
pub(crate) fn payload(payload: Value) -> Result<Box<str>> {
    let text = payload.to_string();
    if text.len() > MAX_PAYLOAD_BYTES {
        let message = format!("must be at most {MAX_PAYLOAD_BYTES} bytes of JSON, is {}", text.len());
        return Err(Error::invalid("payload", "payload_too_large", message));
    }
    Ok(text.into())
}

fn priority(priority: u8) -> Result<u8> {
    if priority <= 9 {
        return Ok(priority);
    }
    Err(Error::invalid("priority", "out_of_range", "must be between 0 (last) and 9 (first)"))
}

fn weight(weight: u32) -> Result<u32> {
    if (1..=MAX_LIMIT).contains(&weight) {
        return Ok(weight);
    }
    Err(Error::invalid("weight", "out_of_range", format!("must be between 1 and {MAX_LIMIT}, is {weight}")))
}

/// Checks an idempotency key: 1 to 255 visible ASCII characters or spaces.
pub(super) fn check_idempotency_key(field: &str, key: String) -> Result<String> {
    let visible = key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !key.is_empty() && key.len() <= MAX_IDEMPOTENCY_KEY_CHARS && visible {
        return Ok(key);
    }
    let message = format!("must be 1 to {MAX_IDEMPOTENCY_KEY_CHARS} visible ASCII characters");
    Err(Error::invalid(field, "invalid_idempotency_key", message))
}

fn jitter_ms(value: &Value) -> Result<u32> {
    let invalid = |message: String| Error::invalid("jitter", "invalid_jitter", message);
    let ms = delay::parse(value).map_err(|error| invalid(error.message))?;
    u32::try_from(ms).map_err(|_| invalid("must be between 0 and 49 days".into()))
}

fn window(body: WindowBody) -> Result<Window> {
    Ok(Window::parse(&WindowSpec {
        day: body.day,
        time: body.time,
        timezone: body.timezone,
        timezone_offset_minutes: body.timezone_offset,
        holidays: body.holidays,
        outside: match body.outside {
            OutsideBody::Move => Outside::Move,
            OutsideBody::Drop => Outside::Drop,
        },
    })?)
}

pub(crate) fn selector(key: Option<Value>, r#match: Option<Value>) -> Result<Selector> {
    match (key, r#match) {
        (Some(key), None) => Ok(Selector::Key(Key::parse(&key)?)),
        (None, Some(part)) => Ok(Selector::Match(Key::parse(&part).map_err(|mut error| {
            error.field = error.field.replacen("key", "match", 1);
            error
        })?)),
        (None, None) => Err(Error::invalid(
            "key",
            "missing_field",
            "name the job by its key, as in {\"key\": {\"email\": \"a@example.com\"}}, or jobs by {\"match\": {…}}",
        )),
        (Some(_), Some(_)) => Err(Error::invalid("match", "key_and_match", "give either key or match, not both")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check<T: std::fmt::Debug>(parse: fn(Value) -> Result<T>, body: Value, field: &str) {
        match parse(body.clone()) {
            Err(Error::Invalid { field: f, .. }) => assert_eq!(f, field, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn errors_name_the_field() {
        check(execute, json!({"delay": 1}), "delay");
        check(execute, json!({"key": []}), "key");
        check(execute, json!({"key": {"a": {}}}), "key.a");
        check(execute, json!({"priority": 10}), "priority");
        check(execute, json!({"priority": 300}), "priority");
        check(execute, json!({"weight": 0}), "weight");
        check(schedule, json!({"weight": 1.5}), "weight");
        check(schedule, json!({"weight": 1_000_001}), "weight");
        check(execute, json!({"payload": "x".repeat(MAX_PAYLOAD_BYTES)}), "payload");
        check(execute, json!({"idempotencyKey": ""}), "idempotencyKey");
        check(schedule, json!({"window": {"day": "someday"}}), "window.day");
        check(schedule, json!({"window": {"hours": "9-5"}}), "window.hours");
        check(schedule, json!({"window": {"day": 1}}), "window.day");
        check(schedule, json!({"window": ["monday"]}), "window");
        check(schedule, json!({"ifExists": "maybe"}), "ifExists");
        check(schedule, json!({"jitter": -5}), "jitter");
        check(schedule, json!({"mode": "throttle"}), "mode");
        check(schedule, json!({"maxWait": "1m"}), "maxWait");
        check(reschedule, json!({"delay": 1}), "key");
        check(reschedule, json!({"key": {"a": 1}, "payload": 1}), "payload");
        check(cancel, json!({"key": {"a": 1}, "match": {"a": 1}}), "match");
        check(cancel, json!({"match": {"a": []}}), "match.a");
        check(cancel, json!(null), "body");
    }
}

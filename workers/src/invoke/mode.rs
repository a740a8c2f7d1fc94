//! The modes of a scheduling call: what it makes of a job that is there under its key.

use schedules::due::When;
use schedules::{Key, Outside, Window, delay};
use serde::Deserialize;
use serde_json::Value;
use store::queue::IfExists;

use crate::{Error, Result};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum IfExistsBody {
    Replace,
    Keep,
    Reject,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ModeBody {
    Debounce,
    Singleton,
}

/// What else the call says.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub key: Option<&'a Key>,
    pub when: When,
    pub window: Option<&'a Window>,
}

/// What is to be done with a job under the same key, and for how long later calls may push this one back.
///
/// Errors: `Invalid`, if the mode and the rest of the call do not go together.
pub(super) fn read(
    mode: Option<ModeBody>,
    if_exists: Option<IfExistsBody>,
    max_wait: Option<Value>,
    said: Said<'_>,
) -> Result<(IfExists, Option<i64>)> {
    let max_wait = max_wait.filter(|value| !value.is_null());
    let name = match mode {
        None | Some(ModeBody::Singleton) if max_wait.is_some() => {
            return Err(Error::invalid("maxWait", "not_debounced", "bounds a debounce: add \"mode\": \"debounce\""));
        }
        None => return Ok((plain(if_exists), None)),
        Some(ModeBody::Debounce) => "debounce",
        Some(ModeBody::Singleton) => "singleton",
    };
    if if_exists.is_some() {
        let message = format!("the mode {name} says what happens to a job under the same key: leave one of them out");
        return Err(Error::invalid("ifExists", "mode_and_if_exists", message));
    }
    if said.key.is_none() {
        let message =
            format!("the mode {name} is about the jobs of one key: name it, as in {{\"email\": \"a@example.com\"}}");
        return Err(Error::invalid("key", "missing_field", message));
    }
    match mode {
        Some(ModeBody::Debounce) => Ok((IfExists::Debounce, debounce(max_wait, said)?)),
        _ => Ok((IfExists::Singleton, None)),
    }
}

fn plain(if_exists: Option<IfExistsBody>) -> IfExists {
    match if_exists {
        None | Some(IfExistsBody::Replace) => IfExists::Replace,
        Some(IfExistsBody::Keep) => IfExists::Keep,
        Some(IfExistsBody::Reject) => IfExists::Reject,
    }
}

fn debounce(max_wait: Option<Value>, said: Said<'_>) -> Result<Option<i64>> {
    let When::In(quiet_ms @ 1..) = said.when else {
        let message = "a debounced job starts when there was no call for so long: give a positive time, as in \"30s\"";
        return Err(Error::invalid("delay", "missing_delay", message));
    };
    if said.window.is_some_and(|window| window.outside() == Outside::Drop) {
        let message = "a debounced job waits for its window: leave it out, or say \"move\"";
        return Err(Error::invalid("window.outside", "drop_and_debounce", message));
    }
    let Some(value) = max_wait else { return Ok(None) };
    let invalid = |message: String| Error::invalid("maxWait", "invalid_max_wait", message);
    let ms = delay::parse(&value).map_err(|error| invalid(error.message))?;
    if ms < quiet_ms {
        return Err(invalid(format!("must not be shorter than the delay, which is {quiet_ms} ms")));
    }
    Ok(Some(ms))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::request;
    use super::*;

    fn read(body: Value) -> Result<(IfExists, Option<i64>)> {
        request::schedule(body).map(|schedule| (schedule.if_exists, schedule.max_wait_ms))
    }

    #[test]
    fn a_mode_says_what_becomes_of_a_job_that_is_there() {
        let check = |body: Value, expected: (IfExists, Option<i64>)| {
            assert_eq!(read(body.clone()).expect("valid"), expected, "{body}");
        };
        let key = json!({"a": 1});
        check(json!({"key": key}), (IfExists::Replace, None));
        check(json!({"key": key, "ifExists": "keep"}), (IfExists::Keep, None));
        check(json!({"key": key, "mode": "singleton"}), (IfExists::Singleton, None));
        check(json!({"key": key, "mode": "singleton", "time": 5}), (IfExists::Singleton, None));
        check(json!({"key": key, "mode": "debounce", "delay": "5s"}), (IfExists::Debounce, None));
        let bounded = json!({"key": key, "mode": "debounce", "delay": "5s", "maxWait": "1m"});
        check(bounded, (IfExists::Debounce, Some(60_000)));
        check(json!({"key": key, "mode": null, "maxWait": null}), (IfExists::Replace, None));
    }

    #[test]
    fn errors_name_the_field() {
        let check = |body: Value, expected: &str| match read(body.clone()) {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, expected, "{body}"),
            other => panic!("{body}: {other:?}"),
        };
        let key = json!({"a": 1});
        check(json!({"mode": "singleton"}), "key");
        check(json!({"mode": "debounce", "delay": 5}), "key");
        check(json!({"key": key, "mode": "singleton", "ifExists": "keep"}), "ifExists");
        check(json!({"key": key, "mode": "singleton", "maxWait": 5}), "maxWait");
        check(json!({"key": key, "maxWait": 5}), "maxWait");
        check(json!({"key": key, "mode": "debounce"}), "delay");
        check(json!({"key": key, "mode": "debounce", "delay": 0}), "delay");
        check(json!({"key": key, "mode": "debounce", "time": 5}), "delay");
        check(json!({"key": key, "mode": "debounce", "delay": 5, "maxWait": 4}), "maxWait");
        check(json!({"key": key, "mode": "debounce", "delay": 5, "maxWait": "soon"}), "maxWait");
        let window = json!({"day": "mon", "outside": "drop"});
        check(json!({"key": key, "mode": "debounce", "delay": 5, "window": window}), "window.outside");
    }
}

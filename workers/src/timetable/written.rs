//! What a caller writes for a schedule, checked and put into one form.

use std::collections::BTreeMap;

use schedules::Key;
use serde_json::{Map, Value};
use store::catalog::PutSchedule;
use store::queue::ScheduleRef;

use super::OWN;
use crate::duties::ticks::RESERVED;
use crate::settings::Schedule;
use crate::{Error, Result};

const MAX_NOTE_BYTES: usize = 1_024;
const MAX_NAME_BYTES: usize = 128;
/// Every scheduler keeps the payloads of all schedules in memory.
const MAX_PAYLOAD_BYTES: usize = 16 << 10;

/// A schedule as a caller wrote it.
#[derive(Clone, Debug)]
pub struct Written {
    note: String,
    key: Option<String>,
    payload: Option<String>,
    spec: String,
}

impl Written {
    /// Reads the body of a call. Errors name the field.
    pub fn parse(body: Value) -> Result<Self> {
        let Value::Object(mut fields) = body else {
            return Err(Error::invalid("body", "invalid_type", "must be an object, such as {\"every\": \"day\"}"));
        };
        let written = Self {
            note: note(fields.remove("note"))?,
            key: fields.remove("key").filter(|key| !key.is_null()).map(key).transpose()?,
            payload: fields.remove("payload").filter(|payload| !payload.is_null()).map(payload).transpose()?,
            spec: spec(fields),
        };
        Schedule::parse(serde_json::from_str(&written.spec).unwrap_or_default())?;
        Ok(written)
    }

    /// What is to be put under a name.
    pub(super) fn named(self, id: ScheduleRef, name: &str) -> PutSchedule {
        let Self { note, key, payload, spec } = self;
        PutSchedule { id, name: name.to_owned(), note, key, spec, payload }
    }
}

/// A name, if it is a good one. Errors: field `schedule`.
pub(super) fn name(name: &str) -> Result<&str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    let is_good = name.chars().all(fits) && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if is_good && name.len() <= MAX_NAME_BYTES {
        return Ok(name);
    }
    let message = format!(
        "must be 1 to {MAX_NAME_BYTES} letters, digits, dots, dashes, colons or underscores, a letter or digit first"
    );
    Err(Error::invalid("schedule", "invalid_name", message))
}

/// A name that may be made and deleted. Errors: that of the integration's settings is reserved.
pub(super) fn name_of_its_own(text: &str) -> Result<&str> {
    if text == OWN {
        let message =
            format!("{OWN:?} is the schedule of the integration's settings: save and release those to change it");
        return Err(Error::conflict("schedule_reserved", message));
    }
    name(text)
}

/// The recurrence and the rules, each field in its place, so that the same is the same text.
pub(super) fn spec(fields: Map<String, Value>) -> String {
    let sorted: BTreeMap<String, Value> = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
    serde_json::to_string(&sorted).unwrap_or_default()
}

fn note(value: Option<Value>) -> Result<String> {
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(note)) if note.len() <= MAX_NOTE_BYTES => Ok(note),
        Some(Value::String(_)) => {
            Err(Error::invalid("note", "out_of_range", format!("must be at most {MAX_NOTE_BYTES} bytes")))
        }
        Some(_) => Err(Error::invalid("note", "invalid_type", "must be a text")),
    }
}

fn key(value: Value) -> Result<String> {
    let key = Key::parse(&value)?;
    serde_json::to_string(key.fields()).map_err(|error| Error::invalid("key", "invalid_key", error.to_string()))
}

fn payload(value: Value) -> Result<String> {
    let Value::Object(fields) = &value else {
        let message = "must be an object: the engine adds the times of the tick to it";
        return Err(Error::invalid("payload", "invalid_type", message));
    };
    if let Some(taken) = RESERVED.iter().find(|name| fields.contains_key(**name)) {
        let message = format!("the engine writes {taken:?} into the payload of every tick; use another name");
        return Err(Error::invalid(format!("payload.{taken}"), "reserved_field", message));
    }
    let text = value.to_string();
    if text.len() > MAX_PAYLOAD_BYTES {
        let message = format!("must be at most {} KiB, is {} bytes", MAX_PAYLOAD_BYTES >> 10, text.len());
        return Err(Error::invalid("payload", "payload_too_large", message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_name_the_field() {
        let check = |body: Value, field: &str| match Written::parse(body.clone()) {
            Err(Error::Invalid { field: found, .. }) => assert_eq!(found, field, "{body}"),
            other => panic!("{body}: {other:?}"),
        };
        check(json!([]), "body");
        check(json!({}), "every");
        check(json!({"every": "day", "colour": 1}), "colour");
        check(json!({"every": "day", "at": "25:00"}), "at");
        check(json!({"cron": "* * *"}), "cron");
        check(json!({"every": "day", "note": 1}), "note");
        check(json!({"every": "day", "note": "x".repeat(1_025)}), "note");
        check(json!({"every": "day", "payload": [1]}), "payload");
        check(json!({"every": "day", "payload": {"nominal": 1}}), "payload.nominal");
        check(json!({"every": "day", "payload": {"a": "x".repeat(17_000)}}), "payload");
        check(json!({"every": "day", "key": "x"}), "key");
        check(json!({"every": "day", "maxRuns": 0}), "maxRuns");
        check(json!({"every": "day", "timezone": "Mars/Base"}), "timezone");
    }

    #[test]
    fn the_same_in_another_order_is_the_same() {
        let one = Written::parse(json!({"every": "day", "at": "06:00", "overlap": null})).expect("valid");
        let other = Written::parse(serde_json::from_str(r#"{"at":"06:00","every":"day"}"#).expect("JSON"));
        assert_eq!(one.spec, other.expect("valid").spec);
    }

    #[test]
    fn names_are_those_of_customers_and_orders() {
        for good in ["a", "customer-1", "7f3e", "01J.x:y_z", "A"] {
            assert!(name_of_its_own(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a b", "a/b", "é", &"a".repeat(129), OWN] {
            assert!(name_of_its_own(bad).is_err(), "{bad}");
        }
    }
}

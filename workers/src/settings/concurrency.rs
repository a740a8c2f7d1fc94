//! How many jobs of an integration run at once: all together, and of each part of their keys.

use schedules::Key;
use schedules::rate::subject;
use serde::Deserialize;
use serde_json::Value;

use super::in_range;
use super::limits::check_fields;
use crate::{Error, Result, wire};

const FIELD: &str = "settings.concurrency";
const MAX_LIMIT: u32 = 10_000;
const MAX_BACKLOG: u32 = 1_000_000;

/// How many jobs run at once, and by what they take turns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concurrency {
    /// Of the integration.
    pub limit: Option<u32>,
    /// Of each lane.
    pub lanes: Option<Lanes>,
}

/// Jobs whose keys agree in these fields share a lane: they have a concurrency and a backlog of their own, and take
/// turns with other lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// The fields.
    pub key: Vec<String>,
    /// How many of one lane run at once.
    pub limit: u32,
    /// How many of one lane may be pending.
    pub backlog: Option<u32>,
    /// Whether the jobs of a lane keep their order: while one waits for a retry, those behind it wait.
    pub fifo: bool,
}

impl Lanes {
    /// The lane of a job with this key; `None` when it lacks a field.
    pub fn of(&self, key: Option<&Key>) -> Option<Box<str>> {
        subject(&self.key, key).map(Into::into)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    limit: u32,
    key: Option<Vec<String>>,
    backlog: Option<u32>,
    #[serde(default)]
    fifo: bool,
}

/// Reads `settings.concurrency`: a number, an object, or a list of one without `key` and one with.
pub(super) fn read(written: Option<Value>) -> Result<Concurrency> {
    let mut read = Concurrency::default();
    match written {
        None | Some(Value::Null) => {}
        Some(Value::Number(number)) => {
            let whole = number.as_u64().and_then(|number| u32::try_from(number).ok());
            let message = || format!("must be a whole number between 1 and {MAX_LIMIT}, is {number}");
            let limit = whole.ok_or_else(|| Error::invalid(FIELD, "out_of_range", message()))?;
            read.limit = Some(in_range(FIELD, limit, 1, MAX_LIMIT)?);
        }
        Some(object @ Value::Object(_)) => add(&mut read, FIELD, object)?,
        Some(Value::Array(parts)) => {
            for (place, part) in parts.into_iter().enumerate() {
                add(&mut read, &format!("{FIELD}[{place}]"), part)?;
            }
        }
        Some(_) => {
            let message = "must be a number, an object such as {\"limit\": 1, \"key\": [\"email\"]}, or a list of such";
            return Err(Error::invalid(FIELD, "invalid_type", message));
        }
    }
    Ok(read)
}

fn add(to: &mut Concurrency, field: &str, written: Value) -> Result<()> {
    let Written { limit, key, backlog, fifo } = wire::read(field, written)?;
    let limit = in_range(&format!("{field}.limit"), limit, 1, MAX_LIMIT)?;
    let twice = |which: &str| Err(Error::invalid(field, "duplicate", format!("another one {which} a key is there")));
    let fifo_field = format!("{field}.fifo");
    if fifo && key.is_none() {
        let message = "keeps the order of the jobs of one key: name the fields with \"key\"";
        return Err(Error::invalid(fifo_field, "missing_key", message));
    }
    if fifo && limit != 1 {
        let message = format!("jobs that run at once have no order: it needs \"limit\": 1, not {limit}");
        return Err(Error::invalid(fifo_field, "fifo_needs_limit_1", message));
    }
    match (key, backlog) {
        (None, None) if to.limit.is_some() => twice("without"),
        (None, None) => {
            to.limit = Some(limit);
            Ok(())
        }
        (None, Some(_)) => Err(Error::invalid(
            format!("{field}.backlog"),
            "missing_key",
            "bounds the jobs of one key: name the fields with \"key\"",
        )),
        (Some(_), _) if to.lanes.is_some() => twice("with"),
        (Some(key), backlog) => {
            to.lanes = Some(Lanes { fifo, ..lanes(field, limit, key, backlog)? });
            Ok(())
        }
    }
}

fn lanes(field: &str, limit: u32, key: Vec<String>, backlog: Option<u32>) -> Result<Lanes> {
    let key_field = format!("{field}.key");
    if key.is_empty() {
        return Err(Error::invalid(key_field, "invalid_key_fields", "must name at least one field, or be left out"));
    }
    check_fields(&key_field, &key)?;
    let in_bounds = |backlog| in_range(&format!("{field}.backlog"), backlog, 1, MAX_BACKLOG);
    Ok(Lanes { key, limit, backlog: backlog.map(in_bounds).transpose()?, fifo: false })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Settings;
    use super::*;

    fn parse(written: Value) -> Result<Concurrency> {
        Settings::parse(&json!({ "concurrency": written })).map(|settings| settings.concurrency)
    }

    #[test]
    fn a_number_an_object_or_both_kinds_in_a_list() {
        let check = |written: Value, limit: Option<u32>, lanes: Option<(&[&str], u32, Option<u32>)>| {
            let lanes = lanes.map(|(key, limit, backlog)| {
                let key = key.iter().map(|name| (*name).to_owned()).collect();
                Lanes { key, limit, backlog, fifo: false }
            });
            assert_eq!(parse(written.clone()).expect("valid"), Concurrency { limit, lanes }, "{written}");
        };
        check(json!(null), None, None);
        check(json!(4), Some(4), None);
        check(json!({"limit": 4}), Some(4), None);
        check(json!({"limit": 1, "key": ["email"]}), None, Some((&["email"], 1, None)));
        check(json!({"limit": 1, "key": ["a", "b"], "backlog": 100}), None, Some((&["a", "b"], 1, Some(100))));
        check(json!([]), None, None);
        check(json!([{"limit": 2, "key": ["a"]}, {"limit": 20}]), Some(20), Some((&["a"], 2, None)));
    }

    #[test]
    fn the_jobs_of_a_key_may_keep_their_order() {
        let lanes = |written| parse(written).expect("valid").lanes.expect("lanes");
        assert!(lanes(json!({"limit": 1, "key": ["a"], "fifo": true})).fifo);
        assert!(lanes(json!([{"limit": 9}, {"limit": 1, "key": ["a"], "fifo": true}])).fifo);
        assert!(!lanes(json!({"limit": 1, "key": ["a"]})).fifo);
    }

    #[test]
    fn errors_name_the_part() {
        let check = |written: Value, expected: &str| match parse(written.clone()) {
            Err(Error::Invalid { field, .. }) => {
                assert_eq!(field, format!("settings.concurrency{expected}"), "{written}")
            }
            other => panic!("{written}: {other:?}"),
        };
        check(json!(0), "");
        check(json!(-1), "");
        check(json!(1.5), "");
        check(json!(10_001), "");
        check(json!("4"), "");
        check(json!({}), ".limit");
        check(json!({"limit": 0}), ".limit");
        check(json!({"limit": 1, "key": []}), ".key");
        check(json!({"limit": 1, "key": "email"}), ".key");
        check(json!({"limit": 1, "key": ["a", "a"]}), ".key");
        check(json!({"limit": 1, "key": ["a"], "backlog": 0}), ".backlog");
        check(json!({"limit": 1, "backlog": 10}), ".backlog");
        check(json!({"limit": 1, "keys": ["a"]}), ".keys");
        check(json!({"limit": 1, "fifo": true}), ".fifo");
        check(json!({"limit": 2, "key": ["a"], "fifo": true}), ".fifo");
        check(json!([1]), "[0]");
        check(json!([{"limit": 1}, {"limit": 2}]), "[1]");
        check(json!([{"limit": 1, "key": ["a"]}, {"limit": 2, "key": ["b"]}]), "[1]");
    }

    #[test]
    fn keys_that_agree_in_the_fields_share_a_lane() {
        let lanes = Lanes { key: vec!["b".into(), "a".into()], limit: 1, backlog: None, fifo: false };
        let check = |key: Value, expected: Option<&str>| {
            assert_eq!(lanes.of(Some(&Key::parse(&key).expect("a key"))).as_deref(), expected, "{key}");
        };
        check(json!({"a": 1, "b": "x", "c": 1}), Some(r#"{"a":1,"b":"x"}"#));
        check(json!({"b": "x", "a": 1.0}), Some(r#"{"a":1,"b":"x"}"#));
        check(json!({"a": 1}), None);
        assert_eq!(lanes.of(None), None);
    }
}

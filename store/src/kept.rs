//! A job as text, for the catalog: what was cancelled can be put back.

use schedules::Millis;
use serde::{Deserialize, Serialize};

use crate::body::{self, Columns};
use crate::queue::Job;
use crate::{Error, IntegrationId, JobId, Result};

/// What the text begins with; a reader refuses others.
const VERSION: &str = "1:";

/// A job beside its body; fields are positional, so new ones go last.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: [u8; 16],
    integration: [u8; 16],
    cause: String,
    due: i64,
    closes: Option<i64>,
    priority: u8,
    lane: Option<String>,
    key: Option<String>,
    body: Vec<u8>,
    weight: u32,
}

/// A job as text.
pub(crate) fn encode(job: &Job) -> Result<String> {
    let kept = Kept {
        id: job.id.to_bytes(),
        integration: job.integration.to_bytes(),
        cause: job.cause.to_string(),
        due: job.due.0,
        closes: job.closes.map(|closes| closes.0),
        priority: job.priority,
        lane: job.lane.as_deref().map(str::to_owned),
        key: job.key.as_ref().map(|key| key.canonical().to_owned()),
        body: body::encode(job)?,
        weight: job.weight,
    };
    let bytes = rmp_serde::to_vec(&kept).map_err(|error| Error::Corrupt(error.to_string()))?;
    let digit = |number: u8| char::from_digit(number.into(), 16).unwrap_or('0');
    let mut text = String::with_capacity(VERSION.len() + 2 * bytes.len());
    text.push_str(VERSION);
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    Ok(text)
}

/// The job of a text.
pub(crate) fn decode(text: &str) -> Result<Job> {
    let unreadable = || Error::Corrupt("a kept job cannot be read: another version of the program wrote it".into());
    let digits = text.strip_prefix(VERSION).ok_or_else(unreadable)?;
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
    let kept: Kept = rmp_serde::from_slice(&bytes.ok_or_else(unreadable)?).map_err(|_| unreadable())?;
    let columns = Columns {
        id: JobId::from_bytes(kept.id),
        integration: IntegrationId::from_bytes(kept.integration),
        cause: kept.cause.parse().map_err(|()| unreadable())?,
        due: Millis(kept.due),
        closes: kept.closes.map(Millis),
        priority: kept.priority,
        weight: kept.weight,
        lane: kept.lane.map(Into::into),
        debounce: None,
    };
    body::decode(columns, kept.key.as_deref(), &kept.body)
}

#[cfg(test)]
mod tests {
    use schedules::Key;
    use serde_json::json;

    use super::*;
    use crate::queue::{Cause, Debounce};

    #[test]
    fn a_job_is_read_back_as_it_was() {
        let job = Job {
            id: JobId::new(Millis(5)),
            integration: IntegrationId::new(Millis(6)),
            cause: Cause::Manual,
            release: Some(2),
            payload: r#"{"a":"\u00e9"}"#.into(),
            key: Some(Key::parse(&json!({"b": 1.0, "a": "x"})).expect("a key")),
            due: Millis(9),
            closes: Some(Millis(10)),
            window: None,
            jitter_ms: 3,
            priority: 7,
            weight: 3,
            lane: Some(r#"{"a":"x"}"#.into()),
            awaited: false,
            tick: None,
            debounce: Some(Debounce { latest: Millis(11), pushes: 2 }),
            attempts: Some(4),
            context: None,
            created: Millis(1),
        };
        assert_eq!(decode(&encode(&job).expect("text")).expect("read"), job);
        for wrong in ["", "1:", "1:zz", "2:00", "1:0"] {
            assert!(decode(wrong).is_err(), "{wrong}");
        }
    }
}

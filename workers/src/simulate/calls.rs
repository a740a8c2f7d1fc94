//! Calls from outside, a line of JSON each: what a simulation is fed with beside the schedules.

use schedules::{Millis, due};
use serde::Deserialize;
use serde_json::Value;

use crate::wire;
use crate::{Error, Result};

/// A call, and when it comes.
#[derive(Clone, Debug)]
pub struct Call {
    /// When.
    pub at: Millis,
    /// The integration's name.
    pub integration: String,
    /// Which call.
    pub verb: Verb,
    /// Its body, as the API takes it.
    pub body: Value,
}

/// Which call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Run now.
    Execute,
    /// Run later.
    Schedule,
    /// Another due time.
    Reschedule,
    /// Not at all.
    Cancel,
    /// Hold the integration's jobs back.
    Pause,
    /// Let them go on.
    Resume,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: Value,
    integration: String,
    call: Verb,
    #[serde(default)]
    body: Value,
}

impl Call {
    /// Reads `{"at": …, "integration": …, "call": "schedule", "body": {…}}`. Errors name the field.
    pub fn parse(text: &str) -> Result<Self> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| Error::invalid("line", "invalid_json", error.to_string()))?;
        let Line { at, integration, call, body } = wire::read("", value)?;
        let body = if body.is_null() { Value::Object(serde_json::Map::new()) } else { body };
        Ok(Self { at: due::parse_instant("at", &at)?, integration, verb: call, body })
    }
}

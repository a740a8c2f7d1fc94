//! Calls from outside, a line of JSON each: what a simulation is fed with beside the schedules.

use std::sync::Arc;

use schedules::rate::Limit;
use schedules::{Key, Millis, due};
use serde::Deserialize;
use serde_json::Value;
use store::queue::Adjustment;

use super::Course;
use crate::limits::subject;
use crate::wire::{self, Object};
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
    /// How the runs of its job go, one for each attempt.
    pub runs: Arc<[Course]>,
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
    /// Let the jobs of one key of a rate limit wait.
    PauseKey,
    /// Let them go on.
    ResumeKey,
    /// Empty the bucket of one key of a rate limit, and end its back-pressure.
    ResetKey,
}

impl Verb {
    /// What it does to a key of a rate limit, if it does.
    pub(super) fn adjustment(self) -> Option<Adjustment> {
        match self {
            Self::PauseKey => Some(Adjustment::Pause),
            Self::ResumeKey => Some(Adjustment::Resume),
            Self::ResetKey => Some(Adjustment::Reset),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: Value,
    integration: String,
    call: Verb,
    #[serde(default)]
    body: Value,
    #[serde(default)]
    runs: Vec<Value>,
}

impl Call {
    /// Reads `{"at": …, "integration": …, "call": "schedule", "body": {…}, "runs": […]}`. Errors name the field.
    pub fn parse(text: &str) -> Result<Self> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| Error::invalid("line", "invalid_json", error.to_string()))?;
        let Line { at, integration, call, body, runs } = wire::read("", value)?;
        let body = if body.is_null() { Value::Object(serde_json::Map::new()) } else { body };
        if !runs.is_empty() && !matches!(call, Verb::Execute | Verb::Schedule) {
            return Err(Error::invalid(
                "runs",
                "unknown_field",
                "only calls that make a job have runs: execute, schedule",
            ));
        }
        let runs = Course::parse_all(runs)?.into();
        Ok(Self { at: due::parse_instant("at", &at)?, integration, verb: call, body, runs })
    }
}

/// Which key of which rate limit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneKey {
    rule: usize,
    key: Option<Value>,
}

/// Reads `{"rule": 0, "key": {…}}`: the limit's place in the settings, and what it counts the key under.
pub(super) fn one_key(limits: &[Limit], body: &Value) -> Result<(usize, String)> {
    let OneKey { rule, key } = wire::read::<Object<OneKey>>("", body.clone())?.0;
    let limit = limits.get(rule).ok_or_else(|| {
        let message = format!("there is no such rate limit; the integration has {}", limits.len());
        Error::invalid("rule", "rule_not_found", message)
    })?;
    let key = key.map(|key| Key::parse(&key)).transpose()?;
    Ok((rule, subject(limit, key.as_ref())?))
}

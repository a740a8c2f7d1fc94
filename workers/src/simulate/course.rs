//! The course of a run, as whoever simulates foretells it: how it ends, how long it takes, what another server asks for.

use serde::Deserialize;
use serde_json::Value;

use crate::settings::{Settings, duration_ms};
use crate::wire::{self, Object};
use crate::worker::Ending;
use crate::{Error, Result};

/// The most courses of one job: it has no more attempts.
const MAX_COURSES: usize = 100;

/// How a run goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// How it ends.
    pub ends: Ends,
    /// How long it takes, in milliseconds; `None`: as long as runs take in this simulation.
    pub takes_ms: Option<u64>,
    /// The last answer of another server is 429 or 503 and asks for a pause of so many milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// The handler returns.
    #[default]
    Ok,
    /// It throws.
    Fail,
    /// It runs into its timeout.
    Timeout,
    /// It throws what says that trying again is no use.
    Fatal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Written {
    #[serde(default)]
    ends: Ends,
    takes: Option<Value>,
    retry_after: Option<Value>,
}

impl Course {
    /// That of an attempt (from 1): those that nobody foretold end well.
    pub fn of(courses: &[Self], attempt: u32) -> Self {
        let place = usize::try_from(attempt.max(1) - 1).unwrap_or(usize::MAX);
        courses.get(place).copied().unwrap_or_default()
    }

    /// How long the run takes, in milliseconds, where others take `run_ms`.
    pub fn ms(&self, settings: &Settings, run_ms: u64) -> u64 {
        let usual = if self.ends == Ends::Timeout { settings.timeout_ms.into() } else { run_ms };
        self.takes_ms.unwrap_or(usual)
    }

    /// The end, as the worker sees it.
    pub(crate) fn ending(&self) -> Ending {
        match self.ends {
            Ends::Ok => Ending::Returned,
            Ends::Fail => Ending::Threw { retry_after_ms: self.retry_after_ms },
            Ends::Timeout => Ending::TimedOut,
            Ends::Fatal => Ending::Hopeless,
        }
    }

    /// Reads `"fail"` or `{"ends": "fail", "takes": "5s", "retryAfter": "30s"}`, one for each attempt.
    pub(super) fn parse_all(written: Vec<Value>) -> Result<Vec<Self>> {
        if written.len() > MAX_COURSES {
            return Err(Error::invalid(
                "runs",
                "out_of_range",
                format!("at most {MAX_COURSES}: a job has no more runs"),
            ));
        }
        written.into_iter().enumerate().map(|(place, value)| Self::parse(&format!("runs[{place}]"), value)).collect()
    }

    fn parse(field: &str, value: Value) -> Result<Self> {
        let value = if value.is_string() { serde_json::json!({ "ends": value }) } else { value };
        let Written { ends, takes, retry_after } = wire::read::<Object<Written>>(field, value)?.0;
        let ms = |part: &str, value: Option<Value>| {
            value.map(|value| duration_ms(&format!("{field}.{part}"), &value).map(i64::unsigned_abs)).transpose()
        };
        Ok(Self { ends, takes_ms: ms("takes", takes)?, retry_after_ms: ms("retryAfter", retry_after)? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn courses_are_read() {
        let written = vec![json!("fail"), json!({ "ends": "fail", "takes": "5s", "retryAfter": 900 }), json!({})];
        let found = Course::parse_all(written).expect("valid");
        assert_eq!(found[0], Course { ends: Ends::Fail, ..Course::default() });
        assert_eq!(found[1], Course { ends: Ends::Fail, takes_ms: Some(5_000), retry_after_ms: Some(900) });
        assert_eq!((found[2], Course::of(&found, 4)), (Course::default(), Course::default()));
        for (value, field) in [
            (json!("explode"), "runs[0].ends"),
            (json!({ "takes": "long" }), "runs[0].takes"),
            (json!({ "retryAfter": -1 }), "runs[0].retryAfter"),
            (json!({ "pays": 1 }), "runs[0].pays"),
            (json!(7), "runs[0]"),
        ] {
            match Course::parse_all(vec![value.clone()]) {
                Err(Error::Invalid { field: f, .. }) => assert_eq!(f, field, "{value}"),
                other => panic!("{value}: {other:?}"),
            }
        }
        assert!(Course::parse_all(vec![json!("ok"); 101]).is_err());
    }

    #[test]
    fn a_timeout_takes_as_long_as_the_settings_say() {
        let settings = Settings::parse(&json!({ "timeoutMs": 7_000 })).expect("settings");
        let ms = |course: Course| course.ms(&settings, 1_000);
        assert_eq!((ms(Course::default()), ms(Course { ends: Ends::Timeout, ..Course::default() })), (1_000, 7_000));
        assert_eq!(ms(Course { takes_ms: Some(3), ..Course::default() }), 3);
    }
}

//! A schedule as it is written: in an integration's settings, and by itself.

use schedules::due;
use schedules::recurrence::{Recurrence, RecurrenceSpec};
use serde::Deserialize;
use serde_json::Value;

use super::{Catchup, Overlap, Schedule, duration_ms, in_range};
use crate::wire;
use crate::{Error, Result};

const DAY_MS: i64 = 86_400_000;
/// The most missed ticks that are made up for at one time: they are queued in one step.
const MAX_CATCHUP_CAP: u32 = 900;
const MAX_CATCHUP_WINDOW_MS: i64 = 10 * 366 * DAY_MS;
const DEFAULT_CATCHUP_CAP: u32 = 100;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct Written {
    every: Option<String>,
    at: Option<String>,
    on: Vec<String>,
    cron: Option<String>,
    timezone: Option<String>,
    start: Option<Value>,
    end: Option<Value>,
    jitter: Option<Value>,
    overlap: Overlap,
    catchup: Catchup,
    catchup_window: Option<Value>,
    catchup_cap: Option<u32>,
    max_runs: Option<u64>,
    pause_after_failures: Option<u32>,
}

impl Schedule {
    /// Reads a schedule that is written by itself, as JSON. Errors name the field.
    pub fn parse(value: Value) -> Result<Self> {
        read(wire::read("", value)?, "")
    }
}

/// Reads a schedule whose fields are in `place`.
pub(super) fn read(written: Written, place: &str) -> Result<Schedule> {
    let field = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    let instant = |name: &str, value: Option<Value>| {
        value.map(|value| due::parse_instant(&field(name), &value)).transpose().map_err(Error::from)
    };
    let milliseconds =
        |name: &str, value: Option<Value>| value.map(|value| duration_ms(&field(name), &value)).transpose();
    let jitter_ms = u32::try_from(milliseconds("jitter", written.jitter)?.unwrap_or(0))
        .map_err(|_| Error::invalid(field("jitter"), "out_of_range", "must be at most 49 days"))?;
    let cap = written.catchup_cap.unwrap_or(DEFAULT_CATCHUP_CAP);
    if written.max_runs == Some(0) {
        return Err(Error::invalid(field("maxRuns"), "out_of_range", "must be at least 1"));
    }
    let window = milliseconds("catchupWindow", written.catchup_window)?.unwrap_or(DAY_MS);
    if window > MAX_CATCHUP_WINDOW_MS {
        return Err(Error::invalid(field("catchupWindow"), "out_of_range", "must be at most 10 years"));
    }
    let failures = written.pause_after_failures.map(|n| in_range(&field("pauseAfterFailures"), n, 1, 1_000));
    let spec = RecurrenceSpec {
        every: written.every,
        at: written.at,
        on: written.on,
        cron: written.cron,
        timezone: written.timezone,
        start: instant("start", written.start)?,
        end: instant("end", written.end)?,
        jitter_ms,
    };
    Ok(Schedule {
        recurrence: Recurrence::parse(&spec).map_err(|mut error| {
            let name = error.field.strip_prefix("schedule.").unwrap_or(&error.field);
            error.field = field(name);
            error
        })?,
        spec,
        overlap: written.overlap,
        catchup: written.catchup,
        catchup_window_ms: window,
        catchup_cap: in_range(&field("catchupCap"), cap, 1, MAX_CATCHUP_CAP)? as usize,
        max_runs: written.max_runs,
        pause_after_failures: failures.transpose()?,
    })
}

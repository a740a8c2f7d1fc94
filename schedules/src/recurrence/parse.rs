//! Reads a schedule, each error under its own field.

use super::cron::Cron;
use super::pattern::Pattern;
use super::{Recurrence, RecurrenceSpec};
use crate::calendar::{
    DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, YEAR_MS, day_of, parse_time_of_day, time_of_day, weekday_of,
};
use crate::days::Days;
use crate::{Error, Millis, Zone, delay, duration, iso};

const CODE: &str = "invalid_schedule";
const MAX_EVERY_MS: i64 = 10 * YEAR_MS;
const MAX_JITTER_MS: u32 = 24 * 60 * 60 * 1000;
/// 2024-01-01, a monday: whose `at` decides at which minutes an hourly schedule without a start fires.
const REFERENCE_DAY: i64 = 19_723;

pub(super) fn recurrence(spec: &RecurrenceSpec) -> Result<Recurrence, Error> {
    let zone = match &spec.timezone {
        Some(name) => Zone::parse("schedule.timezone", CODE, name)?,
        None => Zone::UTC,
    };
    bounds(spec)?;
    let at = spec.at.as_deref().map(|text| at(text, &zone)).transpose()?;
    let pattern = match (&spec.every, &spec.cron) {
        (Some(_), Some(_)) => return refuse("cron", "give either `every` or `cron`, not both"),
        (None, None) => return refuse("every", "give `every` (minute, hour, day, week, \"90s\") or `cron`"),
        (None, Some(text)) => cron(spec, text)?,
        (Some(text), None) => every(spec, text, at, &zone)?,
    };
    let start = spec.start.unwrap_or(Millis::EARLIEST);
    let first = match at {
        Some(At::Instant(instant)) => start.max(instant),
        _ => start,
    };
    Ok(Recurrence { spec: spec.clone(), zone, pattern, first })
}

fn refuse<T>(part: &str, message: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(format!("schedule.{part}"), CODE, message))
}

fn bounds(spec: &RecurrenceSpec) -> Result<(), Error> {
    let years = "must lie in the years 0 to 9999";
    if spec.start.is_some_and(|start| !start.is_writable()) {
        return refuse("start", years);
    }
    if spec.end.is_some_and(|end| !end.is_writable()) {
        return refuse("end", years);
    }
    if let (Some(start), Some(end)) = (spec.start, spec.end)
        && end < start
    {
        return refuse("end", "must not be before `start`");
    }
    if spec.jitter_ms > MAX_JITTER_MS {
        return refuse("jitter", "must be at most 24 hours");
    }
    Ok(())
}

/// From where a schedule counts.
#[derive(Clone, Copy)]
enum At {
    Instant(Millis),
    TimeOfDay(i64),
}

fn at(text: &str, zone: &Zone) -> Result<At, Error> {
    if let Some(ms) = parse_time_of_day(text).filter(|ms| *ms < DAY_MS) {
        return Ok(At::TimeOfDay(ms));
    }
    let Some(read) = iso::parse(text) else {
        return refuse("at", "must be HH:MM, HH:MM:SS (00:00 to 23:59:59) or an instant such as 2026-05-01T09:30:00Z");
    };
    let instant = match read.offset_ms {
        Some(offset_ms) => Millis(read.local_ms - offset_ms),
        None => zone.first(read.local_ms),
    };
    if instant.is_writable() { Ok(At::Instant(instant)) } else { refuse("at", "must lie in the years 0 to 9999") }
}

fn cron(spec: &RecurrenceSpec, text: &str) -> Result<Pattern, Error> {
    if spec.at.is_some() {
        return refuse("at", "belongs to `every`; a cron expression holds its own time");
    }
    if !spec.on.is_empty() {
        return refuse("on", "belongs to `every: week`; a cron expression holds its own days");
    }
    match Cron::parse(text) {
        Ok(cron) => Ok(Pattern::Cron(Box::new(cron))),
        Err(message) => refuse("cron", message),
    }
}

fn every(spec: &RecurrenceSpec, text: &str, at: Option<At>, zone: &Zone) -> Result<Pattern, Error> {
    let word = text.trim().to_ascii_lowercase();
    if word != "week" && !spec.on.is_empty() {
        return refuse("on", "belongs to `every: week`; for other days of the month use `cron`");
    }
    let interval = |every_ms| Pattern::Interval { every_ms, anchor: anchor(spec, at, zone, Some(0)) };
    match word.as_str() {
        "minute" => Ok(interval(MINUTE_MS)),
        "hour" => Ok(interval(HOUR_MS)),
        "day" => Ok(daily(spec, at, zone, Days::ALL)),
        "week" => Ok(daily(spec, at, zone, week_days(spec, at, zone)?)),
        _ => Ok(Pattern::Interval { every_ms: interval_ms(text)?, anchor: anchor(spec, at, zone, None) }),
    }
}

fn interval_ms(text: &str) -> Result<i64, Error> {
    let ms = delay::parse_field_text("schedule.every", CODE, text).map_err(|error| {
        let hint = "must be minute, hour, day, week or an interval such as \"90s\" or \"2 h\"";
        Error::new(error.field, CODE, format!("{hint}; {}", error.message))
    })?;
    if !(SECOND_MS..=MAX_EVERY_MS).contains(&ms) {
        let most = duration::to_text(MAX_EVERY_MS);
        return refuse("every", format!("must be 1 second to {most}; a bare number is milliseconds"));
    }
    Ok(ms)
}

/// One tick of an interval: `at`, on the day it starts if it has a start; else the start; else midnight (`default`) or
/// the Unix epoch.
fn anchor(spec: &RecurrenceSpec, at: Option<At>, zone: &Zone, default: Option<i64>) -> Millis {
    let reference = |time_ms: i64| {
        let day = spec.start.map_or(REFERENCE_DAY, |start| day_of(zone.local(start)));
        zone.first(day * DAY_MS + time_ms)
    };
    match (at, spec.start, default) {
        (Some(At::Instant(instant)), _, _) => instant,
        (Some(At::TimeOfDay(ms)), _, _) => reference(ms),
        (None, Some(start), _) => start,
        (None, None, Some(ms)) => reference(ms),
        (None, None, None) => Millis(0),
    }
}

/// Where a schedule of days begins on the wall clock, if it says so.
fn origin(spec: &RecurrenceSpec, at: Option<At>, zone: &Zone) -> Option<i64> {
    match at {
        Some(At::Instant(instant)) => Some(zone.local(instant)),
        _ => spec.start.map(|start| zone.local(start)),
    }
}

fn daily(spec: &RecurrenceSpec, at: Option<At>, zone: &Zone, days: Days) -> Pattern {
    let time_ms = match at {
        Some(At::TimeOfDay(ms)) => ms,
        _ => origin(spec, at, zone).map_or(0, time_of_day),
    };
    Pattern::Daily { days, time_ms }
}

fn week_days(spec: &RecurrenceSpec, at: Option<At>, zone: &Zone) -> Result<Days, Error> {
    if spec.on.is_empty() {
        let weekday = origin(spec, at, zone).map_or(0, |local| weekday_of(day_of(local)));
        return Ok(Days::one(weekday));
    }
    if spec.on.len() > 7 {
        return refuse("on", "must be at most 7 days");
    }
    spec.on.iter().try_fold(Days::default(), |days, text| match Days::parse(text) {
        Ok(more) => Ok(days.union(more)),
        Err(message) => refuse("on", message),
    })
}

//! Reads the parts of a window, each error under its own field.

use std::collections::BTreeSet;

use super::WindowSpec;
use super::hours::{Hours, Range};
use crate::calendar::{DAY_MS, parse_date, parse_time_of_day};
use crate::days::Days;
use crate::{Error, Zone};

const CODE: &str = "invalid_window";
const MAX_TIME_CHARS: usize = 500;
const MAX_HOLIDAYS: usize = 1000;

pub(super) fn zone(spec: &WindowSpec) -> Result<Zone, Error> {
    match (&spec.timezone, spec.timezone_offset_minutes) {
        (Some(_), Some(_)) => {
            Err(Error::new("window.timezoneOffset", CODE, "give either `timezone` or `timezoneOffset`, not both"))
        }
        (Some(name), None) => Zone::parse("window.timezone", CODE, name),
        (None, Some(minutes)) => Zone::from_minutes_behind("window.timezoneOffset", CODE, minutes),
        (None, None) => Ok(Zone::UTC),
    }
}

pub(super) fn hours(spec: &WindowSpec) -> Result<Hours, Error> {
    if spec.day.is_none() && spec.time.is_none() && spec.holidays.is_empty() {
        return Err(Error::new("window", CODE, "needs `day`, `time` or `holidays`"));
    }
    let days = spec.day.as_deref().map_or(Ok(Days::ALL), Days::parse);
    let ranges = spec.time.as_deref().map_or_else(|| Ok(vec![ALL_DAY]), ranges);
    Ok(Hours::new(
        days.map_err(|message| Error::new("window.day", CODE, message))?,
        ranges.map_err(|message| Error::new("window.time", CODE, message))?,
        holidays(&spec.holidays).map_err(|message| Error::new("window.holidays", CODE, message))?,
    ))
}

const ALL_DAY: Range = Range { start_ms: 0, end_ms: DAY_MS };

fn ranges(text: &str) -> Result<Vec<Range>, String> {
    if text.len() > MAX_TIME_CHARS {
        return Err(format!("must be at most {MAX_TIME_CHARS} characters"));
    }
    text.split(',').map(|part| range(part.trim())).collect()
}

fn range(text: &str) -> Result<Range, String> {
    let (start, end) = text
        .split_once('-')
        .ok_or_else(|| format!("{text:?} is not a range of hours; write HH:MM-HH:MM, such as 09:00-17:00"))?;
    let (start_ms, end_ms) = (minute_of_day(start)?, minute_of_day(end)?);
    if start_ms == DAY_MS {
        return Err(format!("{text:?} starts at 24:00; write 00:00 for the start of a day"));
    }
    if start_ms == end_ms {
        return Err(format!("{text:?} starts when it ends; for the whole day write 00:00-24:00"));
    }
    let overnight_ms = if end_ms < start_ms { DAY_MS } else { 0 };
    Ok(Range { start_ms, end_ms: end_ms + overnight_ms })
}

fn minute_of_day(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let has_seconds = text.matches(':').count() != 1;
    parse_time_of_day(text)
        .filter(|_| !has_seconds)
        .ok_or_else(|| format!("{text:?} is not a time of day; write HH:MM from 00:00 to 24:00"))
}

fn holidays(dates: &[String]) -> Result<BTreeSet<i64>, String> {
    if dates.len() > MAX_HOLIDAYS {
        return Err(format!("must be at most {MAX_HOLIDAYS} dates, is {}", dates.len()));
    }
    let day = |text: &String| {
        let shown: String = text.chars().take(40).collect();
        parse_date(text).ok_or_else(|| format!("{shown:?} is not a date; write YYYY-MM-DD"))
    };
    dates.iter().map(day).collect()
}

//! The wall clock as plain numbers: days since 1970-01-01 and milliseconds of a day.
//!
//! A *local time* is what a wall clock shows, as milliseconds since 1970-01-01T00:00 on that clock. Only
//! [`crate::Zone`] turns one into an instant.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

pub(crate) const SECOND_MS: i64 = 1000;
pub(crate) const MINUTE_MS: i64 = 60 * SECOND_MS;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;
pub(crate) const WEEK_MS: i64 = 7 * DAY_MS;
/// A year as the `ms` grammar counts it: 365.25 days.
pub(crate) const YEAR_MS: i64 = 365 * DAY_MS + 6 * HOUR_MS;

const EPOCH_FROM_COMMON_ERA: i64 = 719_163;

/// Days since 1970-01-01 of the date a local time falls on.
pub(crate) fn day_of(local_ms: i64) -> i64 {
    local_ms.div_euclid(DAY_MS)
}

/// Milliseconds since midnight of a local time.
pub(crate) fn time_of_day(local_ms: i64) -> i64 {
    local_ms.rem_euclid(DAY_MS)
}

/// The weekday of a day: 0 is monday, 6 is sunday.
pub(crate) fn weekday_of(day: i64) -> u8 {
    const THURSDAY: i64 = 3; // 1970-01-01
    u8::try_from((day + THURSDAY).rem_euclid(7)).unwrap_or_default()
}

/// The day of a calendar date, if there is such a date.
pub(crate) fn day_number(year: u32, month: u32, day: u32) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    Some(i64::from(date.num_days_from_ce()) - EPOCH_FROM_COMMON_ERA)
}

/// Reads `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    day_number(digits(&bytes[..4])?, digits(&bytes[5..7])?, digits(&bytes[8..])?)
}

/// Reads `HH:MM` or `HH:MM:SS` up to and including `24:00`, as milliseconds since midnight.
pub(crate) fn parse_time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.trim().split(':');
    let hour = two_digits(parts.next()?, 1)?;
    let minute = two_digits(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |part| two_digits(part, 2))?;
    let ms = hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS;
    (parts.next().is_none() && minute < 60 && second < 60 && ms <= DAY_MS).then_some(ms)
}

fn two_digits(text: &str, at_least: usize) -> Option<i64> {
    let fits = (at_least..=2).contains(&text.len());
    fits.then(|| digits(text.as_bytes())).flatten().map(i64::from)
}

/// The value of ASCII digits; `None` if there is anything else.
pub(crate) fn digits(bytes: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(bytes).ok()?;
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| text.parse().ok()).flatten()
}

/// `06:15`, or `06:15:30` when there are seconds.
pub(crate) fn time_text(ms_of_day: i64) -> String {
    let (hour, minute) = (ms_of_day / HOUR_MS, ms_of_day % HOUR_MS / MINUTE_MS);
    match ms_of_day % MINUTE_MS / SECOND_MS {
        0 => format!("{hour:02}:{minute:02}"),
        second => format!("{hour:02}:{minute:02}:{second:02}"),
    }
}

/// A local time as chrono writes it; `None` beyond the years chrono knows.
pub(crate) fn to_naive(local_ms: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_millis(local_ms).map(|time| time.naive_utc())
}

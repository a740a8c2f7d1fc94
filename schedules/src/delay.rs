//! How long to wait, as a number of milliseconds or in the grammar of the npm package `ms`.

use serde_json::Value;

use crate::Error;
use crate::calendar::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, WEEK_MS, YEAR_MS};
use crate::instant::round;

/// The longest text that is read.
pub const MAX_CHARS: usize = 100;

const MONTH_MS: i64 = YEAR_MS / 12;

const UNITS: [(&[&str], i64); 8] = [
    (&["", "ms", "msec", "msecs", "millisecond", "milliseconds"], 1),
    (&["s", "sec", "secs", "second", "seconds"], SECOND_MS),
    (&["m", "min", "mins", "minute", "minutes"], MINUTE_MS),
    (&["h", "hr", "hrs", "hour", "hours"], HOUR_MS),
    (&["d", "day", "days"], DAY_MS),
    (&["w", "week", "weeks"], WEEK_MS),
    (&["mo", "month", "months"], MONTH_MS),
    (&["y", "yr", "yrs", "year", "years"], YEAR_MS),
];

/// Reads `1500`, `"1500"`, `"2 days"`, `"1.5h"` as milliseconds; negative values are kept.
/// Errors: field `delay`, code `invalid_delay`.
pub fn parse(value: &Value) -> Result<i64, Error> {
    parse_field("delay", "invalid_delay", value)
}

/// Reads a text such as `"2 days"` as milliseconds. Errors: field `delay`, code `invalid_delay`.
pub fn parse_text(text: &str) -> Result<i64, Error> {
    parse_field_text("delay", "invalid_delay", text)
}

/// The same grammar for another field, such as a rule's interval or a retry's pause.
pub fn parse_field(field: &str, code: &'static str, value: &Value) -> Result<i64, Error> {
    match value {
        Value::Number(number) => Ok(round(number.as_f64().unwrap_or(f64::INFINITY))),
        Value::String(text) => parse_field_text(field, code, text),
        _ => {
            Err(Error::new(field, code, "must be a number of milliseconds or a string such as \"2 days\" or \"1.5h\""))
        }
    }
}

/// The same grammar for the text of another field.
pub fn parse_field_text(field: &str, code: &'static str, text: &str) -> Result<i64, Error> {
    if text.chars().count() > MAX_CHARS {
        return Err(Error::new(field, code, format!("must be at most {MAX_CHARS} characters")));
    }
    read(text).ok_or_else(|| {
        Error::new(
            field,
            code,
            format!(
                "{text:?} is not a duration; write one number and one unit \
                 (ms, s, m, h, d, w, mo, y or their names), such as \"90s\", \"1.5h\" or \"2 days\""
            ),
        )
    })
}

/// Milliseconds have no fractions: `1.5ms` is 2.
fn read(text: &str) -> Option<i64> {
    let text = text.trim();
    let number_end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-')).unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    let unit = unit.trim_start_matches(' ').to_ascii_lowercase();
    let (_, unit_ms) = UNITS.iter().find(|(names, _)| names.contains(&unit.as_str()))?;
    // What fits into 100 characters is far inside an f64's range, and `round` saturates.
    #[expect(clippy::cast_precision_loss, reason = "a year of milliseconds is well below 2^53")]
    let unit_ms = *unit_ms as f64;
    Some(round(decimal(number)? * unit_ms))
}

/// `-1.5`, `.5`, `2`, but neither `2.` nor `+2` nor `1e3`.
fn decimal(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let well_formed = unsigned.ends_with(|c: char| c.is_ascii_digit())
        && unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    well_formed.then(|| text.parse().ok()).flatten()
}

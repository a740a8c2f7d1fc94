//! Instants as people and programs write them: RFC 3339, ISO 8601 and Unix milliseconds.

use chrono::{DateTime, SecondsFormat};
use serde_json::Value;

use crate::{Error, Millis, iso};

impl Millis {
    /// 0000-01-01T00:00:00Z, the first instant RFC 3339 can write.
    pub const EARLIEST: Self = Self(-62_167_219_200_000);
    /// 9999-12-31T23:59:59.999Z, the last instant RFC 3339 can write.
    pub const LATEST: Self = Self(253_402_300_799_999);

    /// Whether the instant lies in the years 0 to 9999.
    pub(crate) fn is_writable(self) -> bool {
        (Self::EARLIEST..=Self::LATEST).contains(&self)
    }

    /// `2026-05-01T09:30:00.000Z`: UTC, always with milliseconds, so that texts sort like instants.
    ///
    /// Instants outside the years 0 to 9999 are written as the nearest one inside.
    pub fn to_rfc3339(self) -> String {
        let clamped = self.clamp(Self::EARLIEST, Self::LATEST);
        DateTime::from_timestamp_millis(clamped.0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Reads a date and time with a zone. Errors: field `time`, code `invalid_time`.
    pub fn parse_rfc3339(text: &str) -> Result<Self, Error> {
        let wrong = || Error::new("time", "invalid_time", "must be RFC 3339, such as 2026-05-01T09:30:00Z");
        let read = iso::parse(text).ok_or_else(wrong)?;
        Ok(Self(read.local_ms - read.offset_ms.ok_or_else(wrong)?))
    }
}

/// Reads Unix milliseconds or ISO 8601 (no zone means UTC). Errors: the given field, code `invalid_time`.
pub(crate) fn parse(field: &str, value: &Value) -> Result<Millis, Error> {
    let wrong = |message: &str| Error::new(field, "invalid_time", message);
    let instant = match value {
        Value::Number(number) => Millis(round(number.as_f64().unwrap_or(f64::INFINITY))),
        Value::String(text) => iso::parse(text)
            .map(|read| Millis(read.local_ms - read.offset_ms.unwrap_or_default()))
            .ok_or_else(|| wrong("must be ISO 8601, such as 2026-05-01T09:30:00Z, or a number of Unix milliseconds"))?,
        _ => return Err(wrong("must be a string (ISO 8601) or a number (Unix milliseconds)")),
    };
    if instant.is_writable() {
        Ok(instant)
    } else {
        Err(wrong("must lie in the years 0 to 9999; numbers are Unix milliseconds"))
    }
}

/// The nearest whole millisecond; saturates.
#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, which is what is wanted here")]
pub(crate) fn round(ms: f64) -> i64 {
    ms.round() as i64
}

//! Reads ISO 8601 dates and times, with or without a zone.

use crate::calendar::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, day_number, digits};

/// The longest text worth looking at.
const MAX_CHARS: usize = 64;

/// What a text says: a wall-clock time, and how far that clock is ahead of UTC if the text tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateTime {
    pub local_ms: i64,
    pub offset_ms: Option<i64>,
}

/// Reads `2026-05-01`, `2026-05-01T09:30`, `20260501T093000.5+0200` and the like; `None` for anything else.
///
/// `24:00` is the next day's midnight, a leap second (`:60`) is the second after it, digits past the millisecond are cut.
pub(crate) fn parse(text: &str) -> Option<DateTime> {
    let text = text.trim();
    if text.len() > MAX_CHARS {
        return None;
    }
    let mut rest = Rest(text.as_bytes());
    let day = rest.date()?;
    if rest.0.is_empty() {
        return Some(DateTime { local_ms: day * DAY_MS, offset_ms: None });
    }
    rest.one_of(b"Tt ")?;
    let time_ms = rest.time()?;
    let offset_ms = rest.zone()?;
    rest.0.is_empty().then_some(DateTime { local_ms: day * DAY_MS + time_ms, offset_ms })
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn date(&mut self) -> Option<i64> {
        let year = self.number(4)?;
        let dashes = self.one_of(b"-").is_some();
        let month = self.number(2)?;
        if dashes {
            self.one_of(b"-")?;
        }
        day_number(year, month, self.number(2)?)
    }

    fn time(&mut self) -> Option<i64> {
        let hour = self.number(2)?;
        let colons = self.one_of(b":").is_some();
        let minute = self.number(2)?;
        let has_seconds =
            if colons { self.one_of(b":").is_some() } else { self.0.first().is_some_and(u8::is_ascii_digit) };
        let second = if has_seconds { self.number(2)? } else { 0 };
        let fraction = if has_seconds { self.fraction()? } else { 0 };
        let ms = i64::from(hour) * HOUR_MS + i64::from(minute) * MINUTE_MS + i64::from(second) * SECOND_MS + fraction;
        let on_the_clock = hour < 24 && minute < 60 && second <= 60;
        (on_the_clock || ms == DAY_MS && hour == 24).then_some(ms)
    }

    fn fraction(&mut self) -> Option<i64> {
        if self.one_of(b".,").is_none() {
            return Some(0);
        }
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, rest) = self.0.split_at(count);
        self.0 = rest;
        let shown = &fraction[..count.min(3)];
        let scale = [0, 100, 10, 1][shown.len()];
        Some(i64::from(digits(shown)?) * scale)
    }

    /// `Some(None)` when there is no zone, `None` when it is malformed.
    fn zone(&mut self) -> Option<Option<i64>> {
        let Some(sign) = self.one_of(b"Zz+-") else {
            return Some(None);
        };
        if sign.eq_ignore_ascii_case(&b'z') {
            return Some(Some(0));
        }
        let hours = self.number(2)?;
        let has_minutes = self.one_of(b":").is_some() || !self.0.is_empty();
        let minutes = if has_minutes { self.number(2)? } else { 0 };
        let ms = i64::from(hours) * HOUR_MS + i64::from(minutes) * MINUTE_MS;
        let signed = if sign == b'-' { -ms } else { ms };
        (hours < 24 && minutes < 60).then_some(Some(signed))
    }

    fn number(&mut self, count: usize) -> Option<u32> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits(head)
    }

    fn one_of(&mut self, allowed: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        allowed.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }
}

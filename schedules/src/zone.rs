//! Time zones: which instant a wall clock's time means, and when a zone's clocks change.

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

use crate::calendar::{DAY_MS, HOUR_MS, MINUTE_MS, to_naive};
use crate::{Error, Millis};

/// No place on earth is further than this from UTC; the widest offset a caller may give.
pub const MAX_OFFSET_MINUTES: i32 = 18 * 60;

const MAX_NAME_CHARS: usize = 64;
/// Further than any zone's wall clock is from UTC.
const FARTHEST_MS: i64 = 26 * HOUR_MS;

/// A named zone, or clocks that always show the same distance from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Named(Tz),
    /// Milliseconds ahead of UTC.
    Fixed(i64),
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Kind::Fixed(0));

    /// Reads an IANA name in any case. Errors: the given field and code, with the nearest name as a suggestion.
    pub fn parse(field: &str, code: &'static str, name: &str) -> Result<Self, Error> {
        let name = name.trim();
        match TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name)) {
            Some(Tz::UTC) => Ok(Self::UTC),
            Some(zone) => Ok(Self(Kind::Named(*zone))),
            None => Err(Error::new(field, code, unknown(name))),
        }
    }

    /// Clocks `minutes` behind UTC (UTC − local, as browsers give it). Errors: the given field and code past 18 hours.
    pub fn from_minutes_behind(field: &str, code: &'static str, minutes: i32) -> Result<Self, Error> {
        if minutes.unsigned_abs() > MAX_OFFSET_MINUTES.unsigned_abs() {
            return Err(Error::new(
                field,
                code,
                format!("must be minutes between -{MAX_OFFSET_MINUTES} and {MAX_OFFSET_MINUTES}, is {minutes}"),
            ));
        }
        Ok(Self(Kind::Fixed(-i64::from(minutes) * MINUTE_MS)))
    }

    /// `Europe/London`, `UTC`, `UTC+05:30`.
    pub fn name(&self) -> String {
        match self.0 {
            Kind::Named(zone) => zone.name().to_owned(),
            Kind::Fixed(0) => "UTC".to_owned(),
            Kind::Fixed(ms) => {
                let sign = if ms < 0 { '-' } else { '+' };
                let minutes = ms.abs() / MINUTE_MS;
                format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }

    /// How far the zone's wall clock is ahead of UTC at an instant, in milliseconds.
    pub fn offset_ms(&self, at: Millis) -> i64 {
        match self.0 {
            Kind::Fixed(ms) => ms,
            Kind::Named(zone) => {
                let at = at.clamp(Millis::EARLIEST, Millis::LATEST);
                let utc = DateTime::from_timestamp_millis(at.0).unwrap_or_default().naive_utc();
                i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * 1000
            }
        }
    }

    /// What the wall clock shows at an instant, with its distance from UTC: `2026-03-29T02:00:00+01:00`.
    pub fn wall_clock(&self, at: Millis) -> String {
        let minutes = self.offset_ms(at) / MINUTE_MS;
        let local = Millis(self.local(at)).to_rfc3339();
        let local = local.strip_suffix('Z').map_or(&*local, |local| local.strip_suffix(".000").unwrap_or(local));
        let sign = if minutes < 0 { '-' } else { '+' };
        format!("{local}{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
    }

    /// What the wall clock shows at an instant, as a local time.
    pub(crate) fn local(&self, at: Millis) -> i64 {
        at.after(self.offset_ms(at)).0
    }

    /// The first instant at which the wall clock shows a local time, or has passed it where clocks jump over it.
    pub(crate) fn first(&self, local_ms: i64) -> Millis {
        let zone = match self.0 {
            Kind::Fixed(ms) => return Millis(local_ms).after(-ms),
            Kind::Named(zone) => zone,
        };
        let naive: NaiveDateTime = to_naive(local_ms).unwrap_or_default();
        let before_utc = |offset_s: i32| Millis(local_ms).after(-i64::from(offset_s) * 1000);
        match zone.offset_from_local_datetime(&naive) {
            chrono::LocalResult::Single(offset) => before_utc(offset.fix().local_minus_utc()),
            chrono::LocalResult::Ambiguous(one, other) => {
                before_utc(one.fix().local_minus_utc()).min(before_utc(other.fix().local_minus_utc()))
            }
            chrono::LocalResult::None => self.end_of_gap(local_ms),
        }
    }

    fn end_of_gap(&self, local_ms: i64) -> Millis {
        let until = Millis(local_ms).after(FARTHEST_MS);
        let mut cursor = Millis(local_ms).after(-FARTHEST_MS);
        while let Some(change) = self.next_change(cursor, until) {
            if self.local(change) > local_ms {
                return change;
            }
            cursor = change;
        }
        Millis(local_ms).after(-self.offset_ms(cursor))
    }

    /// The instants in `[from, until)` from which on the clocks show something else, at most 10,000.
    pub fn changes(&self, from: Millis, until: Millis) -> Vec<Millis> {
        let next = |after: Millis| self.next_change(after, until.after(-1));
        std::iter::successors(next(from.after(-1)), |change| next(*change)).take(10_000).collect()
    }

    /// The first instant in `(from, until]` at which the clocks have changed.
    ///
    /// Looks once a day, so it would miss two opposite changes within 24 hours; no zone has ever had those.
    pub(crate) fn next_change(&self, from: Millis, until: Millis) -> Option<Millis> {
        if matches!(self.0, Kind::Fixed(_)) || until <= from {
            return None;
        }
        let offset = self.offset_ms(from);
        let mut before = from;
        while before < until {
            let probe = before.after(DAY_MS).min(until);
            if self.offset_ms(probe) != offset {
                return Some(self.bisect(before, probe, offset));
            }
            before = probe;
        }
        None
    }

    fn bisect(&self, mut same: Millis, mut changed: Millis, offset: i64) -> Millis {
        while changed.since(same) > 1 {
            let middle = same.after(changed.since(same) / 2);
            if self.offset_ms(middle) == offset {
                same = middle;
            } else {
                changed = middle;
            }
        }
        changed
    }
}

fn unknown(name: &str) -> String {
    if name.chars().count() > MAX_NAME_CHARS {
        return format!("is not an IANA time zone name (at most {MAX_NAME_CHARS} characters)");
    }
    match nearest(name) {
        Some(zone) => format!("{name:?} is not an IANA time zone name; did you mean {zone:?}?"),
        None => format!("{name:?} is not an IANA time zone name, such as \"Europe/London\" or \"UTC\""),
    }
}

/// The name that looks most like the text, compared with the whole name and with its last part, the city.
fn nearest(text: &str) -> Option<&'static str> {
    let wanted = text.to_lowercase().replace(' ', "_");
    let furthest = (wanted.chars().count() / 3).max(1);
    let distance = |name: &str| {
        let name = name.to_lowercase();
        let city = name.rsplit('/').next().unwrap_or_default();
        strsim::damerau_levenshtein(&wanted, &name).min(strsim::damerau_levenshtein(&wanted, city))
    };
    let candidates = TZ_VARIANTS.iter().map(|zone| (distance(zone.name()), zone.name()));
    let (best, name) = candidates.min_by_key(|(distance, _)| *distance)?;
    (best <= furthest && !wanted.is_empty()).then_some(name)
}

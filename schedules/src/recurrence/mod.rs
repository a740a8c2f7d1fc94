//! Recurring schedules: when is the next tick.
//!
//! Ticks have *nominal* times, and the next one is a function of the schedule and the last one alone. Days, weeks and
//! cron expressions with a fixed time of day follow the wall clock: a time that clocks jump over fires once, at the
//! first instant after the gap; one shown twice fires once, at the first. Minutes, hours and `every: "90s"` are real
//! time and know no wall clock; cron expressions with `*`, `/` or a full range in the hour, minute or second fire at
//! every instant whose wall-clock time matches, each once, in order.

mod cron;
mod cron_field;
mod cron_words;
mod describe;
mod parse;
mod pattern;
mod remark;

use crate::spread::spread;
use crate::{Error, Millis, Zone};
use pattern::Pattern;

/// How many ticks [`Recurrence::previous`] walks through before it looks for the last one by halves.
const WALKED: usize = 8;
/// The most ticks one call lists.
pub const MAX_LISTED: usize = 10_000;

/// A schedule as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RecurrenceSpec {
    /// `minute`, `hour`, `day`, `week`, or an interval such as `90s` or `2 h`.
    pub every: Option<String>,
    /// `HH:MM`, `HH:MM:SS` or an instant; from there `every` counts.
    pub at: Option<String>,
    /// The days of `every: week`.
    pub on: Vec<String>,
    /// A cron expression of 5 or 6 fields, seconds first, instead of `every`.
    pub cron: Option<String>,
    /// An IANA zone name; UTC if absent.
    pub timezone: Option<String>,
    /// No tick before this.
    pub start: Option<Millis>,
    /// No tick after this; one exactly then still fires.
    pub end: Option<Millis>,
    /// How much later than its nominal time a tick may fire.
    pub jitter_ms: u32,
}

/// A schedule that was read and understood.
#[derive(Clone, Debug)]
pub struct Recurrence {
    spec: RecurrenceSpec,
    zone: Zone,
    pattern: Pattern,
    /// The first instant at which it may fire.
    first: Millis,
}

impl Recurrence {
    /// Reads a schedule. Errors: field `schedule.<part>`, code `invalid_schedule`.
    pub fn parse(spec: &RecurrenceSpec) -> Result<Self, Error> {
        parse::recurrence(spec)
    }

    /// The schedule as it was written.
    pub fn spec(&self) -> &RecurrenceSpec {
        &self.spec
    }

    /// The first nominal time strictly later than `after`; `None` when the schedule has ended.
    pub fn next(&self, after: Millis) -> Option<Millis> {
        let after = after.max(self.first.after(-1)).max(Millis::EARLIEST);
        if after >= Millis::LATEST {
            return None;
        }
        let end = self.spec.end.unwrap_or(Millis::LATEST).min(Millis::LATEST);
        self.pattern.next(after, &self.zone).filter(|tick| *tick <= end)
    }

    /// The next `n` nominal times, at most [`MAX_LISTED`].
    pub fn next_n(&self, after: Millis, n: usize) -> Vec<Millis> {
        self.between(after, Millis::LATEST, n)
    }

    /// The nominal times in `(after, until]`, oldest first, at most `cap` and [`MAX_LISTED`].
    pub fn between(&self, after: Millis, until: Millis, cap: usize) -> Vec<Millis> {
        std::iter::successors(self.next(after), |tick| self.next(*tick))
            .take_while(|tick| *tick <= until)
            .take(cap.min(MAX_LISTED))
            .collect()
    }

    /// How many nominal times there are in `[first, last]`; `None` if they are more than `most` and must be counted one by
    /// one. Even intervals need not be.
    pub fn count(&self, first: Millis, last: Millis, most: u64) -> Option<u64> {
        let (from, until) = (self.next(first.after(-1)), self.previous(last, first));
        let (Some(from), Some(until)) = (from, until) else { return Some(0) };
        if let Pattern::Interval { every_ms, .. } = &self.pattern {
            return u64::try_from(until.since(from) / every_ms + 1).ok();
        }
        let mut counted = 1;
        let mut at = from;
        while at < until {
            at = self.next(at)?;
            counted += 1;
            if counted > most {
                return None;
            }
        }
        Some(counted)
    }

    /// The last nominal time in `[not_before, at_or_before]`, found without walking through those before it.
    pub fn previous(&self, at_or_before: Millis, not_before: Millis) -> Option<Millis> {
        let reaches = |from: Millis| self.next(from).filter(|tick| *tick <= at_or_before);
        let floor = not_before.after(-1);
        let mut step_ms = 1000;
        let mut low = at_or_before.after(-step_ms).max(floor);
        while reaches(low).is_none() {
            if low <= floor {
                return None;
            }
            step_ms = step_ms.saturating_mul(2);
            low = at_or_before.after(-step_ms).max(floor);
        }
        // Of a recurrence as even as most are there are one or two in reach.
        let mut found = reaches(low);
        for _ in 0..WALKED {
            match found.and_then(reaches) {
                None => return found,
                further => found = further,
            }
        }
        // From `low` on there is a tick in reach, from `high` on there is none.
        low = found.map_or(low, |found| found.after(-1)).max(floor);
        let mut high = at_or_before;
        while high.since(low) > 1 {
            let middle = low.after(high.since(low) / 2);
            if reaches(middle).is_some() {
                low = middle;
            } else {
                high = middle;
            }
        }
        reaches(low)
    }

    /// When a tick really fires: the same distance after each nominal time, below the jitter, for one seed.
    ///
    /// Seeded by the schedule, this keeps different schedules apart and the ticks of each one evenly spaced.
    pub fn jittered(&self, nominal: Millis, seed: &[u8]) -> Millis {
        let shift_ms = spread(seed, u64::from(self.spec.jitter_ms));
        nominal.after(i64::try_from(shift_ms).unwrap_or_default())
    }

    /// The zone whose wall clock it goes by.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// What a change of the clocks does to one of its ticks, in plain English; `None` if none does.
    pub fn remark(&self, nominal: Millis) -> Option<String> {
        remark::remark(self, nominal)
    }

    /// The schedule in plain English, such as `every day at 06:00 (Europe/London)`.
    pub fn describe(&self) -> String {
        describe::recurrence(self)
    }
}

//! The three shapes of a schedule, and the next tick of each.

use super::cron::Cron;
use crate::calendar::{DAY_MS, day_of, weekday_of};
use crate::days::Days;
use crate::{Millis, Zone};

/// When a schedule fires, apart from where it starts and ends.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// Evenly in real time, with a tick at `anchor`.
    Interval { every_ms: i64, anchor: Millis },
    /// On some days, at one time on the wall clock.
    Daily { days: Days, time_ms: i64 },
    /// As a cron expression says.
    Cron(Box<Cron>),
}

impl Pattern {
    /// The first tick strictly later than `after`.
    pub fn next(&self, after: Millis, zone: &Zone) -> Option<Millis> {
        match self {
            Self::Interval { every_ms, anchor } => {
                let passed = after.since(*anchor).div_euclid(*every_ms);
                Some(anchor.after((passed + 1).checked_mul(*every_ms)?))
            }
            Self::Daily { days, time_ms } => {
                // Two weeks, because the one day of a weekly schedule can be missing from the calendar.
                let today = day_of(zone.local(after));
                (today..today + 15)
                    .filter(|day| days.contains(weekday_of(*day)))
                    .map(|day| zone.first(day * DAY_MS + time_ms))
                    .find(|tick| *tick > after)
            }
            Self::Cron(cron) => cron.next(after, zone),
        }
    }
}

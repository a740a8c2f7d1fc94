//! The sliding window: remembers the newest `limit` admissions, and so never allows more in any interval.

use super::Rule;
use crate::Millis;

/// The answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may start; [`record`] it.
    Admit,
    /// It may not; nothing changes.
    Wait {
        /// The first instant at which it could, if nobody else is admitted until then.
        until: Millis,
    },
}

/// Tests one admission at `now` against the admissions so far, oldest first.
pub fn decide(log: &[Millis], now: Millis, rule: &Rule) -> Decision {
    match earliest(log, rule) {
        Some(until) if until > now => Decision::Wait { until },
        _ => Decision::Admit,
    }
}

/// Adds an admission, and forgets those that no longer matter.
pub fn record(log: &mut Vec<Millis>, at: Millis, rule: &Rule) {
    let place = log.partition_point(|earlier| *earlier <= at);
    log.insert(place, at);
    let keep = usize::try_from(rule.limit).unwrap_or(usize::MAX);
    log.drain(..log.len().saturating_sub(keep));
}

/// When the oldest of the newest `limit` admissions leaves the interval.
fn earliest(log: &[Millis], rule: &Rule) -> Option<Millis> {
    let limit = usize::try_from(rule.limit.max(1)).unwrap_or(usize::MAX);
    let oldest = log.get(log.len().checked_sub(limit)?)?;
    Some(oldest.after(i64::try_from(rule.interval_ms).unwrap_or(i64::MAX)))
}

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
    decide_weight(log, now, rule, 1)
}

/// The same of an admission that counts `weight` times.
pub(super) fn decide_weight(log: &[Millis], now: Millis, rule: &Rule, weight: u32) -> Decision {
    match earliest(log, rule, weight) {
        Some(until) if until > now => Decision::Wait { until },
        _ => Decision::Admit,
    }
}

/// How many admissions count at `now`.
pub(super) fn level(log: &[Millis], now: Millis, rule: &Rule) -> u32 {
    let interval = i64::try_from(rule.interval_ms).unwrap_or(i64::MAX);
    u32::try_from(log.iter().filter(|at| at.after(interval) > now).count()).unwrap_or(u32::MAX)
}

/// Adds an admission, and forgets those that no longer matter.
pub fn record(log: &mut Vec<Millis>, at: Millis, rule: &Rule) {
    let place = log.partition_point(|earlier| *earlier <= at);
    log.insert(place, at);
    let keep = usize::try_from(rule.limit).unwrap_or(usize::MAX);
    log.drain(..log.len().saturating_sub(keep));
}

/// When so many of the newest `limit` admissions have left the interval that there is room for `weight`.
fn earliest(log: &[Millis], rule: &Rule, weight: u32) -> Option<Millis> {
    let stay = usize::try_from(rule.limit.max(1).saturating_sub(weight) + 1).unwrap_or(usize::MAX);
    let oldest = log.get(log.len().checked_sub(stay)?)?;
    Some(oldest.after(i64::try_from(rule.interval_ms).unwrap_or(i64::MAX)))
}

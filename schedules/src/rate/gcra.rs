//! The leaky bucket as one timestamp (GCRA): the theoretical arrival time, TAT, at which the bucket will be empty.
//!
//! One admission takes `T = interval / limit` to drain; one may start while the TAT is at most `(burst − 1) × T`
//! ahead, and moves it on by `T`. As `T` is rarely a whole number of milliseconds, times here are pairs: whole
//! milliseconds, and a rest counted in `limit`ths of one. States are never rounded, so the bounds are exact, and no
//! number exceeds 10^14 for a [`Rule`] that passed its check.

use super::Rule;
use crate::Millis;

/// When the bucket will be empty: `ms + part / limit` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tat {
    /// Whole milliseconds since the epoch.
    pub ms: i64,
    /// `limit`ths of a millisecond, below `limit`.
    pub part: u32,
}

impl Tat {
    /// The first instant at which the bucket is empty: from then on its state need not be kept.
    pub fn empty_at(self) -> Millis {
        Millis(self.ms).after(i64::from(self.part > 0))
    }

    /// A part left over from a larger limit, before the rule was edited, counts as a whole millisecond.
    fn fitted(self, limit: u32) -> Self {
        if self.part < limit {
            return self;
        }
        Self { ms: self.empty_at().0, part: 0 }
    }
}

/// The answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may start; the bucket's new state.
    Admit {
        /// When the bucket will be empty.
        tat: Tat,
    },
    /// It may not; nothing changes.
    Wait {
        /// The first instant at which it could, if nobody else is admitted until then.
        until: Millis,
    },
}

/// Tests and charges one admission at `now`; `None` is an empty bucket.
pub fn decide(tat: Option<Tat>, now: Millis, rule: &Rule) -> Decision {
    let start = earliest(tat, rule, 1);
    if start <= now { Decision::Admit { tat: charge(tat, now, rule, 1) } } else { Decision::Wait { until: start } }
}

/// How many units are in the bucket, rounded up.
pub(super) fn level(tat: Option<Tat>, now: Millis, rule: &Rule) -> u32 {
    let Some(tat) = tat else { return 0 };
    let limit = rule.limit.max(1);
    let tat = tat.fitted(limit);
    let ahead = i128::from(tat.ms - now.0) * i128::from(limit) + i128::from(tat.part);
    let interval = i128::from(rule.interval_ms.max(1));
    u32::try_from(ahead.max(0).div_euclid(interval) + i128::from(ahead.max(0) % interval > 0)).unwrap_or(u32::MAX)
}

/// The first whole millisecond at which the bucket has room for `weight`: TAT − (burst − weight) × T, rounded up.
pub(super) fn earliest(tat: Option<Tat>, rule: &Rule, weight: u32) -> Millis {
    let Some(tat) = tat else {
        return Millis(i64::MIN);
    };
    let limit = rule.limit.max(1);
    let tat = tat.fitted(limit);
    let (ahead_ms, ahead_part) = times(rule, rule.burst().saturating_sub(weight));
    // `part` is below `limit`, so one borrowed millisecond is always enough; rounding up gives it back.
    let round_up = i64::from(tat.part > ahead_part);
    Millis(tat.ms.saturating_sub(ahead_ms)).after(round_up)
}

/// The state after an admission of `weight` at `start`: max(TAT, start) + weight × T.
pub(super) fn charge(tat: Option<Tat>, start: Millis, rule: &Rule, weight: u32) -> Tat {
    let limit = rule.limit.max(1);
    let from = Tat { ms: start.0, part: 0 };
    let from = tat.map_or(from, |tat| tat.fitted(limit).max(from));
    let (ms, part) = times(rule, weight);
    let parts = u64::from(from.part) + u64::from(part);
    let carry = parts >= u64::from(limit);
    Tat {
        ms: from.ms.saturating_add(ms).saturating_add(i64::from(carry)),
        part: u32::try_from(parts - if carry { u64::from(limit) } else { 0 }).unwrap_or_default(),
    }
}

/// `count × interval / limit` as whole milliseconds and a rest in `limit`ths.
pub fn times(rule: &Rule, count: u32) -> (i64, u32) {
    let limit = u64::from(rule.limit.max(1));
    let count = u64::from(count);
    let rests = count * (rule.interval_ms % limit);
    let whole = count.saturating_mul(rule.interval_ms / limit).saturating_add(rests / limit);
    (i64::try_from(whole).unwrap_or(i64::MAX), u32::try_from(rests % limit).unwrap_or_default())
}

//! Rate limits for the cases, and ways to change one, in a row.

use schedules::rate::{Algorithm, Limit, OnExceed, OnMissing, Rule};

use serde_json::json;

use super::{Sample, job};
use crate::queue::{Control, Grant, IfExists, Leased, NewJob, Refusal};

/// So many a second for the whole integration, at once or spread; the others are refused.
pub fn limit(limit: u32) -> Limit {
    let rule = Rule { limit, interval_ms: 1_000, burst: None, algorithm: Algorithm::LeakyBucket };
    Limit {
        rule,
        fields: vec![],
        on_exceed: OnExceed::Reject,
        on_missing: OnMissing::Skip,
        limiter: None,
        back_pressure: false,
    }
}

/// These limits and nothing else.
pub fn limited<const N: usize>(limits: [Limit; N]) -> Control {
    Control { limits: limits.to_vec(), ..Control::default() }
}

/// A job about somebody, which no other job about them replaces.
pub fn of(email: &str) -> NewJob {
    job(1).key(json!({ "email": email })).if_exists(IfExists::Beside)
}

/// Changes to a limit, in a row.
pub trait SampleLimit {
    /// Counted by these fields of the key.
    fn by(self, fields: &[&str]) -> Self;
    /// In this interval.
    fn per(self, interval_ms: u64) -> Self;
    /// So many at once.
    fn burst(self, burst: u32) -> Self;
    /// As a sliding window.
    fn sliding(self) -> Self;
    /// Those that find it full wait.
    fn delaying(self) -> Self;
    /// Those without the fields are refused.
    fn needing_fields(self) -> Self;
}

impl SampleLimit for Limit {
    fn by(mut self, fields: &[&str]) -> Self {
        self.fields = fields.iter().map(ToString::to_string).collect();
        self
    }

    fn per(mut self, interval_ms: u64) -> Self {
        self.rule.interval_ms = interval_ms;
        self
    }

    fn burst(mut self, burst: u32) -> Self {
        self.rule.burst = Some(burst);
        self
    }

    fn sliding(mut self) -> Self {
        self.rule.algorithm = Algorithm::SlidingWindow;
        self
    }

    fn delaying(mut self) -> Self {
        self.on_exceed = OnExceed::Delay;
        self
    }

    fn needing_fields(mut self) -> Self {
        self.on_missing = OnMissing::Reject;
        self
    }
}

/// Refused by the limit in this place, which has room in `retry_after_ms`.
pub fn refused(limit: usize, retry_after_ms: u64) -> Grant {
    Grant::Refused(Refusal { limit, retry_after_ms: Some(retry_after_ms) })
}

/// Refused by the limit in this place, whose field is missing.
pub fn refused_for_good(limit: usize) -> Grant {
    Grant::Refused(Refusal { limit, retry_after_ms: None })
}

/// What a claim says of each job, in their order.
pub fn grants(leased: &[Leased]) -> Vec<Grant> {
    leased.iter().map(|it| it.grant).collect()
}

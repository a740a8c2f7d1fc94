//! A rate limit's refusal in words: what the history keeps of it, and what callers are told.

use schedules::rate::Limit;
use serde::{Deserialize, Serialize};
use store::queue::Refusal;

use crate::settings::in_words;

/// Which rate limit refused a job, and when it would not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// The limit, as a reader would write it: `100 per 1h by email`.
    pub rule: String,
    /// In how many milliseconds there is room; `None`: never, the job's key lacks a field that the limit names.
    pub retry_after_ms: Option<u64>,
}

/// As it stands in a run's `error`, in the shape of a script's error.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    code: String,
    name: String,
    message: String,
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    retry_after_ms: Option<u64>,
}

impl Refused {
    /// The refusal of one of these limits; an edit since the claim may have moved them.
    pub(crate) fn by(limits: &[Limit], refusal: Refusal) -> Self {
        let rule = limits.get(refusal.limit).map_or_else(|| "a limit that was edited since".into(), in_words);
        Self { rule, retry_after_ms: refusal.retry_after_ms }
    }

    /// As a sentence.
    pub fn message(&self) -> String {
        let rule = &self.rule;
        match self.retry_after_ms {
            Some(ms) if ms < 1_000 => format!("the rate limit of {rule} is reached; there is room in {ms} ms"),
            Some(ms) => format!("the rate limit of {rule} is reached; there is room in {} s", ms.div_ceil(1_000)),
            None => format!("the key lacks a field that the rate limit of {rule} counts by"),
        }
    }

    /// As a run's error, in JSON.
    pub(crate) fn to_json(&self) -> String {
        let stored = Stored {
            code: "rate_limited".into(),
            name: "RateLimited".into(),
            message: self.message(),
            rule: self.rule.clone(),
            retry_after_ms: self.retry_after_ms,
        };
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// Reads a run's error.
    pub(crate) fn parse(error: &str) -> Option<Self> {
        let stored: Stored = serde_json::from_str(error).ok()?;
        Some(Self { rule: stored.rule, retry_after_ms: stored.retry_after_ms })
    }
}

#[cfg(test)]
mod tests {
    use schedules::rate::{Algorithm, OnExceed, OnMissing, Rule};
    use scripts::protocol::ScriptError;

    use super::*;

    #[test]
    fn a_refusal_says_which_rule_and_when() {
        let rule = Rule { limit: 100, interval_ms: 3_600_000, burst: None, algorithm: Algorithm::LeakyBucket };
        let (fields, on_exceed) = (vec!["email".to_owned()], OnExceed::Reject);
        let limits =
            [Limit { rule, fields, on_exceed, on_missing: OnMissing::Skip, limiter: None, back_pressure: false }];
        let check = |limit, retry_after_ms, expected: &str| {
            let refused = Refused::by(&limits, Refusal { limit, retry_after_ms });
            assert_eq!(refused.message(), expected);
            assert_eq!(Refused::parse(&refused.to_json()).as_ref(), Some(&refused), "what is stored can be read");
            let shown: ScriptError = serde_json::from_str(&refused.to_json()).expect("the shape of a script's error");
            assert_eq!((&*shown.code, &*shown.message), ("rate_limited", expected));
        };
        check(0, Some(36_001), "the rate limit of 100 per 1h by email is reached; there is room in 37 s");
        check(0, Some(100), "the rate limit of 100 per 1h by email is reached; there is room in 100 ms");
        check(0, None, "the key lacks a field that the rate limit of 100 per 1h by email counts by");
        check(7, Some(1), "the rate limit of a limit that was edited since is reached; there is room in 1 ms");
    }
}

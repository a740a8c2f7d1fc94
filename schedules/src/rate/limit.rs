//! A rule together with what it counts by: which bucket a job's key means, and what all rules of a job say together.

use super::{Admission, Algorithm, Bucket, Rule, State, admit};
use crate::{Key, Millis};

/// What happens to a job whose bucket is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnExceed {
    /// It is refused.
    #[default]
    Reject,
    /// It waits in line for room.
    Delay,
}

/// What happens to a job whose key lacks a field that the rule names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnMissing {
    /// The rule does not apply to it.
    #[default]
    Skip,
    /// It is refused.
    Reject,
}

/// A rate limit of an integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The arithmetic.
    pub rule: Rule,
    /// The fields of the key it counts by; none is the whole integration.
    pub fields: Vec<String>,
    /// What happens when it is full.
    pub on_exceed: OnExceed,
    /// What happens when a field is missing.
    pub on_missing: OnMissing,
}

/// What the rules say of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may start; the new states, in the order of the buckets.
    Start {
        /// One per bucket.
        states: Vec<State>,
    },
    /// It waits in line at the bucket that will be full longest; nothing is charged.
    Wait {
        /// The place of that bucket.
        place: usize,
        /// From when on it has room, if nobody else is admitted until then.
        until: Millis,
    },
    /// It may not start at all; nothing is charged.
    Refuse {
        /// The place of the first full bucket that refuses.
        place: usize,
        /// From when on it has room, if nobody else is admitted until then.
        until: Millis,
    },
}

impl Limit {
    /// What the rule counts a job with this key under: the canonical JSON (RFC 8785) of the named fields; `{}` for the
    /// whole integration, `None` if the key lacks one of them.
    pub fn subject(&self, key: Option<&Key>) -> Option<String> {
        subject(&self.fields, key)
    }
}

/// The canonical JSON of these fields of a key; `None` if it lacks one of them.
pub fn subject(fields: &[String], key: Option<&Key>) -> Option<String> {
    if fields.is_empty() {
        return Some("{}".into());
    }
    let key = key?;
    let part = fields.iter().map(|name| Some((name.clone(), key.field(name)?.clone()))).collect::<Option<_>>()?;
    Key::parse(&serde_json::Value::Object(part)).ok().map(|part| part.canonical().to_owned())
}

/// The name of the set of buckets of each limit, such as `l0`: rules of one algorithm that count by the same fields are
/// told apart by their order. With a subject it names one bucket of an integration. Editing a rule's numbers keeps its
/// buckets.
pub fn names(limits: &[Limit]) -> Vec<String> {
    let sorted = |limit: &Limit| {
        let mut fields = limit.fields.clone();
        fields.sort();
        fields.dedup();
        (limit.rule.algorithm, fields)
    };
    let kinds: Vec<_> = limits.iter().map(sorted).collect();
    let name = |(place, kind): (usize, &(Algorithm, Vec<String>))| {
        let earlier = kinds[..place].iter().filter(|earlier| *earlier == kind).count();
        let letter = match kind.0 {
            Algorithm::LeakyBucket => 'l',
            Algorithm::SlidingWindow => 's',
        };
        format!("{letter}{earlier}")
    };
    kinds.iter().enumerate().map(name).collect()
}

/// What all rules say of a job at `now`: refuse if a full one refuses, else wait if one is full, else start.
pub fn decide(now: Millis, buckets: &[(Bucket, OnExceed)]) -> Verdict {
    let plain: Vec<Bucket> = buckets.iter().map(|(bucket, _)| bucket.clone()).collect();
    let full = match admit(now, &plain) {
        Admission::Admit { states } => return Verdict::Start { states },
        Admission::Wait { full, .. } => full,
    };
    let until = |place: usize| plain[place].room_at(now);
    if let Some(&place) = full.iter().find(|place| buckets[**place].1 == OnExceed::Reject) {
        return Verdict::Refuse { place, until: until(place) };
    }
    // The first of those that are full longest.
    let place = full.into_iter().rev().max_by_key(|place| until(*place)).unwrap_or_default();
    Verdict::Wait { place, until: until(place) }
}

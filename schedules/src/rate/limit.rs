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

/// The id of a limiter: buckets that several integrations share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimiterId(pub u128);

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
    /// The limiter whose buckets it fills, as do all integrations that name it; `None`: its buckets are its own.
    pub limiter: Option<LimiterId>,
    /// Whether another server's `Retry-After` shuts the bucket.
    pub back_pressure: bool,
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
/// buckets. The name of a limiter's set says whose it is, and is the same for all integrations: `@`, 32 hexadecimal
/// digits, then as above.
pub fn names(limits: &[Limit]) -> Vec<String> {
    let sorted = |limit: &Limit| {
        let mut fields = limit.fields.clone();
        fields.sort();
        fields.dedup();
        (limit.rule.algorithm, fields, limit.limiter)
    };
    let kinds: Vec<_> = limits.iter().map(sorted).collect();
    let name = |(place, kind): (usize, &(Algorithm, Vec<String>, Option<LimiterId>))| {
        let earlier = kinds[..place].iter().filter(|earlier| *earlier == kind).count();
        let letter = match kind.0 {
            Algorithm::LeakyBucket => 'l',
            Algorithm::SlidingWindow => 's',
        };
        match kind.2 {
            None => format!("{letter}{earlier}"),
            Some(LimiterId(id)) => format!("@{id:032x}{letter}{earlier}"),
        }
    };
    kinds.iter().enumerate().map(name).collect()
}

/// The name under which what a limit as a whole did is counted: its buckets' name, and its fields.
pub fn total_name(name: &str, limit: &Limit) -> String {
    let mut fields: Vec<String> =
        limit.fields.iter().map(|field| serde_json::Value::from(field.as_str()).to_string()).collect();
    fields.dedup();
    format!("{name}[{}]", fields.join(","))
}

/// Whether a bucket of this name belongs to a limiter.
pub fn is_shared(name: &str) -> bool {
    name.starts_with('@')
}

/// The limiter that a bucket of this name belongs to.
pub fn limiter_of(name: &str) -> Option<LimiterId> {
    let digits = name.strip_prefix('@')?.get(..32)?;
    u128::from_str_radix(digits, 16).ok().map(LimiterId)
}

/// One that an operator paused refuses nobody.
fn refuses((bucket, on_exceed): &(Bucket, OnExceed)) -> bool {
    *on_exceed == OnExceed::Reject && !bucket.hold.paused
}

/// What all rules say of a job at `now`: refuse if a full one refuses, else wait if one is full, else start.
pub fn decide(now: Millis, buckets: &[(Bucket, OnExceed)]) -> Verdict {
    let plain: Vec<Bucket> = buckets.iter().map(|(bucket, _)| bucket.clone()).collect();
    let full = match admit(now, &plain) {
        Admission::Admit { states } => return Verdict::Start { states },
        Admission::Wait { full, .. } => full,
    };
    let until = |place: usize| plain[place].room_at(now);
    if let Some(&place) = full.iter().find(|place| refuses(&buckets[**place])) {
        return Verdict::Refuse { place, until: until(place) };
    }
    // The first of those that are full longest.
    let place = full.into_iter().rev().max_by_key(|place| until(*place)).unwrap_or_default();
    Verdict::Wait { place, until: until(place) }
}

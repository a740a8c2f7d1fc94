//! What an integration's rate limits say of one job.

use rusqlite::Connection;
use schedules::rate::{Bucket, Limit, OnExceed, OnMissing, Rule, State, Verdict, decide, names};
use schedules::{Key, Millis};

use super::bucket::Buckets;
use super::gate;
use super::step::Step;
use crate::queue::Refusal;
use crate::{IntegrationId, Result};

/// The limits of an integration.
pub(super) struct Rules {
    limits: Vec<Limit>,
    names: Vec<String>,
}

/// What they say.
pub(super) enum Answer {
    /// It may start, and is charged to these buckets.
    Start(Vec<Charge>),
    /// It may not.
    Refuse(Refusal),
    /// It waits in line at this bucket, which may have room then.
    Wait(String, Millis),
}

/// A new state of a bucket.
pub(super) struct Charge {
    pub(super) bucket: String,
    pub(super) state: State,
    pub(super) rule: Rule,
}

impl Rules {
    /// Those of a control.
    pub(super) fn new(limits: Vec<Limit>) -> Self {
        let names = names(&limits);
        Self { limits, names }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    /// Tests a job with this key. One that was let through a gate may pass the lines at others; all others queue up.
    pub(super) fn test(
        &self,
        step: &Step<'_>,
        buckets: &mut Buckets,
        key: Option<&Key>,
        let_through: bool,
    ) -> Result<Answer> {
        let applying = match self.applying(key) {
            Ok(applying) => applying,
            Err(limit) => return Ok(Answer::Refuse(Refusal { limit, retry_after_ms: None })),
        };
        let mut asked = Vec::with_capacity(applying.len());
        for (limit, name) in &applying {
            let Limit { rule, on_exceed, .. } = self.limits[*limit];
            asked.push((Bucket { rule, state: buckets.state(step.connection, name, rule.algorithm)? }, on_exceed));
        }
        let verdict = decide(step.now, &asked);
        let full = match verdict {
            Verdict::Refuse { place, until } => {
                let retry_after_ms = Some(until.since(step.now).unsigned_abs());
                return Ok(Answer::Refuse(Refusal { limit: applying[place].0, retry_after_ms }));
            }
            Verdict::Wait { place, until } => Some((until, place)),
            Verdict::Start { .. } => None,
        };
        let line = if let_through { None } else { self.longest_line(step.connection, buckets.integration, &applying)? };
        if let Some((until, place)) = full.into_iter().chain(line).max_by_key(|(until, _)| *until) {
            let (_, name) = applying.into_iter().nth(place).unwrap_or_default();
            return Ok(Answer::Wait(name, until));
        }
        let Verdict::Start { states } = verdict else { return Ok(Answer::Start(Vec::new())) };
        let charges = applying.into_iter().zip(states).map(|((limit, bucket), state)| {
            let rule = self.limits[limit].rule;
            Charge { bucket, state, rule }
        });
        Ok(Answer::Start(charges.collect()))
    }

    /// The limits that apply to a job with this key, each with its bucket's name; `Err` is one whose field is missing.
    fn applying(&self, key: Option<&Key>) -> std::result::Result<Vec<(usize, String)>, usize> {
        let mut applying = Vec::with_capacity(self.limits.len());
        for (place, (limit, name)) in self.limits.iter().zip(&self.names).enumerate() {
            match limit.subject(key) {
                Some(subject) => applying.push((place, format!("{name}{subject}"))),
                None if limit.on_missing == OnMissing::Reject => return Err(place),
                None => {}
            }
        }
        Ok(applying)
    }

    /// Of the buckets at which jobs wait in line, the one that opens last.
    fn longest_line(
        &self,
        connection: &Connection,
        integration: IntegrationId,
        applying: &[(usize, String)],
    ) -> Result<Option<(Millis, usize)>> {
        let mut longest = None;
        for (place, (limit, name)) in applying.iter().enumerate() {
            if self.limits[*limit].on_exceed == OnExceed::Delay
                && let Some(at) = gate::opens(connection, integration, name)?
            {
                longest = longest.max(Some((at, place)));
            }
        }
        Ok(longest)
    }

    /// The rule whose bucket, for a job with this key, has this name; `None` if no rule lets jobs wait there any more.
    pub(super) fn delaying(&self, key: Option<&Key>, bucket: &str) -> Option<Rule> {
        let (limit, _) = self.applying(key).ok()?.into_iter().find(|(_, name)| name == bucket)?;
        let limit = &self.limits[limit];
        (limit.on_exceed == OnExceed::Delay).then_some(limit.rule)
    }
}

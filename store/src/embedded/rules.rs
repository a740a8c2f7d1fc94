//! What an integration's rate limits say of one job.

use rusqlite::Connection;
use schedules::rate::{Bucket, Limit, OnExceed, OnMissing, Rule, State, Verdict, decide, names, total_name};
use schedules::{Key, Millis};

use super::bucket::Buckets;
use super::step::Step;
use super::{gate, refusals};
use crate::queue::{Refusal, owner_of};
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

/// What the limits ask of a job.
pub(super) struct Asked<'a> {
    pub(super) key: Option<&'a Key>,
    pub(super) weight: u32,
    /// Whether it was let through a gate.
    pub(super) let_through: bool,
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

    /// Tests a job. One that was let through a gate may pass the lines at others; all others queue up.
    pub(super) fn test(&self, step: &Step<'_>, buckets: &mut Buckets, job: Asked<'_>) -> Result<Answer> {
        let applying = match self.applying(job.key) {
            Ok(applying) => applying,
            Err(limit) => {
                self.count_refusal(step, buckets, (limit, None))?;
                return Ok(Answer::Refuse(Refusal { limit, retry_after_ms: None }));
            }
        };
        let mut asked = Vec::with_capacity(applying.len());
        for (limit, name) in &applying {
            let Limit { rule, on_exceed, .. } = self.limits[*limit];
            let (state, hold) = buckets.state(step.connection, name, rule.algorithm)?;
            asked.push((Bucket { rule, state, hold, weight: job.weight }, on_exceed));
        }
        let verdict = decide(step.now, &asked);
        let full = match verdict {
            Verdict::Refuse { place, until } => {
                let retry_after_ms = Some(until.since(step.now).unsigned_abs());
                let limit = applying[place].0;
                self.count_refusal(step, buckets, (limit, Some(&applying[place].1)))?;
                return Ok(Answer::Refuse(Refusal { limit, retry_after_ms }));
            }
            Verdict::Wait { place, until } => Some((until, place)),
            Verdict::Start { .. } => None,
        };
        let line =
            if job.let_through { None } else { self.longest_line(step.connection, buckets.integration, &applying)? };
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

    /// Tests a job that was charged before: only a bucket that is shut stops it.
    pub(super) fn test_charged(&self, step: &Step<'_>, buckets: &mut Buckets, key: Option<&Key>) -> Result<Answer> {
        let mut last = None;
        for (limit, name) in self.applying(key).unwrap_or_default() {
            let (_, hold) = buckets.state(step.connection, &name, self.limits[limit].rule.algorithm)?;
            if hold.ends() > step.now && last.as_ref().is_none_or(|(_, until)| hold.ends() > *until) {
                last = Some((name, hold.ends()));
            }
        }
        Ok(last.map_or_else(|| Answer::Start(Vec::new()), |(name, until)| Answer::Wait(name, until)))
    }

    fn count_refusal(&self, step: &Step<'_>, buckets: &Buckets, (limit, bucket): (usize, Option<&str>)) -> Result<()> {
        let rule = total_name(&self.names[limit], &self.limits[limit]);
        refusals::count(step.connection, step.now, (owner_of(buckets.integration, &rule), &rule, bucket))
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

    /// The limit whose bucket, for a job with this key, has this name; `None` if there is none any more.
    pub(super) fn limit_of(&self, key: Option<&Key>, bucket: &str) -> Option<&Limit> {
        let (limit, _) = self.applying(key).ok()?.into_iter().find(|(_, name)| name == bucket)?;
        self.limits.get(limit)
    }
}

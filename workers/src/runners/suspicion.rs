//! Who killed runners: integrations that did it twice run apart from others for a while, and jobs that may have done
//! it run alone the next time.

use std::collections::HashMap;
use std::time::Duration;

use store::{IntegrationId, JobId};
use tokio::time::Instant;

/// How long anything is remembered, from the last time it happened.
const MEMORY: Duration = Duration::from_secs(600);
/// An integration that killed so many runners runs apart.
const STRIKES: u32 = 2;

/// What is remembered. Bounded: there is an entry per killed runner, or per run that was in one, of ten minutes.
#[derive(Default)]
pub(super) struct Suspicion {
    strikes: HashMap<IntegrationId, (u32, Instant)>,
    suspects: HashMap<JobId, Instant>,
}

impl Suspicion {
    /// A run of this integration killed its runner, or made it necessary.
    pub(super) fn strike(&mut self, integration: IntegrationId, now: Instant) {
        self.forget(now);
        let (strikes, last) = self.strikes.entry(integration).or_insert((0, now));
        *strikes += 1;
        *last = now;
    }

    /// Whether its runs must be kept apart from those of others.
    pub(super) fn apart(&self, integration: IntegrationId, now: Instant) -> bool {
        let strikes = self.strikes.get(&integration);
        strikes.is_some_and(|(strikes, last)| *strikes >= STRIKES && now.duration_since(*last) < MEMORY)
    }

    /// A runner crashed with this job and others in it: any of them may be why.
    pub(super) fn suspect(&mut self, job: JobId, now: Instant) {
        self.forget(now);
        self.suspects.insert(job, now);
    }

    /// Whether it must run alone.
    pub(super) fn alone(&self, job: JobId, now: Instant) -> bool {
        self.suspects.get(&job).is_some_and(|since| now.duration_since(*since) < MEMORY)
    }

    /// It ran alone: what came of it is its own.
    pub(super) fn clear(&mut self, job: JobId) {
        self.suspects.remove(&job);
    }

    fn forget(&mut self, now: Instant) {
        self.strikes.retain(|_, (_, last)| now.duration_since(*last) < MEMORY);
        self.suspects.retain(|_, since| now.duration_since(*since) < MEMORY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::NOW;

    #[tokio::test]
    async fn two_strikes_keep_an_integration_apart_for_a_while() {
        let (mut suspicion, id, now) = (Suspicion::default(), IntegrationId::new(NOW), Instant::now());
        suspicion.strike(id, now);
        assert!(!suspicion.apart(id, now));
        suspicion.strike(id, now + MEMORY / 2);
        assert!(suspicion.apart(id, now + MEMORY));
        assert!(!suspicion.apart(IntegrationId::new(NOW), now));
        assert!(!suspicion.apart(id, now + MEMORY * 2));
        suspicion.strike(id, now + MEMORY * 2);
        assert!(!suspicion.apart(id, now + MEMORY * 2), "what was long ago does not count");
    }

    #[tokio::test]
    async fn a_suspect_runs_alone_once() {
        let (mut suspicion, job, now) = (Suspicion::default(), JobId::new(NOW), Instant::now());
        suspicion.suspect(job, now);
        assert!(suspicion.alone(job, now) && !suspicion.alone(JobId::new(NOW), now));
        suspicion.clear(job);
        assert!(!suspicion.alone(job, now));
    }
}

//! What happens to one claimed job: is it to run now, run it, and decide what becomes of it.

use std::sync::Arc;

use schedules::backoff::Retry;
use schedules::{Millis, Outside, Window};
use store::RunId;
use store::catalog::{Outcome, RunRecord};
use store::queue::{Job, Leased, Next, Settlement};
use tokio::sync::OwnedSemaphorePermit;

use super::attempt::Attempt;
use super::decide::Attempts;
use super::leases::{Abort, Held};
use super::record::{Outgoing, job_ended};
use super::{Ending, Verdict, decide};
use crate::{Entry, Event, Services, Version, invoke};

/// A claimed job on its way to a runner.
pub(crate) struct Claimed {
    pub leased: Box<Leased>,
    pub held: Held,
    /// Room in the worker, for as long as the job is under way.
    pub _permit: OwnedSemaphorePermit,
}

/// Runs a claimed job, or finds out why not, and writes down what became of it.
pub(crate) async fn process(services: Services, claimed: Claimed) {
    let Claimed { leased, held, _permit } = claimed;
    let now = services.clock.now();
    let settle = |next| Settlement { lease: held.lease, next };
    let outgoing = match plan(&services, &leased.job, now).await {
        Plan::Run(entry, version) => {
            let attempt =
                Attempt { run: RunId::new(now), job: leased.job, entry, version, number: leased.attempt, started: now };
            match run(&services, attempt, &held).await {
                Some(outgoing) => outgoing,
                None => return services.leases.release(held.lease),
            }
        }
        Plan::Later(due) => Outgoing { record: None, settlement: Some(settle(Next::Return { due })), last: false },
        Plan::Drop(record) => {
            Outgoing { record: record.map(|record| *record), settlement: Some(settle(Next::Remove)), last: true }
        }
    };
    services.recorder.write(outgoing).await;
}

enum Plan {
    Run(Arc<Entry>, Arc<Version>),
    /// Not before this time; no attempt is counted.
    Later(Millis),
    /// It will never run.
    Drop(Option<Box<RunRecord>>),
}

/// How long a job waits when the catalog cannot tell its release.
const UNKNOWN_RELEASE_PAUSE_MS: i64 = 5_000;

async fn plan(services: &Services, job: &Job, now: Millis) -> Plan {
    let Some(entry) = services.directory.by_id(job.integration) else {
        return Plan::Drop(None);
    };
    let window = job.window.as_ref().and_then(|spec| Window::parse(spec).ok());
    if let Some(window) = window.filter(|window| !window.is_open(now)) {
        let opens = invoke::opening(Some(&window), now, job.jitter_ms, job.id);
        return match (window.spec().outside, opens) {
            (Outside::Move, Ok(due)) => Plan::Later(due),
            _ => Plan::Drop(Some(Box::new(job_ended(&entry, job, Outcome::DroppedWindow, now)))),
        };
    }
    match services.directory.version(&entry, job.release).await {
        Ok(Some(version)) => Plan::Run(entry, version),
        Ok(None) => Plan::Drop(Some(Box::new(job_ended(&entry, job, Outcome::Cancelled, now)))),
        Err(error) => {
            tracing::warn!(job.id = %job.id, integration = &*entry.name, %error, "no release can be loaded; trying later");
            Plan::Later(now.after(UNKNOWN_RELEASE_PAUSE_MS))
        }
    }
}

/// Runs an attempt; `None` when somebody else has the job now.
async fn run(services: &Services, attempt: Attempt, held: &Held) -> Option<Outgoing> {
    let late_ms = u64::try_from(attempt.started.since(attempt.job.due)).unwrap_or(0);
    let integration = attempt.entry.name.clone();
    services.live.start(attempt.running());
    services.events.emit(Event::RunStarted { integration: integration.clone(), cause: attempt.cause(), late_ms });
    let (record, ending) = attempt.run(services, &held.token).await;
    match held.abort().filter(|abort| gives_up(*abort, record.outcome)) {
        Some(Abort::LeaseLost) => {
            tracing::warn!(job.id = %attempt.job.id, integration = &*integration, "the lease was lost; the run is ended");
            services.events.emit(Event::LeaseLost { integration });
            services.live.forget(attempt.run);
            None
        }
        Some(Abort::Drain) => {
            services.live.forget(attempt.run);
            let next = Next::Return { due: attempt.job.due };
            Some(Outgoing { record: None, settlement: Some(Settlement { lease: held.lease, next }), last: false })
        }
        None => Some(settled(services, &attempt, record, ending, held)),
    }
}

/// Whether a run that was told to end has no outcome: one that came to its end just before a drain has.
fn gives_up(abort: Abort, outcome: Outcome) -> bool {
    abort == Abort::LeaseLost || outcome == Outcome::Cancelled
}

fn settled(services: &Services, attempt: &Attempt, record: RunRecord, ending: Ending, held: &Held) -> Outgoing {
    let retry = &attempt.version.settings.retry;
    let verdict = verdict(&attempt.job, attempt.number, ending, retry, services.clock.now());
    let error = record.error.clone().unwrap_or_else(|| "null".into());
    let (next, last) = next(&attempt.job, verdict, error);
    Outgoing { record: Some(record), settlement: Some(Settlement { lease: held.lease, next }), last }
}

/// What becomes of a job whose attempt ended so.
pub(crate) fn verdict(job: &Job, made: u32, ending: Ending, retry: &Retry, now: Millis) -> Verdict {
    let attempts = Attempts { made, allowed: job.attempts.unwrap_or(retry.attempts), created: job.created };
    match decide(ending, attempts, retry, now, rand::random()) {
        // A retry respects the window as the first attempt did.
        Verdict::Retry(due) => {
            let window = job.window.as_ref().and_then(|spec| Window::parse(spec).ok());
            Verdict::Retry(invoke::opening(window.as_ref(), due, job.jitter_ms, job.id).unwrap_or(due))
        }
        verdict => verdict,
    }
}

/// The verdict as the queue is told it, and whether nothing more comes of the job. The caller of an execute knows of
/// its failure and repeats it or not: such a job is not kept as dead.
pub(crate) fn next(job: &Job, verdict: Verdict, error: String) -> (Next, bool) {
    match verdict {
        Verdict::Retry(due) => (Next::Retry { due, error: error.into() }, false),
        Verdict::Dead if job.attempts != Some(1) => (Next::Bury { error: error.into() }, true),
        Verdict::Done | Verdict::Dead => (Next::Remove, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_keeps_what_has_ended() {
        assert!(gives_up(Abort::Drain, Outcome::Cancelled));
        assert!(!gives_up(Abort::Drain, Outcome::Succeeded));
        assert!(gives_up(Abort::LeaseLost, Outcome::Succeeded));
    }
}

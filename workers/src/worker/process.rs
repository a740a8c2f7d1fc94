//! What happens to one claimed job: is it to run now, run it, and decide what becomes of it.

use schedules::Millis;
use schedules::backoff::Retry;
use store::catalog::{Outcome, RunRecord};
use store::queue::{Cause, Job, Leased, Next, Settlement};
use store::{RunId, ScheduleId};
use tokio::sync::OwnedSemaphorePermit;

use super::attempt::Attempt;
use super::decide::Attempts;
use super::leases::{Abort, Held};
use super::plan::{Plan, plan};
use super::record::Outgoing;
use super::{Ending, Verdict, decide};
use crate::invoke::Opening;
use crate::{Event, Services};

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
    // A store with a clock of its own says when a job is due; ours follows it, to a millisecond or two.
    let now = services.clock.now().max(leased.job.due);
    let end = |record: Option<Box<RunRecord>>, next, last| Outgoing {
        record: record.map(|record| *record),
        settlement: Some(Settlement { lease: held.lease, next }),
        last,
        tick: None,
    };
    let outgoing = match plan(&services, &leased, now).await {
        Plan::Run(entry, version) => {
            let attempt =
                Attempt { run: RunId::new(now), job: leased.job, entry, version, number: leased.attempt, started: now };
            match run(&services, attempt, &held).await {
                Some(outgoing) => outgoing,
                None => return services.leases.release(held.lease),
            }
        }
        Plan::Later(Opening { due, closes }) => end(None, Next::Return { due, closes }, false),
        Plan::Drop(record) => end(Some(record), Next::Remove, true),
        Plan::Bury(error) => end(None, Next::Bury { error: error.into() }, true),
    };
    services.recorder.write(outgoing).await;
}

/// An attempt that counts for nothing: the job goes back to the queue, unless somebody else has it now (`None`).
fn given_up(services: &Services, attempt: &Attempt, held: &Held) -> Option<Outgoing> {
    services.live.forget(attempt.run);
    if held.abort() == Some(Abort::LeaseLost) {
        let integration = attempt.entry.name.clone();
        tracing::warn!(job.id = %attempt.job.id, integration = &*integration, "the lease was lost; the run is ended");
        services.events.emit(Event::LeaseLost { integration });
        return None;
    }
    let next = Next::Return { due: attempt.job.due, closes: attempt.job.closes };
    Some(Outgoing { record: None, settlement: Some(Settlement { lease: held.lease, next }), last: false, tick: None })
}

/// Runs an attempt; `None` when somebody else has the job now.
async fn run(services: &Services, attempt: Attempt, held: &Held) -> Option<Outgoing> {
    let late_ms = u64::try_from(attempt.started.since(attempt.job.due)).unwrap_or(0);
    let integration = attempt.entry.name.clone();
    services.live.start(attempt.running());
    services.events.emit(Event::RunStarted { integration: integration.clone(), cause: attempt.cause(), late_ms });
    let Some((record, ending)) = attempt.run(services, &held.token).await else {
        tracing::info!(job.id = %attempt.job.id, integration = &*integration, "its runner died of another run: runs again");
        return given_up(services, &attempt, held);
    };
    match held.abort().filter(|abort| gives_up(*abort, record.outcome)) {
        Some(_) => given_up(services, &attempt, held),
        None => Some(settled(services, &attempt, record, ending, held)),
    }
}

/// Whether a run that was told to end has no outcome: one that came to its end just before a drain has.
fn gives_up(abort: Abort, outcome: Outcome) -> bool {
    abort == Abort::LeaseLost || outcome == Outcome::Cancelled
}

fn settled(services: &Services, attempt: &Attempt, record: RunRecord, ending: Ending, held: &Held) -> Outgoing {
    let retry = &attempt.version.settings.retry;
    let verdict = verdict(&attempt.job, attempt.number, ending, retry, services.clock.now(), rand::random());
    let error = record.error.clone().unwrap_or_else(|| "null".into());
    let (next, last) = next(&attempt.job, verdict, error);
    Outgoing {
        record: Some(record),
        settlement: Some(Settlement { lease: held.lease, next }),
        last,
        tick: counted(&attempt.job),
    }
}

/// The schedule that counts how a job ended: a backfill is not what pauses a schedule.
pub(crate) fn counted(job: &Job) -> Option<ScheduleId> {
    let counts = job.is_tick() && job.cause != Cause::Backfill;
    counts.then(|| job.schedule().schedule)
}

/// What becomes of a job whose attempt ended so; `roll` (0 to 1) is the chance in the pause's jitter.
pub fn verdict(job: &Job, made: u32, ending: Ending, retry: &Retry, now: Millis, roll: f64) -> Verdict {
    let attempts = Attempts { made, allowed: job.attempts.unwrap_or(retry.attempts), created: job.created };
    decide(ending, attempts, retry, now, roll, |at| Opening::of(job, at).unwrap_or_else(|_| Opening::always(at)))
}

/// The verdict as the queue is told it, and whether nothing more comes of the job. The caller of an execute knows of
/// its failure and repeats it or not: such a job is not kept as dead.
pub fn next(job: &Job, verdict: Verdict, error: String) -> (Next, bool) {
    match verdict {
        Verdict::Retry(Opening { due, closes }) => (Next::Retry { due, closes, error: error.into() }, false),
        Verdict::Dead if job.attempts != Some(1) => (Next::Bury { error: error.into() }, true),
        Verdict::Done | Verdict::Dead => (Next::Remove, true),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use store::catalog::Trigger;
    use store::queue::{Claim, Grant, IfExists, Inspect, NewJob, Queue, Refusal};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::live::Update;
    use crate::world::{NOW, World, job};

    #[tokio::test]
    async fn a_refused_job_leaves_the_queue_with_a_record_and_makes_room_at_once() {
        let world = World::open().await;
        let services = &world.services;
        let entry = world.released("hello", Trigger::Experience, &json!({})).await;
        let job = job(entry.id, Cause::Manual);
        let new = NewJob { job: job.clone(), if_exists: IfExists::Replace, idempotency: None };
        services.queue.enqueue(vec![new]).await.expect("queued");
        let claimed = services.queue.claim(Claim { limit: 1, lease_ms: 30_000 }).await.expect("claimed");
        let mut leased = Box::new(claimed.jobs.into_iter().next().expect("the job"));
        leased.grant = Grant::Refused(Refusal { limit: 0, retry_after_ms: Some(1) });

        let room = Arc::new(Semaphore::new(1));
        let permit = room.clone().try_acquire_owned().expect("room");
        let held = services.leases.hold(leased.lease);
        let mut updates = services.live.follow_all();
        process(services.clone(), Claimed { leased, held, _permit: permit }).await;
        assert_eq!(room.available_permits(), 1);
        services.recorder.flush().await;
        assert!(services.queue.get(job.id).await.expect("a look").is_none() && services.leases.all().is_empty());
        let record = services.catalog.latest_run_of(job.id).await.expect("a look").expect("a record");
        assert_eq!((record.outcome, record.started, record.finished), (Outcome::RateLimited, None, NOW));
        let heard = updates.next().await.expect("an update");
        assert!(matches!(heard, Update::Finished(ended) if ended.id == record.id), "and no run started");
    }

    #[test]
    fn a_drain_keeps_what_has_ended() {
        assert!(gives_up(Abort::Drain, Outcome::Cancelled));
        assert!(!gives_up(Abort::Drain, Outcome::Succeeded));
        assert!(gives_up(Abort::LeaseLost, Outcome::Succeeded));
    }
}

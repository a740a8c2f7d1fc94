//! A worker: claim, run, decide, settle, with the decisions of `workers` and runs that only take time.

use std::sync::Arc;

use schedules::Millis;
use store::queue::{Claim, Claimed, Grant, Leased, Next, Queue, Settlement};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use workers::invoke::Opening;
use workers::worker::{Ending, is_open, next, reopening, verdict};

use super::process::{Abort, Process};

/// The most jobs one claim takes.
const BATCH: usize = 64;
/// The pause after a failed claim.
const PAUSE_MS: i64 = 500;
/// How long a stopping process lets its runs go on.
const GRACE_MS: i64 = 1_000;

/// Works until it is told to stop; then lets its runs end for a while, gives the rest back, and ends.
pub async fn work(process: Arc<Process>) {
    let (sim, world) = (&process.world.sim, &process.world);
    if sim.chance(0.2) {
        sim.spawn(process.pid, tell_to_stop(process.clone(), sim.between(5_000..=60_000)));
    }
    claim(&process, usize::try_from(sim.between(1..=6)).unwrap_or(1)).await;
    sim.sleep(GRACE_MS).await;
    process.give_back_all();
    while !process.is_idle() {
        sim.sleep(100).await;
    }
    world.books.with(|ledger| ledger.count("process: stopped"));
    sim.kill(process.pid);
}

async fn tell_to_stop(process: Arc<Process>, after_ms: i64) {
    process.world.sim.sleep(after_ms).await;
    process.world.sim.note(&process.who(), "is told to stop");
    process.stop.cancel();
}

/// Claims as fast as there is room; woken by changes and by time alone.
async fn claim(process: &Arc<Process>, slots: usize) {
    let (sim, lease_ms, stop) = (&process.world.sim, process.world.lease_ms, &process.stop);
    let room = Arc::new(Semaphore::new(slots));
    while let Some(Ok(first)) = stop.run_until_cancelled(room.clone().acquire_owned()).await {
        let mut permits = first;
        let more = u32::try_from(room.available_permits().min(BATCH - 1)).unwrap_or(0);
        if let Ok(more) = room.clone().try_acquire_many_owned(more) {
            permits.merge(more);
        }
        match process.queue.claim(Claim { limit: permits.num_permits(), lease_ms }).await {
            Err(_) => drop(stop.run_until_cancelled(sim.sleep(PAUSE_MS)).await),
            Ok(Claimed { jobs, next_due }) if jobs.is_empty() => {
                drop(permits);
                stop.run_until_cancelled(wait(process, next_due)).await;
            }
            Ok(Claimed { jobs, .. }) => {
                for leased in jobs {
                    let Some(permit) = permits.split(1) else { break };
                    let token = process.hold(leased.lease);
                    sim.spawn(process.pid, run(process.clone(), leased, token, permit));
                }
            }
        }
    }
}

async fn wait(process: &Process, next_due: Option<Millis>) {
    let time = async {
        match next_due {
            Some(due) => process.world.sim.sleep_until(due).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = time => {}
        () = process.queue.wait(None) => {}
    }
}

/// What happens to one claimed job.
async fn run(process: Arc<Process>, leased: Leased, token: CancellationToken, _permit: OwnedSemaphorePermit) {
    let (world, sim) = (&process.world, &process.world.sim);
    sim.step().await;
    let job = &leased.job;
    let next = match leased.grant {
        Grant::Refused(_) => Next::Remove,
        Grant::Closed => moved(reopening(job, sim.now())),
        Grant::Start if !is_open(job, sim.now()) => moved(reopening(job, sim.now())),
        Grant::Start => {
            let held = world.books.with(|ledger| ledger.holds(leased.lease));
            world.books.with(|ledger| ledger.count(if held { "run" } else { "run: lease lost before" }));
            let ending = attempt(&process, &leased, &token).await;
            match process.abort(leased.lease) {
                Some(Abort::LeaseLost) => {
                    world.books.with(|ledger| ledger.count("run: lease lost"));
                    return process.release(leased.lease);
                }
                Some(Abort::Drain) if ending.is_none() => Next::Return { due: job.due, closes: job.closes },
                _ => decided(&process, &leased, ending.unwrap_or(Ending::Returned)),
            }
        }
    };
    let _ended = process.outgoing.send(Settlement { lease: leased.lease, next }).await;
}

fn moved(opening: Option<Opening>) -> Next {
    opening.map_or(Next::Remove, |Opening { due, closes }| Next::Return { due, closes })
}

/// Takes its time; `None` if it is ended from outside.
async fn attempt(process: &Process, leased: &Leased, token: &CancellationToken) -> Option<Ending> {
    let (sim, lease_ms) = (&process.world.sim, i64::from(process.world.lease_ms));
    let longest = sim.one_of(&[0, 20, 20, 300, 300, 2_000, lease_ms * 2]);
    let ending = match sim.between(0..=9) {
        0 => Ending::Threw { retry_after_ms: Some(sim.between(0..=3_000).unsigned_abs()) },
        1 | 2 => Ending::Threw { retry_after_ms: None },
        3 => Ending::TimedOut,
        4 if sim.chance(0.3) => Ending::Hopeless,
        _ => Ending::Returned,
    };
    // Some jobs are the death of their worker.
    if leased.job.payload.contains("poison") && process.world.is_active() && sim.chance(0.7) {
        sim.note(&process.who(), "is poisoned");
        sim.kill(process.pid);
        return std::future::pending().await;
    }
    tokio::select! {
        biased;
        () = token.cancelled() => None,
        () = sim.sleep(sim.between(0..=longest)) => Some(ending),
    }
}

fn decided(process: &Process, leased: &Leased, ending: Ending) -> Next {
    let (sim, job) = (&process.world.sim, &leased.job);
    let settings = process.world.entry(job.integration).settings;
    let verdict = verdict(job, leased.attempt, ending, &settings.retry, sim.now(), sim.roll());
    next(job, verdict, format!("\"{ending:?}\"")).0
}

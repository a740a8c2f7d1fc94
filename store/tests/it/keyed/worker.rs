//! A worker that claims as fast as it can, and notes what it got.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::Rng;
use rand::rngs::StdRng;
use schedules::{Clock, ManualClock};
use store::JobId;
use store::queue::{Claim, Inspect, Job, Leased, Next, Queue, Settled, Settlement};

use super::Counter;
use super::model::{Log, Start};

const LEASE_MS: u32 = 1_000_000_000;

/// What a job's payload says.
pub fn payload(job: &Job) -> u64 {
    job.payload.parse().expect("a number")
}

/// Works until it is over and nothing is left.
pub async fn work<Q: Queue + Inspect>(
    queue: Q,
    clock: Arc<ManualClock>,
    counter: Arc<Counter>,
    is_over: Arc<AtomicBool>,
    mut random: StdRng,
) -> Log {
    let mut log = Log::new();
    loop {
        let ends = is_over.load(Ordering::SeqCst);
        let limit = random.random_range(1..64);
        let (claimed, span) = counter.time(queue.claim(Claim { limit, lease_ms: LEASE_MS })).await;
        let now = clock.now();
        for it in &claimed.jobs {
            let start = Start { span, payload: payload(&it.job), due: it.job.due, now, settled: None };
            log.entry(it.job.id).or_default().push(start);
        }
        if !claimed.jobs.is_empty() {
            settle(&queue, &counter, &mut log, &claimed.jobs, ends, now, &mut random).await;
        } else if ends {
            match claimed.next_due {
                // Never back: another worker may have read it.
                Some(_) => clock.advance(1),
                None => return log,
            }
        } else {
            tokio::task::yield_now().await;
        }
    }
}

async fn settle<Q: Queue + Inspect>(
    queue: &Q,
    counter: &Counter,
    log: &mut Log,
    jobs: &[Leased],
    ends: bool,
    now: schedules::Millis,
    random: &mut StdRng,
) {
    let mut next = |_: &Leased| match random.random_range(0..20) {
        0..4 if !ends => Next::Retry { due: now.after(random.random_range(0..40)), closes: None, error: "1".into() },
        4 => Next::Bury { error: "1".into() },
        _ => Next::Remove,
    };
    let settlements: Vec<_> = jobs.iter().map(|it| Settlement { lease: it.lease, next: next(it) }).collect();
    let back: Vec<(JobId, bool)> =
        settlements.iter().map(|it| (it.lease.job, matches!(it.next, Next::Retry { .. }))).collect();
    let (settled, span) = counter.time(queue.settle(settlements)).await;
    assert!(settled.iter().all(|answer| *answer == Settled::Applied), "the lease lasts");
    for (job, back) in back {
        let start = log.get_mut(&job).and_then(|starts| starts.last_mut()).expect("it was claimed here");
        start.settled = Some((span, back));
    }
}

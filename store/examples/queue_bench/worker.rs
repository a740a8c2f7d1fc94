//! A worker as the program has one (workers/src/worker): claims as there is room, spawns each job, and settles in
//! batches; its handler does nothing but what a measurement wants to know.

use std::sync::Arc;

use schedules::{Clock, SystemClock};
use store::catalog::{Catalog, Outcome as Ended, RunRecord};
use store::queue::{Claim, Leased, Next, Queue, Settlement};
use store::redis::Redis;
use store::{JobId, RunId};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::Outcome;

/// Jobs under way at once.
const SLOTS: usize = 256;
/// The most jobs of a claim, and of a call that settles: the program's numbers.
const CLAIM: usize = 64;
const SETTLE: usize = 256;
const BACKLOG: usize = 1_024;
pub const LEASE_MS: u32 = 30_000;

/// What a handler does.
pub type Handler = Arc<dyn Fn(&Leased) + Send + Sync>;

pub fn no_op() -> Handler {
    Arc::new(|_| {})
}

/// Works until `jobs` have been settled; with a catalog, each one's run is recorded before.
pub async fn work_off(queue: Redis, jobs: u64, handler: Handler, history: Option<Catalog>) -> Outcome<()> {
    let (done, ended) = watch::channel(false);
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let claimer = tokio::spawn(claim(queue.clone(), handler, sender, ended));
    settle(queue, jobs, receiver, history).await?;
    done.send_replace(true);
    claimer.await?
}

async fn claim(
    queue: Redis,
    handler: Handler,
    ran: mpsc::Sender<Leased>,
    mut ended: watch::Receiver<bool>,
) -> Outcome<()> {
    let room = Arc::new(Semaphore::new(SLOTS));
    loop {
        let mut permits = tokio::select! {
            permit = room.clone().acquire_owned() => permit?,
            _ = ended.wait_for(|ended| *ended) => return Ok(()),
        };
        let more = u32::try_from(room.available_permits().min(CLAIM - 1))?;
        if let Ok(more) = room.clone().try_acquire_many_owned(more) {
            permits.merge(more);
        }
        let claimed = queue.claim(Claim { limit: permits.num_permits(), lease_ms: LEASE_MS }).await?;
        if claimed.jobs.is_empty() {
            drop(permits);
            tokio::select! {
                () = queue.wait(claimed.next_due) => {}
                _ = ended.wait_for(|ended| *ended) => return Ok(()),
            }
            continue;
        }
        for leased in claimed.jobs {
            let Some(permit) = permits.split(1) else { break };
            let (handler, ran) = (Arc::clone(&handler), ran.clone());
            tokio::spawn(async move {
                handler(&leased);
                let _gone = ran.send(leased).await;
                drop(permit);
            });
        }
    }
}

async fn settle(queue: Redis, jobs: u64, mut ran: mpsc::Receiver<Leased>, history: Option<Catalog>) -> Outcome<()> {
    let (mut settled, mut batch) = (0, Vec::with_capacity(SETTLE));
    while settled < jobs {
        settled += ran.recv_many(&mut batch, SETTLE).await as u64;
        if let Some(catalog) = &history {
            catalog.record(batch.iter().map(record).collect()).await?;
        }
        queue.settle(batch.drain(..).map(removed).collect()).await?;
    }
    Ok(())
}

pub fn removed(leased: Leased) -> Settlement {
    Settlement { lease: leased.lease, next: Next::Remove }
}

fn record(leased: &Leased) -> RunRecord {
    let now = SystemClock.now();
    let job = &leased.job;
    RunRecord {
        id: RunId::new(now),
        job: JobId(job.id.0),
        integration: job.integration,
        workspace: "default".into(),
        integration_name: "reminder-email".into(),
        release: None,
        cause: job.cause,
        attempt: leased.attempt,
        outcome: Ended::Succeeded,
        queued: job.created,
        due: job.due,
        started: Some(now),
        finished: now,
        key: None,
        result: Some("null".into()),
        error: None,
        logs: Vec::new(),
    }
}

//! Takes due jobs out of the queue as fast as there is room to run them.

use std::time::Duration;

use store::queue::{Claim, Queue};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::Claimed;
use crate::Services;

/// The most jobs one claim takes: enough to hide the commit, few enough to share between processes.
const BATCH: usize = 64;
/// The pause after a failed claim.
const PAUSE: Duration = Duration::from_millis(500);

/// Claims until `stop`; closing `jobs` is what ends the worker.
pub(crate) async fn until_stopped(services: &Services, jobs: mpsc::Sender<Claimed>, stop: &CancellationToken) {
    let room = services.room.slots();
    while let Some(Ok(first)) = stop.run_until_cancelled(room.clone().acquire_owned()).await {
        let mut permits = first;
        if let Ok(more) = room.clone().try_acquire_many_owned(more(&room)) {
            permits.merge(more);
        }
        let claim = Claim { limit: permits.num_permits(), lease_ms: services.options.lease_ms };
        let claimed = match services.queue.claim(claim).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "claiming failed; trying again");
                stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                continue;
            }
        };
        if claimed.jobs.is_empty() {
            drop(permits);
            stop.run_until_cancelled(services.queue.wait(claimed.next_due)).await;
            continue;
        }
        for leased in claimed.jobs {
            let Some(permit) = permits.split(1) else { break };
            let held = services.leases.hold(leased.lease);
            if jobs.send(Claimed { leased: Box::new(leased), held, _permit: permit }).await.is_err() {
                return;
            }
        }
    }
}

fn more(room: &Semaphore) -> u32 {
    u32::try_from(room.available_permits().min(BATCH - 1)).unwrap_or(0)
}

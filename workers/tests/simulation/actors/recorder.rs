//! Writes outcomes down: first into the history, then into the queue, again and again while that does not answer.

use std::sync::Arc;

use store::queue::{Queue, Settlement};
use tokio::sync::mpsc;

use super::process::Process;
use crate::witness::may_try_again;

const BATCH: usize = 256;
/// As often as this a failing queue is tried again: 50 ms doubling to 5 s.
const TRIES: u32 = 16;
const SHORTEST_MS: i64 = 50;
const LONGEST_MS: i64 = 5_000;

/// Writes until the process ends.
pub async fn write(process: Arc<Process>, mut settlements: mpsc::Receiver<Settlement>) {
    let mut batch = Vec::with_capacity(BATCH);
    while settlements.recv_many(&mut batch, BATCH).await > 0 {
        let batch = std::mem::take(&mut batch);
        process.world.sim.step().await;
        for settlement in &batch {
            process.world.books.with(|ledger| ledger.recorded(settlement.lease.job));
        }
        settle(&process, &batch).await;
        for settlement in &batch {
            process.release(settlement.lease);
        }
    }
}

/// Gives up in the end: then the leases run out, and others take the jobs.
async fn settle(process: &Process, batch: &[Settlement]) {
    let mut pause_ms = SHORTEST_MS;
    for _ in 0..TRIES {
        match process.queue.settle(batch.to_vec()).await {
            Err(error) if may_try_again(&error) => process.world.sim.sleep(pause_ms).await,
            _ => return,
        }
        pause_ms = (pause_ms * 2).min(LONGEST_MS);
    }
}

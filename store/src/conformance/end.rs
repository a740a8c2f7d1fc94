//! wait_for_end: until a job may have left the queue.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::queue::{Inspect, NewJob, Next, Queue};

/// A wait that nobody ends takes a second; one that ends before its time need not wait for it.
const A_SECOND: Duration = Duration::from_millis(1_500);

fn awaited() -> NewJob {
    let mut new = job(1);
    new.job.awaited = true;
    new
}

/// The wait is over when the job has left, or soon after.
pub async fn comes_with_the_end<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(awaited()).await;
    let mut waiting = pin!(t.queue.wait_for_end(leased.job.id));
    // Begun before the end; it may return for no reason.
    if timeout(Duration::ZERO, &mut waiting).await.is_ok() {
        return;
    }
    t.settle(leased.lease, Next::Remove).await;
    timeout(A_SECOND, waiting).await.expect("the end ends the wait");
}

/// It is over in a second in any case: for a job that goes on running, and for one that the queue never held.
pub async fn comes_in_any_case<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(awaited()).await;
    for id in [leased.job.id, job(1).job.id] {
        timeout(A_SECOND, t.queue.wait_for_end(id)).await.expect("it does not wait for ever");
    }
}

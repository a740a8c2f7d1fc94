//! enqueue with [`IfExists::Singleton`]: of all jobs with a key there is one, pending or running.

use serde_json::json;

use super::*;
use crate::JobId;
use crate::queue::{Enqueued, IfExists, Inspect, NewJob, Next, Queue};

fn call() -> NewJob {
    job(1).key(json!({"k": 1})).if_exists(IfExists::Singleton)
}

fn kept(existing: JobId, due: i64) -> Enqueued {
    Enqueued::Kept { existing, due: at(due) }
}

/// A pending job is kept, however it was put in.
pub async fn keeps_the_pending_job<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(job(1).key(json!({"k": 1})).due(500)).await;
    assert_eq!(t.put_any(call()).await, kept(id, 500));
}

/// So is a running one.
pub async fn keeps_the_running_job<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1).key(json!({"k": 1}))).await;
    assert_eq!(t.put_any(call()).await, kept(leased.job.id, 0));
    t.clock.set(at(i64::from(LEASE_MS) + 5));
    assert_eq!(t.put_any(call()).await, kept(leased.job.id, 0), "its lease ran out, its work may go on");
}

/// Through all its attempts, until its end; then the next call makes a job.
pub async fn keeps_it_until_its_end<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(call()).await;
    let id = leased.job.id;
    t.settle(leased.lease, retry(0)).await;
    assert_eq!(t.put_any(call()).await, kept(id, 0));
    let again = t.claim_one().await;
    assert_eq!((again.job.id, t.put_any(call()).await), (id, kept(id, 0)));
    t.settle(again.lease, Next::Remove).await;
    t.dead(call()).await;
    t.put(call()).await;
}

/// Others do not count: other keys, other integrations, jobs beside their key.
pub async fn tells_jobs_apart<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.running(job(1).key(json!({"k": 2}))).await;
    t.running(job(2).key(json!({"k": 1}))).await;
    t.running(job(1).key(json!({"k": 1})).if_exists(IfExists::Beside)).await;
    t.running(job(1)).await;
    t.put(call()).await;
}

/// Of calls in one batch the first makes the job.
pub async fn holds_within_a_batch<Q: Queue + Inspect>(t: Fresh<Q>) {
    let batch = vec![call(), call(), call()];
    let id = batch[0].job.id;
    let answers = t.queue.enqueue(batch).await.expect("enqueue answers");
    assert_eq!(answers, [Enqueued::Created, kept(id, 0), kept(id, 0)]);
}

/// Of many calls at once one makes the job.
pub async fn holds_for_calls_at_once<Q: Queue + Inspect>(t: Fresh<Q>) {
    let calls = (0..20).map(|_| t.put_any(call()));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Enqueued::Created).count(), 1);
}

//! control: what holds an integration's jobs back.

use serde_json::json;

use super::*;
use crate::queue::{Control, Inspect, Next, Queue, Selector};

fn free() -> Control {
    Control::default()
}

/// It comes back as it was set; without a word nothing is held.
pub async fn comes_back<Q: Queue + Inspect>(t: Fresh<Q>) {
    assert_eq!(t.queue.control_of(integration(1)).await.expect("control_of answers"), free());
    for control in [paused(), at_once(3), Control { paused: true, ..at_once(0) }, free()] {
        t.control(1, control.clone()).await;
        assert_eq!(t.queue.control_of(integration(1)).await.expect("control_of answers"), control);
    }
    assert_eq!(t.queue.control_of(integration(2)).await.expect("control_of answers"), free());
}

/// A paused integration's jobs are not claimed; others are.
pub async fn pauses<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1)).await;
    let other = t.put(job(2)).await;
    t.control(1, paused()).await;
    t.put(job(1)).await;
    assert_eq!(ids(&t.claim(10).await.jobs), [other]);
}

/// Resumed, they are claimed.
pub async fn resumes<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, paused()).await;
    t.put(job(1)).await;
    assert_eq!(t.claim(10).await.jobs, []);
    t.control(1, free()).await;
    assert_eq!(t.claim(10).await.jobs.len(), 1);
}

/// A paused integration's jobs are still replaced, found and cancelled.
pub async fn leaves_paused_jobs_reachable<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, paused()).await;
    t.put(job(1).key(json!({"k": 1}))).await;
    let cancelled = t.queue.cancel(integration(1), Selector::All).await.expect("cancel answers");
    assert_eq!(cancelled.jobs.len(), 1);
}

/// A pause does not touch what is running.
pub async fn leaves_running_jobs<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    t.control(1, paused()).await;
    assert_eq!(t.settle(leased.lease, Next::Remove).await, crate::queue::Settled::Applied);
}

/// At most `concurrency` jobs are claimed at once, in one claim or in many.
pub async fn limits_concurrency<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, at_once(2)).await;
    for _ in 0..5 {
        t.put(job(1)).await;
    }
    assert_eq!(t.claim(1).await.jobs.len(), 1);
    assert_eq!(t.claim(10).await.jobs.len(), 1);
    assert_eq!(t.claim(10).await.jobs.len(), 0);
}

/// Each way out of running frees a place.
pub async fn frees_places<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, at_once(1)).await;
    for _ in 0..8 {
        t.put(job(1)).await;
    }
    for next in [Next::Remove, bury(), retry(9_000), give_back(9_000)] {
        let leased = t.claim_one().await;
        assert_eq!(t.claim(10).await.jobs, []);
        t.settle(leased.lease, next).await;
    }
    t.claim_one().await;
}

/// A lost lease keeps its place until somebody settles the job.
pub async fn rescued_jobs_keep_their_place<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, at_once(1)).await;
    t.put(job(1)).await;
    t.put(job(1)).await;
    t.claim_one().await;
    t.clock.advance(i64::from(LEASE_MS));
    assert_eq!(t.claim(10).await.jobs, []);
    let rescued = t.queue.rescue(10, LEASE_MS).await.expect("rescue answers").remove(0);
    assert_eq!(t.claim(10).await.jobs, []);
    t.settle(rescued.lease, Next::Remove).await;
    t.claim_one().await;
}

/// A lower limit lets the running ones finish; a higher one or none lets more in.
pub async fn changes_live<Q: Queue + Inspect>(t: Fresh<Q>) {
    for _ in 0..9 {
        t.put(job(1)).await;
    }
    t.control(1, at_once(3)).await;
    let mut running = t.claim(10).await.jobs;
    t.control(1, at_once(1)).await;
    for _ in 0..2 {
        t.settle(running.remove(0).lease, Next::Remove).await;
        assert_eq!(t.claim(10).await.jobs, []);
    }
    t.settle(running.remove(0).lease, Next::Remove).await;
    assert_eq!(t.claim(10).await.jobs.len(), 1);
    t.control(1, at_once(2)).await;
    assert_eq!(t.claim(10).await.jobs.len(), 1);
    t.control(1, free()).await;
    assert_eq!(t.claim(10).await.jobs.len(), 4);
}

/// No places, no jobs.
pub async fn allows_none<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, at_once(0)).await;
    t.put(job(1)).await;
    assert_eq!(t.claim(10).await.jobs, []);
}

/// The limit is the integration's own.
pub async fn limits_one_integration<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, at_once(1)).await;
    for of in [1, 1, 2, 2, 2] {
        t.put(job(of)).await;
    }
    assert_eq!(t.claim(10).await.jobs.len(), 4);
}

/// Jobs that were claimed before there was a limit count.
pub async fn counts_earlier_claims<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    t.control(1, at_once(1)).await;
    t.put(job(1)).await;
    assert_eq!(t.claim(10).await.jobs, []);
    t.settle(leased.lease, Next::Remove).await;
    t.claim_one().await;
}

//! revoke: take the running ticks of an integration out.

use super::*;
use crate::queue::{Cause, Control, Inspect, Next, Queue, Settled, State};

/// The running ticks come back and are gone; their leases are stale.
pub async fn takes_running_ticks_out<Q: Queue + Inspect>(t: Fresh<Q>) {
    let mut jobs = Vec::new();
    for cause in [Cause::Schedule, Cause::Catchup] {
        jobs.push(t.running(job(1).cause(cause)).await);
    }
    let mut revoked = t.queue.revoke(integration(1)).await.expect("revoke answers");
    revoked.sort_by_key(|job| job.id);
    assert_eq!(revoked, [jobs[0].job.clone(), jobs[1].job.clone()]);
    for leased in jobs {
        assert_eq!(t.state(leased.job.id).await, None);
        assert_eq!(t.settle(leased.lease, retry(0)).await, Settled::Stale);
        assert_eq!(t.queue.extend(vec![leased.lease], 1).await.expect("extend answers"), [leased.lease]);
    }
}

/// Pending and dead ticks, running jobs that are no ticks and other integrations' ticks stay.
pub async fn leaves_the_rest<Q: Queue + Inspect>(t: Fresh<Q>) {
    let dead = t.dead(job(1).cause(Cause::Schedule)).await;
    let manual = t.running(job(1)).await.job.id;
    let other = t.running(job(2).cause(Cause::Schedule)).await.job.id;
    let pending = t.put(job(1).cause(Cause::Schedule)).await;
    assert_eq!(t.queue.revoke(integration(1)).await.expect("revoke answers"), []);
    assert_eq!(t.state(dead).await, Some(State::Dead));
    assert_eq!(t.state(pending).await, Some(State::Pending));
    assert_eq!((t.state(manual).await, t.state(other).await), (Some(State::Running), Some(State::Running)));
}

/// It frees places.
pub async fn frees_places<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, Control { paused: false, concurrency: Some(1) }).await;
    t.running(job(1).cause(Cause::Schedule)).await;
    let waiting = t.put(job(1)).await;
    assert_eq!(t.claim(10).await.jobs, []);
    t.queue.revoke(integration(1)).await.expect("revoke answers");
    let leased = t.claim_one().await;
    assert_eq!(leased.job.id, waiting);
    t.settle(leased.lease, Next::Remove).await;
}

//! rescue: take over jobs whose lease ran out.

use super::*;
use crate::Error;
use crate::queue::{Control, Inspect, MAX_BATCH, Next, Queue, Settled, State};

/// A lease is not touched while it lasts.
pub async fn leaves_held_leases<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.running(job(1)).await;
    t.clock.set(at(i64::from(LEASE_MS) - 1));
    assert_eq!(t.queue.rescue(10, LEASE_MS).await.expect("rescue answers"), []);
}

/// A lease that ran out is taken over: counted as lost, the attempt not counted again, under a new lease.
pub async fn takes_over<Q: Queue + Inspect>(t: Fresh<Q>) {
    let old = t.running(job(1).payload("[7]")).await;
    t.clock.set(at(i64::from(LEASE_MS)));
    let rescued = t.queue.rescue(10, 1_000).await.expect("rescue answers");
    assert_eq!(rescued.len(), 1);
    assert_eq!((&rescued[0].job, rescued[0].attempt, rescued[0].lost), (&old.job, 1, 1));
    assert_ne!(rescued[0].lease, old.lease);
    let view = t.view(old.job.id).await.expect("it is there");
    assert_eq!((view.state, view.lost), (State::Running, 1));
    assert_eq!(view.lease_until, Some(at(i64::from(LEASE_MS) + 1_000)));
}

/// The one who lost the lease can neither settle nor extend.
pub async fn makes_the_old_lease_stale<Q: Queue + Inspect>(t: Fresh<Q>) {
    let old = t.running(job(1)).await;
    t.clock.set(at(i64::from(LEASE_MS)));
    let rescued = t.queue.rescue(10, LEASE_MS).await.expect("rescue answers").remove(0);
    for next in [Next::Remove, retry(0), give_back(0), bury()] {
        assert_eq!(t.settle(old.lease, next).await, Settled::Stale);
    }
    assert_eq!(t.queue.extend(vec![old.lease], 1).await.expect("extend answers"), [old.lease]);
    assert_eq!(t.settle(rescued.lease, retry(0)).await, Settled::Applied);
    let again = t.claim_one().await;
    assert_eq!((again.attempt, again.lost), (2, 1));
}

/// A rescued job is not rescued again before its new lease runs out; then lost counts on.
pub async fn counts_on<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.running(job(1)).await;
    for lost in 1..=3 {
        t.clock.advance(i64::from(LEASE_MS));
        let rescued = t.queue.rescue(10, LEASE_MS).await.expect("rescue answers");
        assert_eq!((rescued.len(), rescued[0].lost, rescued[0].attempt), (1, lost, 1));
        assert_eq!(t.queue.rescue(10, LEASE_MS).await.expect("rescue answers"), []);
    }
}

/// At most `limit` jobs at a time, those overdue longest first.
pub async fn takes_the_longest_overdue_first<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.queue.enqueue(vec![job(1), job(1)]).await.expect("enqueue answers");
    let jobs = t.claim(2).await.jobs;
    t.clock.set(at(1_000));
    t.queue.extend(vec![jobs[0].lease], LEASE_MS).await.expect("extend answers");
    t.clock.set(at(100_000));
    assert_eq!(ids(&t.queue.rescue(1, LEASE_MS).await.expect("rescue answers")), [jobs[1].job.id]);
    assert_eq!(ids(&t.queue.rescue(1, LEASE_MS).await.expect("rescue answers")), [jobs[0].job.id]);
}

/// Pending jobs are no business of it.
pub async fn leaves_pending_jobs<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1)).await;
    t.clock.advance(1_000_000);
    assert_eq!(t.queue.rescue(10, LEASE_MS).await.expect("rescue answers"), []);
}

/// A paused integration's lost jobs are rescued as well: somebody has to decide on them.
pub async fn works_while_paused<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.running(job(1)).await;
    t.control(1, Control { paused: true, ..at_once(0) }).await;
    t.clock.set(at(i64::from(LEASE_MS)));
    assert_eq!(t.queue.rescue(10, LEASE_MS).await.expect("rescue answers").len(), 1);
}

/// One call takes at most `MAX_BATCH`.
pub async fn refuses_too_many<Q: Queue + Inspect>(t: Fresh<Q>) {
    let answer = t.queue.rescue(MAX_BATCH + 1, LEASE_MS).await;
    assert!(matches!(answer, Err(Error::TooMany { limit: MAX_BATCH, .. })), "{answer:?}");
}

//! extend: make leases last from now; the lost ones come back.

use super::*;
use crate::Error;
use crate::queue::{Inspect, Lease, MAX_BATCH, Next, Queue, State};

/// A lease lasts from the time of the call.
pub async fn lasts_from_now<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    t.clock.set(at(1_000));
    assert_eq!(t.queue.extend(vec![leased.lease], 500).await.expect("extend answers"), []);
    assert_eq!(t.view(leased.job.id).await.expect("it is there").lease_until, Some(at(1_500)));
}

/// An extended lease is not rescued when it would have run out before.
pub async fn keeps_the_job<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    t.clock.set(at(i64::from(LEASE_MS) - 1));
    t.queue.extend(vec![leased.lease], LEASE_MS).await.expect("extend answers");
    t.clock.set(at(i64::from(LEASE_MS) + 1));
    assert_eq!(t.queue.rescue(10, LEASE_MS).await.expect("rescue answers"), []);
}

/// Those that are not held any more come back; the others are extended.
pub async fn returns_the_lost<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.queue.enqueue(vec![job(1), job(1), job(1)]).await.expect("enqueue answers");
    let leases: Vec<_> = t.claim(3).await.jobs.iter().map(|it| it.lease).collect();
    t.settle(leases[1], Next::Remove).await;
    let invented = Lease { token: leases[2].token ^ 1, ..leases[2] };
    let asked = vec![leases[0], leases[1], invented];
    assert_eq!(t.queue.extend(asked, 99_000).await.expect("extend answers"), [leases[1], invented]);
    assert_eq!(t.view(leases[0].job).await.expect("it is there").lease_until, Some(at(99_000)));
    assert_eq!(t.view(leases[2].job).await.expect("it is there").lease_until, Some(at(i64::from(LEASE_MS))));
}

/// A lease that ran out but was not taken over is held again.
pub async fn revives_an_overdue_lease<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    t.clock.advance(i64::from(LEASE_MS) * 2);
    assert_eq!(t.queue.extend(vec![leased.lease], LEASE_MS).await.expect("extend answers"), []);
    assert_eq!(t.queue.rescue(10, LEASE_MS).await.expect("rescue answers"), []);
    assert_eq!(t.state(leased.job.id).await, Some(State::Running));
}

/// One call carries at most `MAX_BATCH` leases.
pub async fn refuses_too_many<Q: Queue + Inspect>(t: Fresh<Q>) {
    let lease = t.running(job(1)).await.lease;
    let answer = t.queue.extend(vec![lease; MAX_BATCH + 1], 1).await;
    assert!(matches!(answer, Err(Error::TooMany { limit: MAX_BATCH, .. })), "{answer:?}");
}

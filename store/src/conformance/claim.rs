//! claim: lease jobs that are due, and count the attempt.

use std::collections::HashSet;

use super::*;
use crate::Error;
use crate::queue::{Claim, Grant, Inspect, MAX_BATCH, Queue, State};

/// A job is not claimed before it is due, and is at that millisecond.
pub async fn waits_for_the_due_time<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).due(10)).await;
    t.clock.set(at(9));
    assert_eq!(t.claim(10).await.jobs, []);
    t.clock.set(at(10));
    assert_eq!(t.claim(10).await.jobs.len(), 1);
}

/// A claim hands out the job as it was put in, with attempt 1 and nothing lost.
pub async fn hands_out_the_job<Q: Queue + Inspect>(t: Fresh<Q>) {
    let new = job(1).payload("[1]");
    let wanted = new.job.clone();
    let leased = t.running(new).await;
    assert_eq!((leased.job, leased.attempt, leased.lost, leased.grant), (wanted, 1, 0, Grant::Start));
}

/// The job is running until its lease ends.
pub async fn leases_for_the_time_asked<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.clock.set(at(7));
    let leased = t.running(job(1)).await;
    let view = t.view(leased.job.id).await.expect("it is there");
    assert_eq!((view.state, view.attempt, view.charged), (State::Running, 1, true));
    assert_eq!(view.lease_until, Some(at(7 + i64::from(LEASE_MS))));
}

/// A claimed job is not claimed again.
pub async fn hands_out_once<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.running(job(1)).await;
    assert_eq!(t.claim(10).await.jobs, []);
}

/// Not even to claims at the same time.
pub async fn hands_out_once_to_many<Q: Queue + Inspect>(t: Fresh<Q>) {
    let jobs: Vec<_> = (0..60).map(|_| job(1)).collect();
    t.queue.enqueue(jobs).await.expect("enqueue answers");
    let (a, b, c, d) = tokio::join!(t.claim(20), t.claim(20), t.claim(20), t.claim(20));
    let all: Vec<_> = [a, b, c, d].iter().flat_map(|claimed| ids(&claimed.jobs)).collect();
    assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (60, 60));
}

/// Leases of different claims have different tokens.
pub async fn gives_each_claim_a_token<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1)).await;
    let mut tokens = HashSet::new();
    for _ in 0..20 {
        let leased = t.claim_one().await;
        assert!(tokens.insert(leased.lease.token), "a token came twice");
        t.settle(leased.lease, give_back(0)).await;
    }
}

/// Of the due jobs of an integration the one of the highest priority goes first, even if it was due later.
pub async fn takes_the_higher_priority_first<Q: Queue + Inspect>(t: Fresh<Q>) {
    let low = t.put(job(1).due(1).priority(0)).await;
    let high = t.put(job(1).due(3).priority(9)).await;
    let middle = t.put(job(1).due(2).priority(5)).await;
    t.clock.set(at(5));
    assert_eq!(ids(&t.claim(10).await.jobs), [high, middle, low]);
}

/// A job that is not due yet has no priority over one that is.
pub async fn takes_what_is_due_before_what_is_urgent<Q: Queue + Inspect>(t: Fresh<Q>) {
    let low = t.put(job(1).due(1).priority(0)).await;
    let high = t.put(job(1).due(20).priority(9)).await;
    t.clock.set(at(5));
    let claimed = t.claim(10).await;
    assert_eq!((ids(&claimed.jobs), claimed.next_due), (vec![low], Some(at(20))));
    let low = t.put(job(1).due(6).priority(0)).await;
    t.clock.set(at(20));
    assert_eq!(ids(&t.claim(10).await.jobs), [high, low]);
}

/// At the same priority the earlier due time goes first.
pub async fn takes_the_earlier_due_first<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (late, early) = (t.put(job(1).due(2)).await, t.put(job(1).due(1)).await);
    t.clock.set(at(5));
    assert_eq!(ids(&t.claim(10).await.jobs), [early, late]);
}

/// At the same due time and priority the first to arrive goes first, whatever its id.
pub async fn takes_the_first_arrival_first<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (earlier_id, later_id) = (job(1), job(1));
    let first = t.put(later_id).await;
    let second = t.put(earlier_id).await;
    assert_eq!(ids(&t.claim(10).await.jobs), [first, second]);
}

/// The order also holds for which jobs a short claim takes.
pub async fn takes_the_first_few<Q: Queue + Inspect>(t: Fresh<Q>) {
    let mut order = Vec::new();
    for priority in [3, 9, 0, 6] {
        order.push((9 - priority, t.put(job(1).priority(priority)).await));
    }
    order.sort();
    for (_, id) in order {
        assert_eq!(ids(&t.claim(1).await.jobs), [id]);
    }
}

/// A claim takes at most what it asked for.
pub async fn takes_at_most_the_limit<Q: Queue + Inspect>(t: Fresh<Q>) {
    for of in [1, 1, 1, 2, 2] {
        t.put(job(of)).await;
    }
    assert_eq!(t.claim(3).await.jobs.len(), 3);
    assert_eq!(t.claim(3).await.jobs.len(), 2);
    assert_eq!(t.claim(3).await.jobs.len(), 0);
}

/// Asking for more than `MAX_BATCH` is refused, and leases nothing.
pub async fn refuses_too_many<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(job(1)).await;
    let answer = t.queue.claim(Claim { limit: MAX_BATCH + 1, lease_ms: LEASE_MS }).await;
    assert!(matches!(answer, Err(Error::TooMany { limit: MAX_BATCH, .. })), "{answer:?}");
    assert_eq!(t.state(id).await, Some(State::Pending));
}

/// An empty queue answers that there is nothing to wait for.
pub async fn finds_nothing_in_an_empty_queue<Q: Queue + Inspect>(t: Fresh<Q>) {
    let claimed = t.claim(10).await;
    assert_eq!((claimed.jobs, claimed.next_due), (vec![], None));
}

/// The answer says when the next job will be due.
pub async fn says_what_is_due_next<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).due(50)).await;
    t.put(job(2).due(40)).await;
    t.put(job(2).due(60)).await;
    assert_eq!(t.claim(10).await.next_due, Some(at(40)));
    t.clock.set(at(45));
    let claimed = t.claim(10).await;
    assert_eq!((claimed.jobs.len(), claimed.next_due), (1, Some(at(50))));
}

/// What a short claim leaves is due already; which of it, and since when, it need not say.
pub async fn says_what_it_left<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).due(1)).await;
    t.put(job(1).due(2)).await;
    t.clock.set(at(5));
    assert!(t.claim(1).await.next_due.is_some_and(|due| due <= at(5)), "it can be claimed at once");
}

/// Held jobs are nothing to wait for: paused ones, and those at their concurrency.
pub async fn does_not_wait_for_held_jobs<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).due(10)).await;
    t.put(job(2)).await;
    t.put(job(2).due(20)).await;
    t.put(job(3).due(30)).await;
    t.control(1, paused()).await;
    t.control(2, at_once(1)).await;
    let claimed = t.claim(10).await;
    assert_eq!((claimed.jobs.len(), claimed.next_due), (1, Some(at(30))));
}

/// A clock that went back does not lose jobs.
pub async fn survives_a_clock_that_goes_back<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.clock.set(at(1_000_000));
    t.put(job(1).due(10)).await;
    t.put(job(1).due(20)).await;
    assert_eq!(t.claim(1).await.jobs.len(), 1);
    t.clock.set(at(15));
    let claimed = t.claim(10).await;
    assert_eq!((claimed.jobs, claimed.next_due), (vec![], Some(at(20))));
    t.clock.set(at(20));
    assert_eq!(t.claim(10).await.jobs.len(), 1);
}

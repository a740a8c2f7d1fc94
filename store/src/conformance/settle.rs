//! settle: write what becomes of claimed jobs, for those whose lease is held.

use serde_json::json;

use super::*;
use crate::Error;
use crate::queue::{Enqueued, IfExists, Inspect, Lease, MAX_BATCH, Next, Queue, Selector, Settled, Settlement, State};

/// A removed job has left the queue.
pub async fn removes<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    assert_eq!(t.settle(leased.lease, Next::Remove).await, Settled::Applied);
    assert_eq!(t.view(leased.job.id).await, None);
}

/// A retry waits for its due time with its error, and the attempt counts.
pub async fn retries<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    assert_eq!(t.settle(leased.lease, retry(100)).await, Settled::Applied);
    let view = t.view(leased.job.id).await.expect("it is there");
    assert_eq!((view.state, view.attempt, view.job.due, view.lease_until), (State::Pending, 1, at(100), None));
    assert_eq!(view.error.as_deref(), Some(r#"{"code":"failed"}"#));
    assert_eq!(t.claim(10).await.jobs, []);
    t.clock.set(at(100));
    assert_eq!(t.claim_one().await.attempt, 2);
}

/// A returned job goes back as if it had not been claimed: the attempt does not count.
pub async fn returns<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    assert_eq!(t.settle(leased.lease, give_back(100)).await, Settled::Applied);
    let view = t.view(leased.job.id).await.expect("it is there");
    assert_eq!((view.state, view.attempt, view.job.due, view.error), (State::Pending, 0, at(100), None));
    t.clock.set(at(100));
    assert_eq!(t.claim_one().await.attempt, 1);
}

/// A returned job keeps the error of the attempt before.
pub async fn returns_with_the_last_error<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    t.settle(leased.lease, retry(0)).await;
    let leased = t.claim_one().await;
    t.settle(leased.lease, give_back(0)).await;
    let view = t.view(leased.job.id).await.expect("it is there");
    assert_eq!((view.attempt, view.error.as_deref()), (1, Some(r#"{"code":"failed"}"#)));
}

/// A buried job is kept as dead, with its error and the time.
pub async fn buries<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    t.clock.set(at(500));
    assert_eq!(t.settle(leased.lease, bury()).await, Settled::Applied);
    let view = t.view(leased.job.id).await.expect("it is there");
    assert_eq!((view.state, view.attempt, view.died, view.lease_until), (State::Dead, 1, Some(at(500)), None));
    assert_eq!(view.error.as_deref(), Some(r#"{"code":"failed"}"#));
    assert_eq!(t.claim(10).await.jobs, []);
}

/// A lease settles once.
pub async fn settles_once<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    t.settle(leased.lease, retry(0)).await;
    let before = t.view(leased.job.id).await;
    for next in [Next::Remove, retry(900), give_back(900), bury()] {
        assert_eq!(t.settle(leased.lease, next).await, Settled::Stale);
    }
    assert_eq!(t.view(leased.job.id).await, before);
}

/// A lease of an earlier claim changes nothing while a later one is held.
pub async fn refuses_an_earlier_lease<Q: Queue + Inspect>(t: Fresh<Q>) {
    let first = t.running(job(1)).await;
    t.settle(first.lease, retry(0)).await;
    let second = t.claim_one().await;
    for next in [Next::Remove, retry(900), give_back(900), bury()] {
        assert_eq!(t.settle(first.lease, next).await, Settled::Stale);
    }
    let view = t.view(second.job.id).await.expect("it is there");
    assert_eq!((view.state, view.attempt, view.job.due), (State::Running, 2, START));
    assert_eq!(t.settle(second.lease, Next::Remove).await, Settled::Applied);
}

/// An invented lease changes nothing.
pub async fn refuses_an_invented_lease<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    let wrong = Lease { token: leased.lease.token ^ 1, ..leased.lease };
    assert_eq!(t.settle(wrong, Next::Remove).await, Settled::Stale);
    assert_eq!(t.state(leased.job.id).await, Some(State::Running));
}

/// A lease that ran out settles as long as nobody has taken the job over.
pub async fn accepts_an_overdue_lease<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    t.clock.advance(i64::from(LEASE_MS) * 10);
    assert_eq!(t.settle(leased.lease, Next::Remove).await, Settled::Applied);
}

/// There is one answer per settlement, in order; a stale one does not hinder the others.
pub async fn answers_in_order<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.queue.enqueue(vec![job(1), job(1), job(2)]).await.expect("enqueue answers");
    let jobs = t.claim(10).await.jobs;
    let gone = Lease { token: jobs[1].lease.token.wrapping_add(1), ..jobs[1].lease };
    let settlements = [jobs[0].lease, gone, jobs[2].lease].map(|lease| Settlement { lease, next: Next::Remove });
    let answers = t.queue.settle(settlements.to_vec()).await.expect("settle answers");
    assert_eq!(answers, [Settled::Applied, Settled::Stale, Settled::Applied]);
    assert_eq!(t.list(Default::default(), newest(10)).await.total, 1);
}

/// The same lease twice in one call settles once.
pub async fn settles_once_within_a_batch<Q: Queue + Inspect>(t: Fresh<Q>) {
    let lease = t.running(job(1)).await.lease;
    let both = vec![Settlement { lease, next: retry(3) }, Settlement { lease, next: Next::Remove }];
    assert_eq!(t.queue.settle(both).await.expect("settle answers"), [Settled::Applied, Settled::Stale]);
    assert_eq!(t.state(lease.job).await, Some(State::Pending));
}

/// One call carries at most `MAX_BATCH` settlements.
pub async fn refuses_too_many<Q: Queue + Inspect>(t: Fresh<Q>) {
    let lease = t.running(job(1)).await.lease;
    let answer = t.queue.settle(vec![Settlement { lease, next: Next::Remove }; MAX_BATCH + 1]).await;
    assert!(matches!(answer, Err(Error::TooMany { limit: MAX_BATCH, .. })), "{answer:?}");
    assert_eq!(t.state(lease.job).await, Some(State::Running));
}

async fn takes_its_key_back<Q: Queue + Inspect>(t: &Fresh<Q>, next: Next) {
    let leased = t.running(job(1).key(json!({"k": 1}))).await;
    t.settle(leased.lease, next).await;
    let again = t.put_any(job(1).key(json!({"k": 1})).if_exists(IfExists::Reject)).await;
    assert_eq!(again, Enqueued::Rejected { existing: leased.job.id });
}

/// A retry takes its key back.
pub async fn a_retry_takes_its_key_back<Q: Queue + Inspect>(t: Fresh<Q>) {
    takes_its_key_back(&t, retry(100)).await;
}

/// A returned job takes its key back.
pub async fn a_returned_job_takes_its_key_back<Q: Queue + Inspect>(t: Fresh<Q>) {
    takes_its_key_back(&t, give_back(100)).await;
}

/// If a newer pending job has the key, the retry goes on without it: it shows its key, but is not found by it.
pub async fn a_retry_leaves_its_key_to_a_newer_job<Q: Queue + Inspect>(t: Fresh<Q>) {
    for next in [retry(100), give_back(100)] {
        let old = t.running(job(1).key(json!({"k": 1}))).await;
        let newer = t.put(job(1).key(json!({"k": 1})).due(200)).await;
        t.settle(old.lease, next).await;
        let view = t.view(old.job.id).await.expect("it is there");
        assert_eq!((view.state, view.job.key), (State::Pending, Some(key(json!({"k": 1})))));
        let by_key = Selector::Key(key(json!({"k": 1})));
        let cancelled = t.queue.cancel(integration(1), by_key.clone()).await.expect("cancel answers");
        assert_eq!(cancelled.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [newer]);
        assert!(t.queue.cancel(integration(1), by_key).await.expect("cancel answers").jobs.is_empty());
        let rest = t.queue.cancel(integration(1), Selector::Job(old.job.id)).await.expect("cancel answers");
        assert_eq!(rest.jobs.len(), 1);
    }
}

/// A job that lost its key gets it at its next retry if it is free then.
pub async fn a_later_retry_takes_the_free_key<Q: Queue + Inspect>(t: Fresh<Q>) {
    let old = t.running(job(1).key(json!({"k": 1}))).await;
    let newer = t.put(job(1).key(json!({"k": 1})).due(500)).await;
    t.settle(old.lease, retry(0)).await;
    let old = t.claim_one().await;
    t.queue.cancel(integration(1), Selector::Job(newer)).await.expect("cancel answers");
    t.settle(old.lease, retry(0)).await;
    let again = t.put_any(job(1).key(json!({"k": 1})).if_exists(IfExists::Reject)).await;
    assert_eq!(again, Enqueued::Rejected { existing: old.job.id });
}

/// Two attempts of jobs with one key can come back together: one has the key.
pub async fn two_retries_share_a_key_without_conflict<Q: Queue + Inspect>(t: Fresh<Q>) {
    let one = t.running(job(1).key(json!({"k": 1}))).await;
    let two = t.running(job(1).key(json!({"k": 1}))).await;
    let both = [one.lease, two.lease].map(|lease| Settlement { lease, next: retry(0) });
    assert_eq!(t.queue.settle(both.to_vec()).await.expect("settle answers"), [Settled::Applied; 2]);
    let again = t.put_any(job(1).key(json!({"k": 1})).if_exists(IfExists::Keep)).await;
    assert_eq!(again, Enqueued::Kept { existing: one.job.id, due: START });
    assert_eq!(t.claim(10).await.jobs.len(), 2);
}

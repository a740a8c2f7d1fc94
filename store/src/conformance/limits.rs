//! claim under rate limits: what is counted, and who is refused.

use serde_json::json;

use super::*;
use crate::Error;
use crate::queue::Grant::Start;
use crate::queue::{Control, Edit, Grant, Inspect, MAX_LIMITS, NewJob, Next, Pruning, Queue, Selector, Settled, State};

/// Puts jobs in, one after the other, and claims them all.
async fn claim_these<Q: Queue + Inspect>(t: &Fresh<Q>, jobs: Vec<NewJob>) -> Vec<Grant> {
    t.queue.enqueue(jobs).await.expect("enqueue answers");
    grants(&t.claim_all().await.jobs)
}

/// As many start as the limit allows; the others are refused, and told when there will be room.
pub async fn refuses_when_full<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(2)])).await;
    assert_eq!(claim_these(&t, vec![job(1), job(1), job(1)]).await, [Start, Start, refused(0, 500)]);
    t.clock.set(at(499));
    assert_eq!(claim_these(&t, vec![job(1)]).await, [refused(0, 1)]);
    t.clock.set(at(500));
    assert_eq!(claim_these(&t, vec![job(1), job(1)]).await, [Start, refused(0, 500)]);
}

/// A refused job is leased, but not counted as an attempt and not charged.
pub async fn leases_the_refused<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1)])).await;
    t.running(job(1)).await;
    let leased = t.running(job(1)).await;
    assert_eq!((leased.grant, leased.attempt), (refused(0, 1_000), 0));
    let view = t.view(leased.job.id).await.expect("it is there");
    assert_eq!((view.state, view.attempt, view.charged), (State::Running, 0, false));
    assert_eq!(view.lease_until, Some(at(i64::from(LEASE_MS))));
    assert_eq!(t.settle(leased.lease, Next::Remove).await, Settled::Applied);
}

/// A refused job that is given back is tested again, and its first start is its first attempt.
pub async fn tests_the_returned_again<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1)])).await;
    t.running(job(1)).await;
    for _ in 0..2 {
        let leased = t.running(job(1)).await;
        assert_eq!(leased.grant, refused(0, 1_000));
        t.settle(leased.lease, give_back(1_000)).await;
    }
    t.clock.set(at(1_000));
    let again = t.claim_all().await.jobs;
    assert_eq!(grants(&again), [Start, refused(0, 1_000)]);
    assert_eq!((again[0].attempt, again[1].attempt), (1, 0));
}

/// A refused job whose lease is lost stays uncounted.
pub async fn rescues_the_refused_uncounted<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1).per(3_600_000)])).await;
    t.running(job(1)).await;
    let refused = t.running(job(1)).await;
    t.clock.advance(i64::from(LEASE_MS));
    let rescued = t.queue.rescue(10, LEASE_MS).await.expect("rescue answers");
    let rescued = rescued.into_iter().find(|it| it.job.id == refused.job.id).expect("it is rescued");
    assert_eq!((rescued.attempt, rescued.lost, rescued.grant), (0, 1, Start));
    t.settle(rescued.lease, give_back(0)).await;
    let view = t.view(refused.job.id).await.expect("it is there");
    assert_eq!((view.attempt, view.charged), (0, false));
}

/// A limit with fields counts by their values: other keys have room.
pub async fn counts_by_fields<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1).by(&["email"])])).await;
    assert_eq!(claim_these(&t, vec![of("a"), of("a"), of("b")]).await, [Start, refused(0, 1_000), Start]);
}

/// By all of them together, whatever their order, and by nothing else in the key; `1` is `1.0` and not `"1"`.
pub async fn counts_by_several_fields<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1).by(&["b", "a"])])).await;
    let wanted = [
        (json!({"a": 1, "b": 2}), Start),
        (json!({"b": 2, "a": 1, "c": 3}), refused(0, 1_000)),
        (json!({"a": 1.0, "b": 2}), refused(0, 1_000)),
        (json!({"a": "1", "b": 2}), Start),
        (json!({"a": 2, "b": 1}), Start),
        (json!({"a": 1, "b": null}), Start),
    ];
    for (key, grant) in wanted {
        assert_eq!(claim_these(&t, vec![job(1).key(key.clone())]).await, [grant], "{key}");
    }
}

/// A limit without fields counts all jobs, with keys or without.
pub async fn counts_the_whole_integration<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(2)])).await;
    assert_eq!(claim_these(&t, vec![of("a"), job(1), of("b")]).await, [Start, Start, refused(0, 500)]);
}

/// A job whose key lacks a field is not counted by that limit.
pub async fn skips_missing_fields<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1).by(&["email", "n"])])).await;
    assert_eq!(claim_these(&t, vec![of("a"), of("a"), job(1), job(1)]).await, [Start; 4]);
}

/// Or is refused, if the limit says so; whatever else is full.
pub async fn refuses_missing_fields<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1), limit(9).by(&["n"]).needing_fields()])).await;
    let with_field = job(1).key(json!({"n": 1}));
    let wanted = [refused_for_good(1), Start, refused_for_good(1), refused_for_good(1)];
    assert_eq!(claim_these(&t, vec![of("a"), with_field, of("a"), job(1)]).await, wanted);
}

/// A job that one limit refuses is not counted by the others.
pub async fn charges_all_or_none<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(3), limit(1).by(&["email"])])).await;
    let jobs = vec![of("a"), of("a"), of("a"), of("b"), of("c"), of("d"), of("a")];
    let (by_email, whole) = (refused(1, 1_000), refused(0, 334));
    assert_eq!(claim_these(&t, jobs).await, [Start, by_email, by_email, Start, Start, whole, whole]);
    t.clock.set(at(334));
    assert_eq!(claim_these(&t, vec![of("a"), of("d")]).await, [refused(1, 666), Start]);
}

/// Of several full limits the first is named.
pub async fn names_the_first_full_limit<Q: Queue + Inspect>(t: Fresh<Q>) {
    let slow = limit(1).per(60_000);
    t.control(1, limited([limit(9), limit(1), slow.clone(), slow.by(&["email"])])).await;
    assert_eq!(claim_these(&t, vec![of("a"), of("a")]).await, [Start, refused(1, 1_000)]);
}

/// Two limits of the same kind count apart.
pub async fn tells_equal_limits_apart<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(2), limit(3).per(3_000)])).await;
    assert_eq!(claim_these(&t, vec![job(1), job(1), job(1)]).await, [Start, Start, refused(0, 500)]);
    t.clock.set(at(500));
    assert_eq!(claim_these(&t, vec![job(1), job(1)]).await, [Start, refused(0, 500)]);
    t.clock.set(at(999));
    assert_eq!(claim_these(&t, vec![job(1)]).await, [refused(0, 1)]);
    t.clock.set(at(1_000));
    assert_eq!(claim_these(&t, vec![job(1), job(1)]).await, [Start, refused(0, 500)]);
    assert_eq!(claim_these(&t, vec![job(1)]).await, [refused(0, 500)]);
    t.clock.set(at(1_500));
    assert_eq!(claim_these(&t, vec![job(1)]).await, [refused(1, 500)]);
}

/// A sliding window lets as many start as it says in any interval.
pub async fn slides<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(2).sliding()])).await;
    for (ms, wanted) in [(0, Start), (400, Start), (999, refused(0, 1)), (1_000, Start), (1_001, refused(0, 399))] {
        t.clock.set(at(ms));
        assert_eq!(claim_these(&t, vec![job(1)]).await, [wanted], "at {ms}");
    }
}

/// A burst of one spaces the starts.
pub async fn spaces<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(4).burst(1)])).await;
    for (ms, wanted) in [(0, Start), (1, refused(0, 249)), (250, Start), (499, refused(0, 1)), (501, Start)] {
        t.clock.set(at(ms));
        assert_eq!(claim_these(&t, vec![job(1)]).await, [wanted], "at {ms}");
    }
}

/// Only the first start is charged: neither a retry, nor what comes back, nor a rescue is tested again.
pub async fn charges_once<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1).per(86_400_000)])).await;
    let mut leased = t.running(job(1)).await;
    for next in [retry(0), give_back(0), retry(0)] {
        assert!(t.view(leased.job.id).await.expect("it is there").charged);
        t.settle(leased.lease, next).await;
        assert!(t.view(leased.job.id).await.expect("it is there").charged);
        leased = t.claim_one().await;
        assert_eq!(leased.grant, Start);
    }
    t.clock.advance(i64::from(LEASE_MS));
    let rescued = t.queue.rescue(1, LEASE_MS).await.expect("rescue answers").remove(0);
    t.settle(rescued.lease, retry(0)).await;
    assert_eq!(grants(&t.claim_all().await.jobs), [Start]);
    assert_eq!(claim_these(&t, vec![job(1)]).await, [refused(0, 86_370_000)]);
}

/// A replay is a new start, and is charged again.
pub async fn charges_a_replay<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1)])).await;
    let dead = t.dead(job(1)).await;
    assert!(t.view(dead).await.expect("it is there").charged);
    assert!(t.queue.replay(dead, START, Edit::default()).await.expect("replay answers"));
    assert!(!t.view(dead).await.expect("it is there").charged);
    assert_eq!(grants(&t.claim_all().await.jobs), [refused(0, 1_000)]);
}

/// Jobs that are only queued cost nothing, and neither do cancelled ones.
pub async fn charges_starts_only<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1)])).await;
    for n in 0..5 {
        let id = t.put(job(1).key(json!({"n": n}))).await;
        t.put(job(1).due(60_000)).await;
        t.queue.cancel(integration(1), Selector::Job(id)).await.expect("cancel answers");
    }
    assert_eq!(claim_these(&t, vec![job(1), job(1)]).await, [Start, refused(0, 1_000)]);
}

/// A job that was claimed before there was a limit is not charged when it is retried.
pub async fn leaves_earlier_starts_alone<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    t.control(1, limited([limit(1)])).await;
    t.settle(leased.lease, retry(0)).await;
    assert_eq!(grants(&t.claim_all().await.jobs), [Start]);
    assert_eq!(claim_these(&t, vec![job(1), job(1)]).await, [Start, refused(0, 1_000)]);
}

/// Each integration has its own.
pub async fn belongs_to_the_integration<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1)])).await;
    t.control(2, limited([limit(1)])).await;
    t.queue.enqueue(vec![job(1), job(2), job(3), job(3)]).await.expect("enqueue answers");
    assert_eq!(grants(&t.claim_all().await.jobs), [Start; 4]);
}

/// A purge forgets what was charged.
pub async fn purge_forgets_charges<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1)])).await;
    t.running(job(1)).await;
    t.queue.purge(integration(1)).await.expect("purge answers");
    t.control(1, limited([limit(1)])).await;
    assert_eq!(claim_these(&t, vec![job(1)]).await, [Start]);
}

/// Pruning forgets no charge that still counts, and counts none that it forgets.
pub async fn prune_keeps_charges<Q: Queue + Inspect>(t: Fresh<Q>) {
    let both = limited([limit(1), limit(1).sliding()]);
    t.control(1, both).await;
    t.running(job(1)).await;
    let pruning = Pruning { dead_before: START, dead_keep: 0, limit: 100 };
    for (ms, wanted) in [(999, refused(0, 1)), (1_000, Start)] {
        t.clock.set(at(ms));
        let pruned = t.queue.prune(pruning).await.expect("prune answers");
        assert_eq!((pruned.dead, pruned.idempotency), (0, 0));
        assert_eq!(claim_these(&t, vec![job(1)]).await, [wanted]);
    }
}

/// An integration has at most `MAX_LIMITS`; more leave everything as it was.
pub async fn refuses_too_many<Q: Queue + Inspect>(t: Fresh<Q>) {
    let many = |count| Control { limits: vec![limit(1); count], ..Control::default() };
    t.control(1, many(MAX_LIMITS)).await;
    let answer = t.queue.control(integration(1), many(MAX_LIMITS + 1)).await;
    assert!(matches!(answer, Err(Error::TooMany { limit: MAX_LIMITS, .. })), "{answer:?}");
    assert_eq!(t.queue.control_of(integration(1)).await.expect("control_of answers"), many(MAX_LIMITS));
    assert_eq!(claim_these(&t, vec![job(1), job(1)]).await, [Start, refused(0, 1_000)]);
}

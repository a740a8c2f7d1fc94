//! cancel: take pending jobs out.

use serde_json::json;

use super::*;
use crate::JobId;
use crate::queue::{Cancelled, Inspect, MAX_BATCH, Queue, Selector, State};

async fn cancel<Q: Queue + Inspect>(t: &Fresh<Q>, of: u16, selector: Selector) -> Cancelled {
    t.queue.cancel(integration(of), selector).await.expect("cancel answers")
}

/// The ids of what was cancelled, in order.
async fn cancelled<Q: Queue + Inspect>(t: &Fresh<Q>, of: u16, selector: Selector) -> Vec<JobId> {
    let mut ids: Vec<_> = cancel(t, of, selector).await.jobs.iter().map(|job| job.id).collect();
    ids.sort();
    ids
}

fn exactly(json: serde_json::Value) -> Selector {
    Selector::Key(key(json))
}

/// A key takes its job out, which comes back whole; again it finds nothing.
pub async fn by_key<Q: Queue + Inspect>(t: Fresh<Q>) {
    let new = job(1).key(json!({"k": 1})).payload("[1]");
    let wanted = new.job.clone();
    let id = t.put(new).await;
    let answer = cancel(&t, 1, exactly(json!({"k": 1}))).await;
    assert_eq!((answer.jobs, answer.more), (vec![wanted], false));
    assert_eq!(t.state(id).await, None);
    assert_eq!(cancelled(&t, 1, exactly(json!({"k": 1}))).await, []);
    assert_eq!(t.claim(10).await.jobs, []);
}

/// The order of the key's fields does not matter.
pub async fn by_a_reordered_key<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(job(1).key(json!({"a": 1, "b": 2}))).await;
    let reordered = serde_json::from_str(r#"{"b":2,"a":1}"#).expect("it is JSON");
    assert_eq!(cancelled(&t, 1, exactly(reordered)).await, [id]);
}

/// A key means the whole key: fewer fields, more fields or other types are other keys.
pub async fn by_the_whole_key_only<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).key(json!({"a": 1, "b": 2}))).await;
    for other in [json!({"a": 1}), json!({"a": 1, "b": "2"}), json!({"a": 1, "b": 2, "c": 3})] {
        assert_eq!(cancelled(&t, 1, exactly(other)).await, []);
    }
}

/// A cancelled key is free again.
pub async fn frees_the_key<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).key(json!({"k": 1}))).await;
    cancelled(&t, 1, exactly(json!({"k": 1}))).await;
    t.put(job(1).key(json!({"k": 1}))).await;
}

/// A running job is left alone.
pub async fn leaves_running_jobs<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1).key(json!({"k": 1}))).await;
    let of_it =
        [exactly(json!({"k": 1})), Selector::Match(key(json!({"k": 1}))), Selector::Job(leased.job.id), Selector::All];
    for selector in of_it {
        assert_eq!(cancelled(&t, 1, selector).await, []);
    }
    assert_eq!(t.state(leased.job.id).await, Some(State::Running));
}

/// A dead job is left alone.
pub async fn leaves_dead_jobs<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.dead(job(1).key(json!({"k": 1}))).await;
    for selector in [exactly(json!({"k": 1})), Selector::Match(key(json!({"k": 1}))), Selector::Job(id), Selector::All]
    {
        assert_eq!(cancelled(&t, 1, selector).await, []);
    }
    assert_eq!(t.state(id).await, Some(State::Dead));
}

/// A job that waits for its retry is pending.
pub async fn takes_retries_out<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1).key(json!({"k": 1}))).await;
    t.settle(leased.lease, retry(9_000)).await;
    assert_eq!(cancelled(&t, 1, exactly(json!({"k": 1}))).await, [leased.job.id]);
}

/// Another integration's jobs are left alone, even by their id.
pub async fn stays_within_the_integration<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(job(1).key(json!({"k": 1}))).await;
    for selector in [exactly(json!({"k": 1})), Selector::Match(key(json!({"k": 1}))), Selector::Job(id), Selector::All]
    {
        assert_eq!(cancelled(&t, 2, selector).await, []);
    }
    assert_eq!(t.state(id).await, Some(State::Pending));
}

/// A match takes every job out whose key contains the fields.
pub async fn by_match<Q: Queue + Inspect>(t: Fresh<Q>) {
    let one = t.put(job(1).key(json!({"email": "x", "n": 1}))).await;
    let two = t.put(job(1).key(json!({"email": "x", "n": 2}))).await;
    let three = t.put(job(1).key(json!({"email": "x"}))).await;
    t.put(job(1).key(json!({"email": "y", "n": 1}))).await;
    t.put(job(1).key(json!({"mail": "x"}))).await;
    t.put(job(1)).await;
    assert_eq!(cancelled(&t, 1, Selector::Match(key(json!({"email": "x"})))).await, [one, two, three]);
    assert_eq!(t.list(Default::default(), newest(10)).await.total, 3);
}

/// A match compares values with their types, and every field it names.
pub async fn by_match_of_equal_values<Q: Queue + Inspect>(t: Fresh<Q>) {
    let one = t.put(job(1).key(json!({"a": 1, "b": "}", "c": "\",\"a\":2"}))).await;
    for other in [json!({"a": "1"}), json!({"a": 1, "b": "x"}), json!({"a": 2}), json!({"a": null}), json!({"d": 1})] {
        assert_eq!(cancelled(&t, 1, Selector::Match(key(other))).await, []);
    }
    assert_eq!(cancelled(&t, 1, Selector::Match(key(json!({"b": "}", "a": 1})))).await, [one]);
}

/// A match also means a retry that had to leave its key to a newer job.
pub async fn by_match_of_a_job_without_its_key<Q: Queue + Inspect>(t: Fresh<Q>) {
    let old = t.running(job(1).key(json!({"k": 1}))).await;
    let newer = t.put(job(1).key(json!({"k": 1}))).await;
    t.settle(old.lease, retry(5_000)).await;
    assert_eq!(cancelled(&t, 1, Selector::Match(key(json!({"k": 1})))).await, [old.job.id, newer]);
}

/// An id takes its job out.
pub async fn by_id<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (one, two) = (t.put(job(1)).await, t.put(job(1)).await);
    assert_eq!(cancelled(&t, 1, Selector::Job(one)).await, [one]);
    assert_eq!(t.state(two).await, Some(State::Pending));
}

/// All takes all pending jobs out.
pub async fn all<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (one, two) = (t.put(job(1).key(json!({"k": 1}))).await, t.put(job(1).due(9_999)).await);
    assert_eq!(cancelled(&t, 1, Selector::All).await, [one, two]);
}

/// One call takes at most `MAX_BATCH` out and says that there are more.
pub async fn says_that_there_are_more<Q: Queue + Inspect>(t: Fresh<Q>) {
    for part in 0..3 {
        let batch = (0..500).map(|n| job(1).key(json!({"of": "x", "part": part, "n": n}))).collect();
        t.queue.enqueue(batch).await.expect("enqueue answers");
    }
    let first = cancel(&t, 1, Selector::Match(key(json!({"of": "x"})))).await;
    assert_eq!((first.jobs.len(), first.more), (MAX_BATCH, true));
    let second = cancel(&t, 1, Selector::All).await;
    assert_eq!((second.jobs.len(), second.more), (500, false));
}

/// All says that there are more, too.
pub async fn all_says_that_there_are_more<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.queue.enqueue((0..1_000).map(|_| job(1)).collect()).await.expect("enqueue answers");
    t.put(job(1)).await;
    let first = cancel(&t, 1, Selector::All).await;
    assert_eq!((first.jobs.len(), first.more), (MAX_BATCH, true));
    let second = cancel(&t, 1, Selector::All).await;
    assert_eq!((second.jobs.len(), second.more), (1, false));
}

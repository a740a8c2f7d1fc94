//! find: the pending jobs a selector means.

use serde_json::json;

use super::*;
use crate::queue::{Inspect, JobView, MAX_BATCH, Queue, Selector};
use crate::{Error, JobId};

async fn find<Q: Queue + Inspect>(t: &Fresh<Q>, selector: Selector, limit: usize) -> Vec<JobId> {
    let found: Vec<JobView> = t.queue.find(integration(1), selector, limit).await.expect("find answers");
    found.iter().map(|view| view.job.id).collect()
}

/// Each selector finds what it means.
pub async fn by_every_selector<Q: Queue + Inspect>(t: Fresh<Q>) {
    let one = t.put(job(1).key(json!({"a": 1, "b": 1}))).await;
    let two = t.put(job(1).key(json!({"a": 1, "b": 2}))).await;
    let three = t.put(job(1)).await;
    t.put(job(2).key(json!({"a": 1, "b": 1}))).await;
    assert_eq!(find(&t, Selector::Key(key(json!({"b": 1, "a": 1}))), 10).await, [one]);
    assert_eq!(find(&t, Selector::Match(key(json!({"a": 1}))), 10).await, [one, two]);
    assert_eq!(find(&t, Selector::Job(three), 10).await, [three]);
    assert_eq!(find(&t, Selector::All, 10).await, [one, two, three]);
}

/// The oldest come first, at most as many as asked for.
pub async fn oldest_first<Q: Queue + Inspect>(t: Fresh<Q>) {
    let jobs = [300, 100, 200].map(|due| job(1).due(due).key(json!({"all": 1, "due": due})));
    let ids = [jobs[0].job.id, jobs[1].job.id, jobs[2].job.id];
    for new in jobs.into_iter().rev() {
        t.put(new).await;
    }
    for selector in [Selector::All, Selector::Match(key(json!({"all": 1})))] {
        assert_eq!(find(&t, selector.clone(), 10).await, ids);
        assert_eq!(find(&t, selector.clone(), 2).await, ids[..2]);
        assert_eq!(find(&t, selector, 0).await, []);
    }
}

/// Running and dead jobs and other integrations' are not found.
pub async fn pending_only<Q: Queue + Inspect>(t: Fresh<Q>) {
    let dead = t.dead(job(1).key(json!({"k": 1}))).await;
    let running = t.running(job(1).key(json!({"k": 1}))).await.job.id;
    let other = t.put(job(2)).await;
    let by_key = Selector::Key(key(json!({"k": 1})));
    let selectors = [by_key, Selector::Match(key(json!({"k": 1}))), Selector::All];
    for selector in selectors.into_iter().chain([dead, running, other].map(Selector::Job)) {
        assert_eq!(find(&t, selector, 10).await, []);
    }
}

/// Asking for more than `MAX_BATCH` is refused.
pub async fn refuses_too_many<Q: Queue + Inspect>(t: Fresh<Q>) {
    let answer = t.queue.find(integration(1), Selector::All, MAX_BATCH + 1).await;
    assert!(matches!(answer, Err(Error::TooMany { limit: MAX_BATCH, .. })), "{answer:?}");
}

/// An id that the queue does not hold gives nothing.
pub async fn gets_nothing_unknown<Q: Queue + Inspect>(t: Fresh<Q>) {
    assert_eq!(t.queue.get(job(1).job.id).await.expect("get answers"), None);
}

//! list: a page of jobs, newest first.

use serde_json::json;

use super::*;
use crate::queue::{Inspect, JobFilter, JobView, Page, PageRequest, Queue, Selector, State};
use crate::{Error, JobId};

fn ids_of(page: &Page<JobView>) -> Vec<JobId> {
    page.items.iter().map(|view| view.job.id).collect()
}

async fn five<Q: Queue + Inspect>(t: &Fresh<Q>) -> [JobId; 5] {
    let jobs = [1, 1, 1, 1, 1].map(job);
    let mut ids = jobs.each_ref().map(|new| new.job.id);
    t.queue.enqueue(jobs.to_vec()).await.expect("enqueue answers");
    ids.reverse();
    ids
}

fn request(first: usize, after: Option<JobId>, before: Option<JobId>) -> PageRequest<JobId> {
    PageRequest { first, after, before }
}

/// An empty queue has an empty page.
pub async fn of_nothing<Q: Queue + Inspect>(t: Fresh<Q>) {
    let page = t.list(JobFilter::default(), newest(10)).await;
    assert_eq!((page.items.len(), page.total, page.has_next, page.has_previous), (0, 0, false, false));
}

/// The newest come first; the page says how many there are and whether it is the last.
pub async fn newest_first<Q: Queue + Inspect>(t: Fresh<Q>) {
    let wanted = five(&t).await;
    let page = t.list(JobFilter::default(), newest(10)).await;
    assert_eq!((ids_of(&page), page.total), (wanted.to_vec(), 5));
    assert_eq!((page.has_next, page.has_previous), (false, false));
    let page = t.list(JobFilter::default(), newest(2)).await;
    assert_eq!((ids_of(&page), page.total), (wanted[..2].to_vec(), 5));
    assert_eq!((page.has_next, page.has_previous), (true, false));
}

/// `after` goes on where a page ended.
pub async fn after_an_id<Q: Queue + Inspect>(t: Fresh<Q>) {
    let all = five(&t).await;
    let page = t.list(JobFilter::default(), request(2, Some(all[1]), None)).await;
    assert_eq!((ids_of(&page), page.total), (all[2..4].to_vec(), 5));
    assert_eq!((page.has_next, page.has_previous), (true, true));
    let page = t.list(JobFilter::default(), request(2, Some(all[3]), None)).await;
    assert_eq!((ids_of(&page), page.has_next, page.has_previous), (vec![all[4]], false, true));
    let page = t.list(JobFilter::default(), request(2, Some(all[4]), None)).await;
    assert_eq!((ids_of(&page), page.has_next, page.has_previous), (vec![], false, true));
}

/// `before` gives the nearest before a page, still newest first.
pub async fn before_an_id<Q: Queue + Inspect>(t: Fresh<Q>) {
    let all = five(&t).await;
    let page = t.list(JobFilter::default(), request(2, None, Some(all[4]))).await;
    assert_eq!((ids_of(&page), page.has_next, page.has_previous), (all[2..4].to_vec(), true, true));
    let page = t.list(JobFilter::default(), request(2, None, Some(all[2]))).await;
    assert_eq!((ids_of(&page), page.has_next, page.has_previous), (all[..2].to_vec(), true, false));
    let page = t.list(JobFilter::default(), request(2, None, Some(all[0]))).await;
    assert_eq!((ids_of(&page), page.has_next, page.has_previous), (vec![], true, false));
}

/// Both give what lies between.
pub async fn between_two_ids<Q: Queue + Inspect>(t: Fresh<Q>) {
    let all = five(&t).await;
    let page = t.list(JobFilter::default(), request(10, Some(all[0]), Some(all[4]))).await;
    assert_eq!((ids_of(&page), page.has_next, page.has_previous), (all[1..4].to_vec(), true, true));
}

/// An id that is gone still marks its place.
pub async fn after_an_id_that_is_gone<Q: Queue + Inspect>(t: Fresh<Q>) {
    let all = five(&t).await;
    t.queue.cancel(integration(1), Selector::Job(all[1])).await.expect("cancel answers");
    let page = t.list(JobFilter::default(), request(2, Some(all[1]), None)).await;
    assert_eq!((ids_of(&page), page.total), (all[2..4].to_vec(), 4));
}

/// Each item says everything about its job.
pub async fn of_views<Q: Queue + Inspect>(t: Fresh<Q>) {
    let dead = t.dead(job(1).key(json!({"k": 1}))).await;
    let page = t.list(JobFilter::default(), newest(1)).await;
    assert_eq!(Some(page.items[0].clone()), t.view(dead).await);
}

/// Filters: integration, state, both.
pub async fn filtered<Q: Queue + Inspect>(t: Fresh<Q>) {
    let dead = [t.dead(job(1)).await, t.dead(job(2)).await];
    let running = [t.running(job(1)).await.job.id, t.running(job(2)).await.job.id];
    let pending = [t.put(job(1)).await, t.put(job(2)).await];
    for (state, [one, two]) in [(State::Dead, dead), (State::Running, running), (State::Pending, pending)] {
        for (of, wanted) in [(None, vec![two, one]), (Some(1), vec![one]), (Some(2), vec![two]), (Some(3), vec![])] {
            let filter = JobFilter { integration: of.map(integration), state: Some(state), selector: None };
            let page = t.list(filter, newest(10)).await;
            assert_eq!((page.total, ids_of(&page)), (wanted.len() as u64, wanted), "{state:?} of {of:?}");
        }
    }
    let filter = JobFilter { integration: Some(integration(1)), ..JobFilter::default() };
    let page = t.list(filter.clone(), newest(2)).await;
    assert_eq!((ids_of(&page), page.total), (vec![pending[0], running[0]], 3));
    assert_eq!((page.has_next, page.has_previous), (true, false));
    let page = t.list(filter, request(2, Some(running[0]), None)).await;
    assert_eq!((ids_of(&page), page.has_next, page.has_previous), (vec![dead[0]], false, true));
}

/// Keys and parts of keys filter jobs in every state.
pub async fn filtered_by_key<Q: Queue + Inspect>(t: Fresh<Q>) {
    let dead = t.dead(job(1).key(json!({"a": 1, "b": 1}))).await;
    let running = t.running(job(1).key(json!({"a": 1, "b": 1}))).await.job.id;
    let pending = t.put(job(1).key(json!({"b": 1, "a": 1}))).await;
    let more = t.put(job(1).key(json!({"a": 1, "b": 2}))).await;
    t.put(job(1).key(json!({"a": "1", "b": 1}))).await;
    t.put(job(1)).await;
    let whole = Selector::Key(key(json!({"a": 1, "b": 1})));
    let part = Selector::Match(key(json!({"a": 1})));
    for of in [None, Some(integration(1))] {
        let filter =
            |state, selector: &Selector| JobFilter { integration: of, state, selector: Some(selector.clone()) };
        let page = t.list(filter(None, &whole), newest(10)).await;
        assert_eq!((ids_of(&page), page.total), (vec![pending, running, dead], 3));
        let page = t.list(filter(None, &part), newest(10)).await;
        assert_eq!((ids_of(&page), page.total), (vec![more, pending, running, dead], 4));
        let page = t.list(filter(Some(State::Dead), &part), newest(10)).await;
        assert_eq!(ids_of(&page), [dead]);
        let page = t.list(filter(Some(State::Pending), &whole), newest(10)).await;
        assert_eq!(ids_of(&page), [pending]);
        let page = t.list(filter(None, &Selector::Job(running)), newest(10)).await;
        assert_eq!((ids_of(&page), page.total), (vec![running], 1));
        assert_eq!(t.list(filter(None, &Selector::All), newest(10)).await.total, 6);
    }
}

/// A page has at most 100 items.
pub async fn refuses_too_many<Q: Queue + Inspect>(t: Fresh<Q>) {
    let answer = t.queue.list(JobFilter::default(), newest(101)).await;
    assert!(matches!(answer, Err(Error::TooMany { limit: 100, .. })), "{answer:?}");
}

/// Ids alone, of all that pass the filter, the newest first.
pub async fn gives_all_ids_at_once<Q: Queue + Inspect>(t: Fresh<Q>) {
    let jobs: Vec<_> = (0..250).map(|n| job(1).key(json!({"n": n, "all": n % 2})).due(9_000)).collect();
    let mut wanted: Vec<_> = jobs.iter().map(|new| new.job.id).collect();
    t.queue.enqueue(jobs).await.expect("enqueue answers");
    t.put(job(2).due(9_000)).await;
    let dead = t.dead(job(1)).await;
    wanted.reverse();
    let filter = |state, selector| JobFilter { integration: Some(integration(1)), state, selector };
    let ids = async |filter, limit| t.queue.ids(filter, limit).await.expect("ids answers");
    assert_eq!(ids(filter(Some(State::Pending), None), 1_000).await, wanted);
    assert_eq!(ids(filter(Some(State::Pending), None), 10).await, wanted[..10]);
    assert_eq!(ids(filter(Some(State::Dead), None), 1_000).await, [dead]);
    assert_eq!(ids(filter(None, None), 1_000).await.len(), 251);
    let half = Selector::Match(key(json!({"all": 1})));
    assert_eq!(ids(filter(Some(State::Pending), Some(half)), 1_000).await.len(), 125);
    assert!(t.queue.ids(filter(None, None), crate::queue::MAX_IDS + 1).await.is_err());
}

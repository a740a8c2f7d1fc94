//! enqueue with [`IfExists::Debounce`]: later calls push a waiting job back, up to a latest time.

use serde_json::json;

use super::*;
use crate::JobId;
use crate::queue::{Debounce, Enqueued, IfExists, Inspect, JobView, NewJob, Queue, State};

/// A call that waits for `quiet` more milliseconds, and lets later calls push it up to `latest`.
fn call(due: i64, latest: i64, payload: &str) -> NewJob {
    let mut new = job(1).key(json!({"k": 1})).due(due).payload(payload).if_exists(IfExists::Debounce);
    new.job.debounce = Some(Debounce { latest: at(latest), pushes: 0 });
    new
}

fn pushed(existing: JobId, due: i64, pushes: u32) -> Enqueued {
    Enqueued::Pushed { existing, due: at(due), pushes }
}

/// What a test looks at.
fn told(view: &JobView) -> (&str, i64, Option<u32>) {
    (&view.job.payload, view.job.due.since(START), view.job.debounce.map(|debounce| debounce.pushes))
}

/// The last call's payload runs, once, under the id of the first.
pub async fn the_last_call_wins<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(call(10, 1_000, "1")).await;
    assert_eq!(t.put_any(call(15, 9_999, "2")).await, pushed(id, 15, 1));
    assert_eq!(t.put_any(call(25, 9_999, "3").priority(9)).await, pushed(id, 25, 2));
    let view = t.view(id).await.expect("it is there");
    assert_eq!((told(&view), view.job.priority), (("3", 25, Some(2)), 9));
    t.clock.set(at(15));
    assert_eq!(t.claim(10).await.jobs, vec![]);
    t.clock.set(at(25));
    assert_eq!(t.claim_one().await.job, view.job);
}

/// Calls that do not end push it to the latest time that the first call named, and no further.
pub async fn is_not_pushed_beyond_the_latest_time<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(call(10, 30, "1")).await;
    assert_eq!(t.put_any(call(25, 90, "2")).await, pushed(id, 25, 1));
    assert_eq!(t.put_any(call(40, 90, "3")).await, pushed(id, 30, 2));
    assert_eq!(t.put_any(call(50, 90, "4")).await, pushed(id, 30, 3));
    t.clock.set(at(30));
    assert_eq!(&*t.claim_one().await.job.payload, "4");
}

/// An opening that lies beyond the latest time is over there: whoever claims it looks for another one.
pub async fn has_no_opening_at_the_latest_time<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(call(10, 30, "1").closes(500)).await;
    assert_eq!(t.put_any(call(20, 90, "2").closes(500)).await, pushed(id, 20, 1));
    assert_eq!(t.view(id).await.expect("it is there").job.closes, Some(at(500)));
    assert_eq!(t.put_any(call(60, 90, "3").closes(500)).await, pushed(id, 30, 2));
    assert_eq!(t.view(id).await.expect("it is there").job.closes, Some(at(30)));
    assert_eq!(t.put_any(call(20, 90, "4")).await, pushed(id, 20, 3));
    assert_eq!(t.view(id).await.expect("it is there").job.closes, None);
}

/// A running job is left alone; the next call begins anew.
pub async fn begins_anew_when_it_runs<Q: Queue + Inspect>(t: Fresh<Q>) {
    let first = t.running(call(0, 30, "1")).await;
    let second = t.put(call(10, 60, "2")).await;
    assert_eq!(t.put_any(call(50, 90, "3")).await, pushed(second, 50, 1));
    assert_eq!(t.state(first.job.id).await, Some(State::Running));
}

/// A job that was not debounced, or was started before, is replaced.
pub async fn replaces_other_jobs<Q: Queue + Inspect>(t: Fresh<Q>) {
    let plain = t.put(job(1).key(json!({"k": 1})).due(500)).await;
    let debounced = call(0, 30, "2");
    let id = debounced.job.id;
    assert_eq!(t.put_any(debounced).await, Enqueued::Replaced { old: plain });
    let leased = t.claim_one().await;
    t.settle(leased.lease, retry(100)).await;
    let newer = call(40, 70, "3");
    let newer_id = newer.job.id;
    assert_eq!(t.put_any(newer).await, Enqueued::Replaced { old: id });
    let view = t.view(newer_id).await.expect("it is there");
    assert_eq!((told(&view), view.attempt), (("3", 40, Some(0)), 0));
    assert_eq!(t.view(id).await, None);
}

/// Every other call treats it as any pending job.
pub async fn is_replaced_kept_and_cancelled_like_others<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(call(10, 30, "1")).await;
    let keep = t.put_any(job(1).key(json!({"k": 1})).if_exists(IfExists::Keep)).await;
    assert_eq!(keep, Enqueued::Kept { existing: id, due: at(10) });
    assert_eq!(t.put_any(job(1).key(json!({"k": 1})).due(90)).await, Enqueued::Replaced { old: id });
    assert_eq!(t.queue.check().await.expect("check answers"), []);
}

/// A repeated call is told where it stood after the first one, and pushes nothing.
pub async fn repeats_its_answer<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(call(10, 30, "1")).await;
    let again = call(20, 90, "2").idempotent("a", 1, 500);
    assert_eq!(t.put_any(again.clone()).await, pushed(id, 20, 1));
    let repeated = Enqueued::Repeated { first: id, due: at(20), replaced: false };
    assert_eq!(t.put_any(again).await, repeated);
    assert_eq!(told(&t.view(id).await.expect("it is there")), ("2", 20, Some(1)));
}

/// It moves with its job into the lane that the last call names.
pub async fn changes_lanes<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(call(0, 30, "1").lane("a")).await;
    assert_eq!(t.put_any(call(0, 30, "2").lane("b")).await, pushed(id, 0, 1));
    assert_eq!(t.queue.check().await.expect("check answers"), []);
    assert_eq!(t.claim_one().await.job.lane.as_deref(), Some(r#"{"lane":"b"}"#));
}

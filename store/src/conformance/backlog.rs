//! enqueue into lanes that hold so many pending jobs and no more.

use serde_json::json;

use super::*;
use crate::queue::{Cause, Control, Edit, Enqueued, Fired, Firing, IfExists, Inspect, JobFilter, Queue, Selector};

/// At most two in each lane.
async fn two<Q: Queue + Inspect>(t: &Fresh<Q>) {
    t.control(1, Control { lane_backlog: Some(2), ..Control::default() }).await;
}

const CROWDED: Enqueued = Enqueued::Crowded { limit: 2 };

async fn total<Q: Queue + Inspect>(t: &Fresh<Q>) -> u64 {
    t.list(JobFilter::default(), newest(1)).await.total
}

/// A job too many is turned away, and nothing is queued; other lanes, other integrations and no lane have room.
pub async fn turns_away<Q: Queue + Inspect>(t: Fresh<Q>) {
    two(&t).await;
    let mut batch: Vec<_> = (0..4).map(|n| job(1).lane("a").due(n * 1_000)).collect();
    batch.extend([job(1).lane("b"), job(2).lane("a"), job(2).lane("a"), job(2).lane("a")]);
    batch.extend([job(1), job(1), job(1)]);
    let answers = t.queue.enqueue(batch).await.expect("enqueue answers");
    let crowded: Vec<_> = answers.iter().map(|answer| *answer == CROWDED).collect();
    assert_eq!(crowded, [false, false, true, true, false, false, false, false, false, false, false]);
    assert_eq!(total(&t).await, 9);
}

/// Only pending jobs are counted: due, delayed or in line at a rate limit, but not running or dead ones.
pub async fn counts_pending_jobs<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, Control { lane_backlog: Some(2), ..limited([limit(2).delaying()]) }).await;
    t.dead(job(1).lane("a")).await;
    t.running(job(1).lane("a")).await;
    t.put(job(1).lane("a")).await;
    assert_eq!(t.claim_all().await.jobs, []);
    t.put(job(1).lane("a").due(60_000)).await;
    assert_eq!(t.put_any(job(1).lane("a")).await, CROWDED);
    t.clock.set(at(500));
    assert_eq!(t.claim_all().await.jobs.len(), 1);
    t.put(job(1).lane("a")).await;
}

/// A cancelled job makes room, and so does a higher limit; a lower one leaves what is there.
pub async fn changes_live<Q: Queue + Inspect>(t: Fresh<Q>) {
    two(&t).await;
    let id = t.put(job(1).lane("a")).await;
    t.put(job(1).lane("a")).await;
    assert_eq!(t.put_any(job(1).lane("a")).await, CROWDED);
    t.queue.cancel(integration(1), Selector::Job(id)).await.expect("cancel answers");
    t.put(job(1).lane("a")).await;
    t.control(1, Control { lane_backlog: Some(3), ..Control::default() }).await;
    t.put(job(1).lane("a")).await;
    t.control(1, Control { lane_backlog: Some(0), ..Control::default() }).await;
    assert_eq!(t.put_any(job(1).lane("a")).await, Enqueued::Crowded { limit: 0 });
    t.control(1, Control::default()).await;
    t.put(job(1).lane("a")).await;
    assert_eq!(t.claim(10).await.jobs.len(), 4);
}

/// Replacing a job of the same lane needs no room.
pub async fn lets_replacements_in<Q: Queue + Inspect>(t: Fresh<Q>) {
    two(&t).await;
    let keyed = || job(1).lane("a").key(json!({"k": 1}));
    let old = t.put(keyed()).await;
    t.put(job(1).lane("a")).await;
    assert_eq!(t.put_any(keyed()).await, Enqueued::Replaced { old });
    assert_eq!(total(&t).await, 2);
}

/// Replacing one of another lane does, and takes nothing out if there is none.
pub async fn turns_replacements_of_other_lanes_away<Q: Queue + Inspect>(t: Fresh<Q>) {
    two(&t).await;
    let old = t.put(job(1).lane("b").key(json!({"k": 1}))).await;
    t.put(job(1).lane("a")).await;
    t.put(job(1).lane("a")).await;
    assert_eq!(t.put_any(job(1).lane("a").key(json!({"k": 1}))).await, CROWDED);
    assert!(t.state(old).await.is_some());
    assert_eq!(t.put_any(job(1).key(json!({"k": 1}))).await, Enqueued::Replaced { old });
}

/// A pending job of the same key is answered first.
pub async fn says_first_who_is_there<Q: Queue + Inspect>(t: Fresh<Q>) {
    two(&t).await;
    let existing = t.put(job(1).lane("a").key(json!({"k": 1}))).await;
    t.put(job(1).lane("a")).await;
    let keyed = |if_exists| job(1).lane("a").key(json!({"k": 1})).if_exists(if_exists);
    assert_eq!(t.put_any(keyed(IfExists::Keep)).await, Enqueued::Kept { existing, due: START });
    assert_eq!(t.put_any(keyed(IfExists::Reject)).await, Enqueued::Rejected { existing });
    assert_eq!(t.put_any(keyed(IfExists::Beside)).await, CROWDED);
}

/// The same id twice is the same job, also where there is no room for another.
pub async fn takes_an_id_once<Q: Queue + Inspect>(t: Fresh<Q>) {
    two(&t).await;
    let new = job(1).lane("a");
    t.put(new.clone()).await;
    t.put(job(1).lane("a")).await;
    assert_eq!(t.put_any(new).await, Enqueued::Created);
    assert_eq!(total(&t).await, 2);
}

/// A call that was turned away may be repeated: it did nothing.
pub async fn forgets_the_call<Q: Queue + Inspect>(t: Fresh<Q>) {
    two(&t).await;
    let id = t.put(job(1).lane("a").idempotent("first", 1, 60_000)).await;
    t.put(job(1).lane("a")).await;
    assert_eq!(t.put_any(job(1).lane("a").idempotent("i", 1, 60_000)).await, CROWDED);
    let again = Enqueued::Repeated { first: id, due: START, replaced: false };
    assert_eq!(t.put_any(job(1).lane("a").idempotent("first", 1, 60_000)).await, again, "it was answered before");
    t.queue.cancel(integration(1), Selector::Job(id)).await.expect("cancel answers");
    assert_eq!(t.put_any(job(1).lane("a").idempotent("i", 2, 60_000)).await, Enqueued::Created);
}

/// What was let in once always comes back: retries, returned jobs and replays. They are counted.
pub async fn takes_back<Q: Queue + Inspect>(t: Fresh<Q>) {
    two(&t).await;
    let dead = t.dead(job(1).lane("a")).await;
    let retried = t.running(job(1).lane("a")).await;
    let returned = t.running(job(1).lane("a")).await;
    t.put(job(1).lane("a")).await;
    t.put(job(1).lane("a")).await;
    t.settle(retried.lease, retry(0)).await;
    t.settle(returned.lease, give_back(0)).await;
    assert!(t.queue.replay(dead, START, Edit::default()).await.expect("replay answers"));
    assert_eq!(t.put_any(job(1).lane("a")).await, CROWDED);
    assert_eq!(t.claim(3).await.jobs.len(), 3);
    assert_eq!(t.put_any(job(1).lane("a")).await, CROWDED);
    assert_eq!(t.claim(3).await.jobs.len(), 2);
    t.put(job(1).lane("a")).await;
}

/// A tick is never turned away: its schedule has moved on.
pub async fn lets_ticks_in<Q: Queue + Inspect>(t: Fresh<Q>) {
    two(&t).await;
    let ticks = (0..3).map(|_| job(1).lane("a").cause(Cause::Schedule)).collect();
    let firing = Firing { ticks, ..Firing::new(integration(1), None, at(1)) };
    assert_eq!(t.queue.fire(firing).await.expect("fire answers"), Fired::Queued { revoked: vec![] });
    assert_eq!(t.put_any(job(1).lane("a")).await, CROWDED);
    assert_eq!(t.claim(10).await.jobs.len(), 3);
}

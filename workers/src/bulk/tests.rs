//! Tests of bulk actions with real stores, gone on with by hand.

use std::sync::Arc;

use serde_json::{Value, json};
use store::JobId;
use store::catalog::{Bulk, BulkItemState, BulkState, Outcome, Trigger};
use store::queue::{Claim, Inspect, JobView, Leased, Next, Queue, Selector, Settlement};

use super::{Answer, UNDO_MS, go_on, start, stop, undo};
use crate::invoke::{Target, schedule};
use crate::world::{NOW, World};
use crate::{Entry, Error};

impl World {
    async fn queue_of(&self, name: &str) -> Arc<Entry> {
        self.released(name, Trigger::Experience, &json!({})).await
    }

    async fn put(&self, name: &str, n: usize, body: Value) -> JobId {
        let target: Target = name.parse().expect("a name");
        let mut whole = json!({ "key": { "n": n, "odd": n % 2 }, "delay": "1h" });
        for (field, value) in body.as_object().expect("an object") {
            whole[field] = value.clone();
        }
        schedule(&self.services, &target, whole, None).await.expect("scheduled").job
    }

    async fn bulk(&self, body: Value) -> Bulk {
        match start(&self.services, body, |_| true).await.expect("started") {
            Answer::Started(bulk) => bulk,
            Answer::DryRun(dry) => panic!("{dry:?}"),
        }
    }

    async fn now(&self, bulk: &Bulk) -> Bulk {
        self.services.catalog.bulk(&bulk.workspace, bulk.id).await.expect("a look").expect("the action")
    }

    async fn to_the_end(&self, bulk: &Bulk) -> Bulk {
        while go_on(&self.services).await.expect("a step").is_some() {}
        self.services.recorder.flush().await;
        self.now(bulk).await
    }

    async fn running(&self) -> Leased {
        let claimed = self.services.queue.claim(Claim { limit: 1, lease_ms: 30_000 }).await.expect("claimed");
        claimed.jobs.into_iter().next().expect("a job is due")
    }

    async fn dies(&self, error: &str) {
        let lease = self.running().await.lease;
        let next =
            Next::Bury { error: json!({"code": "exception", "name": "Error", "message": error}).to_string().into() };
        self.services.queue.settle(vec![Settlement { lease, next }]).await.expect("settled");
    }

    async fn view(&self, job: JobId) -> Option<JobView> {
        self.services.queue.get(job).await.expect("a look")
    }

    async fn reasons(&self, bulk: &Bulk) -> Vec<(String, u64)> {
        self.services.catalog.bulk_reasons(bulk.id).await.expect("a look")
    }
}

fn numbers(bulk: &Bulk) -> (BulkState, [u64; 5]) {
    (bulk.state, [bulk.total, bulk.done, bulk.skipped, bulk.undone, bulk.lost])
}

fn cancel_all() -> Value {
    json!({ "action": "cancel", "filter": { "integration": "mail" } })
}

#[tokio::test]
async fn a_cancellation_takes_many_jobs_out_and_is_undone() {
    let world = World::open().await;
    let mail = world.queue_of("mail").await;
    world.queue_of("other").await;
    world.put("other", 1, json!({})).await;
    let mut jobs = Vec::new();
    for n in 0..250 {
        jobs.push(world.put("mail", n, json!({ "payload": n, "window": { "time": "00:00-24:00" } })).await);
    }
    let before = world.view(jobs[1]).await.expect("pending");
    let bulk =
        world.bulk(json!({ "action": "cancel", "filter": { "integration": "mail", "match": { "odd": 1 } } })).await;
    assert_eq!(numbers(&bulk), (BulkState::Running, [125, 0, 0, 0, 0]));
    let bulk = world.to_the_end(&bulk).await;
    assert_eq!(numbers(&bulk), (BulkState::Finished, [125, 125, 0, 0, 0]));
    let left = world.services.queue.find(mail.id, Selector::All, 1_000).await.expect("a look");
    assert_eq!(left.len(), 125);
    let run = world.services.catalog.latest_run_of(jobs[1]).await.expect("a look").expect("a record");
    assert_eq!(run.outcome, Outcome::Cancelled);

    // Meanwhile one of the keys is taken.
    let taken = world.put("mail", 3, json!({ "delay": "2h" })).await;
    undo(&world.services, &bulk).await.expect("it is young");
    let bulk = world.to_the_end(&bulk).await;
    assert_eq!(numbers(&bulk), (BulkState::Undone, [125, 125, 0, 124, 1]));
    assert_eq!(world.reasons(&bulk).await, [("key_taken".to_owned(), 1)]);
    assert_eq!(world.view(jobs[1]).await, Some(before), "as it was");
    assert!(world.view(jobs[3]).await.is_none() && world.view(taken).await.is_some());
    let again = undo(&world.services, &bulk).await;
    assert!(matches!(again, Err(Error::Conflict { code: "already_undone", .. })), "{again:?}");
    // Its key leads to it again.
    let moved = world.put("mail", 1, json!({ "ifExists": "keep" })).await;
    assert_eq!(moved, jobs[1]);
}

#[tokio::test]
async fn what_is_not_pending_any_more_is_skipped_with_a_reason() {
    let world = World::open().await;
    world.queue_of("mail").await;
    for n in 0..4 {
        world.put("mail", n, json!({ "delay": n })).await;
    }
    let bulk = world.bulk(cancel_all()).await;
    world.clock.advance(2);
    world.dies("no").await;
    world.running().await;
    let gone = world.running().await;
    world.services.queue.settle(vec![Settlement { lease: gone.lease, next: Next::Remove }]).await.expect("settled");
    let bulk = world.to_the_end(&bulk).await;
    assert_eq!(numbers(&bulk), (BulkState::Finished, [4, 1, 3, 0, 0]));
    let reasons = [("dead", 1), ("gone", 1), ("running", 1)].map(|(reason, count)| (reason.to_owned(), count));
    assert_eq!(world.reasons(&bulk).await, reasons);
    let skipped = world.services.catalog.refused_bulk_items(bulk.id, 2).await.expect("a look");
    assert_eq!(skipped.len(), 2);
}

#[tokio::test]
async fn a_stopped_action_does_no_more_and_can_be_undone() {
    let world = World::open().await;
    world.queue_of("mail").await;
    let job = world.put("mail", 1, json!({})).await;
    let bulk = world.bulk(cancel_all()).await;
    let running = undo(&world.services, &bulk).await;
    assert!(matches!(running, Err(Error::Conflict { code: "bulk_running", .. })), "{running:?}");
    stop(&world.services, &bulk).await.expect("it is running");
    let bulk = world.to_the_end(&bulk).await;
    assert_eq!(numbers(&bulk), (BulkState::Stopped, [1, 0, 0, 0, 0]));
    assert!(world.view(job).await.is_some());
    undo(&world.services, &bulk).await.expect("there is nothing to do");
    assert_eq!(world.to_the_end(&bulk).await.state, BulkState::Undone);
}

#[tokio::test]
async fn an_undo_comes_too_late_after_ten_minutes() {
    let world = World::open().await;
    world.queue_of("mail").await;
    world.put("mail", 1, json!({})).await;
    let bulk = world.bulk(cancel_all()).await;
    let bulk = world.to_the_end(&bulk).await;
    world.clock.advance(UNDO_MS + 1);
    let late = undo(&world.services, &bulk).await;
    assert!(matches!(late, Err(Error::Conflict { code: "undo_too_late", .. })), "{late:?}");
}

/// What a process did before it died is not done again, and not forgotten.
#[tokio::test]
async fn another_process_goes_on_where_one_died() {
    let world = World::open().await;
    let mail = world.queue_of("mail").await;
    let jobs = [world.put("mail", 1, json!({})).await, world.put("mail", 2, json!({})).await];
    let bulk = world.bulk(cancel_all()).await;
    let catalog = &world.services.catalog;
    let items = catalog.next_bulk_items(bulk.id, [BulkItemState::Waiting; 2], 10).await.expect("items");
    assert_eq!(items.len(), 2);
    // It died after it had kept both jobs and cancelled one; that it was at work is known for a minute.
    let mut kept = Vec::new();
    for item in &items {
        kept.push((item.number, world.view(item.job).await.expect("pending").job));
    }
    catalog.keep_bulk_items(bulk.id, &kept).await.expect("kept");
    let until = NOW.after(60_000);
    assert!(catalog.take_bulk(bulk.id, BulkState::Running, NOW, until).await.expect("taken"));
    world.services.queue.cancel(mail.id, Selector::Job(jobs[0])).await.expect("cancelled");

    assert_eq!(numbers(&world.to_the_end(&bulk).await), (BulkState::Running, [2, 0, 0, 0, 0]));
    world.clock.advance(60_000);
    let bulk = world.to_the_end(&bulk).await;
    assert_eq!(numbers(&bulk), (BulkState::Finished, [2, 2, 0, 0, 0]));
    for job in jobs {
        let run = catalog.latest_run_of(job).await.expect("a look").expect("a record");
        assert_eq!(run.outcome, Outcome::Cancelled);
    }
    undo(&world.services, &bulk).await.expect("it is young");
    assert_eq!(numbers(&world.to_the_end(&bulk).await), (BulkState::Undone, [2, 2, 0, 2, 0]));
    assert!(world.view(jobs[0]).await.is_some() && world.view(jobs[1]).await.is_some());
}

#[tokio::test]
async fn jobs_are_moved_into_their_windows() {
    let world = World::open().await;
    world.queue_of("mail").await;
    let plain = world.put("mail", 1, json!({})).await;
    let windowed = world.put("mail", 2, json!({ "window": { "time": "23:00-24:00" } })).await;
    let filter = json!({ "integration": "mail" });
    let bulk = world.bulk(json!({ "action": "reschedule", "filter": filter, "delay": "1 minute" })).await;
    // The time was settled when it was asked for.
    world.clock.advance(5_000);
    let bulk = world.to_the_end(&bulk).await;
    assert_eq!(numbers(&bulk), (BulkState::Finished, [2, 2, 0, 0, 0]));
    assert_eq!(world.view(plain).await.expect("pending").job.due, NOW.after(60_000));
    let due = world.view(windowed).await.expect("pending").job.due.to_rfc3339();
    assert!(due.contains("T23:00:00"), "{due}");
    let refused = undo(&world.services, &bulk).await;
    assert!(matches!(refused, Err(Error::Conflict { code: "not_a_cancellation", .. })), "{refused:?}");
}

#[tokio::test]
async fn dead_jobs_are_replayed_and_discarded_by_group() {
    let world = World::open().await;
    let mail = world.queue_of("mail").await;
    for (n, error) in ["order 1", "order 2", "timeout"].into_iter().enumerate() {
        world.put("mail", n, json!({ "delay": 0 })).await;
        world.dies(error).await;
    }
    let groups = crate::dead::groups(&world.services, Some(mail.id)).await.expect("groups").items;
    assert_eq!(groups.iter().map(|group| group.count).collect::<Vec<_>>(), [2, 1]);
    let filter = json!({ "integration": "mail", "fingerprint": groups[0].fingerprint.to_string() });
    let bulk = world.bulk(json!({ "action": "replay", "filter": filter, "release": "newest" })).await;
    assert_eq!(numbers(&world.to_the_end(&bulk).await), (BulkState::Finished, [2, 2, 0, 0, 0]));
    let pending = world.services.queue.find(mail.id, Selector::All, 10).await.expect("a look");
    assert_eq!(pending.len(), 2);
    let filter =
        json!({ "integration": "mail", "jobs": [groups[1].sample.job.id.to_string(), pending[0].job.id.to_string()] });
    let bulk = world.bulk(json!({ "action": "discard", "filter": filter })).await;
    let bulk = world.to_the_end(&bulk).await;
    assert_eq!(numbers(&bulk), (BulkState::Finished, [2, 1, 1, 0, 0]));
    assert_eq!(world.reasons(&bulk).await, [("pending".to_owned(), 1)]);
    assert!(crate::dead::groups(&world.services, None).await.expect("groups").items.is_empty());
}

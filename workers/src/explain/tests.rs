//! Which job is explained. What is said of it is tested where the situations are (`situations/tests.rs`).

use schedules::Key;
use serde_json::json;
use store::catalog::Trigger;
use store::queue::{Claim, Queue};

use super::*;
use crate::invoke;
use crate::world::{NOW, World};

#[tokio::test]
async fn a_key_finds_its_job_wherever_it_is() {
    let world = World::open().await;
    let services = &world.services;
    world.released("hello", Trigger::Experience, &json!({})).await;
    let key = Key::parse(&json!({"email": "a"})).expect("a key");
    assert!(by_key(services, "hello", &key).await.is_err());
    let body = json!({"key": {"email": "a"}, "delay": 5});
    let job = invoke::schedule(services, &"hello".parse().expect("a name"), body, None).await.expect("scheduled").job;
    let found = by_key(services, "hello", &key).await.expect("it is pending");
    assert!(
        matches!(found, Found::Queued(view, explained) if view.job.id == job && explained.earliest_start.is_some())
    );
    world.clock.set(NOW.after(5));
    let claimed = services.queue.claim(Claim { limit: 1, lease_ms: 60_000 }).await.expect("claimed");
    assert_eq!(claimed.jobs.first().map(|leased| leased.job.id), Some(job));
    let found = by_key(services, "hello", &key).await.expect("it runs");
    assert!(matches!(found, Found::Queued(_, explained) if explained.state == "running"));
}

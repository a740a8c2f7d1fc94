//! Replays, step by step, with a queue and a catalog.

use serde_json::{Value, json};
use store::catalog::{EventReplay, ReplayState, Trigger};
use store::queue::{Cause, Inspect, Job, JobFilter, PageRequest, Queue, Selector, State};

use super::*;
use crate::Error;
use crate::events::{Reach, Via, publish};
use crate::world::{NOW, World};

/// A world in which the numbers 0 to `n` came in as events, before the integration was made.
async fn world(n: usize, settings: Value) -> World {
    let world = World::open().await;
    let events: Vec<_> =
        (0..n).map(|n| Ok(json!({"meta": {"type": "shop.order", "id": format!("e{n}")}, "n": n}))).collect();
    for events in events.chunks(500) {
        let events = events.iter().map(|event| event.as_ref().cloned().map_err(|error: &Error| panic!("{error}")));
        publish(&world.services, events.collect(), Via::Http, Reach::All).await.expect("published");
    }
    world.released("orders", Trigger::Event, &settings).await;
    world.clock.advance(1);
    world
}

async fn started(world: &World, body: Value) -> EventReplay {
    match start(&world.services, body, |_| true).await.expect("started") {
        Answer::Started(replay) => replay,
        Answer::DryRun(_) => panic!("it was to start"),
    }
}

async fn now(world: &World, replay: &EventReplay) -> EventReplay {
    world.services.catalog.replay("default", replay.id).await.expect("read").expect("is there")
}

async fn jobs(world: &World) -> Vec<Job> {
    let filter = JobFilter { integration: None, state: Some(State::Pending), selector: None };
    let (mut jobs, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { first: 100, after, before: None };
        let page = world.services.queue.list(filter.clone(), page).await.expect("listed");
        after = page.items.last().map(|view| view.job.id);
        jobs.extend(page.items.into_iter().map(|view| view.job));
        if !page.has_next {
            break;
        }
    }
    jobs.sort_by_key(|job| (job.due, number(job)));
    jobs
}

fn number(job: &Job) -> u64 {
    let payload: Value = serde_json::from_str(&job.payload).expect("JSON");
    payload["n"].as_u64().expect("a number")
}

fn orders() -> Value {
    json!({"events": {"types": ["shop.*"], "filter": "event.n % 2 == 0"}})
}

#[tokio::test]
async fn events_come_again_in_order_marked_and_spaced() {
    let world = world(10, orders()).await;
    let replay = started(&world, json!({"integration": "orders", "from": 0, "rate": "2/s", "filter": false})).await;
    go_on(&world.services).await.expect("a step");
    let made = jobs(&world).await;
    assert_eq!(made.iter().map(number).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    let dues: Vec<i64> = made.iter().map(|job| job.due.since(NOW)).collect();
    assert_eq!(dues, (0..10).map(|n| 1 + 500 * n).collect::<Vec<_>>());
    for job in &made {
        let payload: Value = serde_json::from_str(&job.payload).expect("JSON");
        assert_eq!((job.cause, &payload["meta"]["replayed"]), (Cause::Replay, &json!(true)));
    }
    go_on(&world.services).await.expect("the end");
    let replay = now(&world, &replay).await;
    assert_eq!((replay.state, replay.total, replay.done, replay.skipped), (ReplayState::Finished, 10, 10, 0));
}

#[tokio::test]
async fn the_filter_decides_unless_it_is_left_out() {
    let world = world(7, orders()).await;
    let replay = started(&world, json!({"integration": "orders", "from": 0})).await;
    go_on(&world.services).await.expect("steps");
    assert_eq!(jobs(&world).await.iter().map(number).collect::<Vec<_>>(), [0, 2, 4, 6]);
    let replay = now(&world, &replay).await;
    assert_eq!((replay.state, replay.done, replay.skipped), (ReplayState::Finished, 4, 3));
}

#[tokio::test]
async fn a_slow_replay_is_made_a_little_ahead_and_can_be_stopped() {
    let world = world(20, orders()).await;
    let replay = started(&world, json!({"integration": "orders", "from": 0, "rate": "1/s", "filter": false})).await;
    let wanted = go_on(&world.services).await.expect("a step").expect("more to do");
    assert_eq!(jobs(&world).await.len(), 6);
    assert_eq!(wanted.since(NOW), 1 + 6_000 - 5_000);
    world.clock.advance(1_000);
    go_on(&world.services).await.expect("a step");
    assert_eq!(jobs(&world).await.len(), 7);
    stop(&world.services, &now(&world, &replay).await).await.expect("stopped");
    world.clock.advance(10_000);
    go_on(&world.services).await.expect("nothing");
    assert_eq!(jobs(&world).await.len(), 7);
    assert!(stop(&world.services, &now(&world, &replay).await).await.is_err());
}

/// A process that dies after it queued a step's jobs and before it wrote the step down.
#[tokio::test]
async fn a_step_that_is_made_twice_makes_its_jobs_once() {
    let world = world(5, orders()).await;
    let replay = started(&world, json!({"integration": "orders", "from": 0, "filter": false})).await;
    go_on(&world.services).await.expect("steps");
    assert_eq!(jobs(&world).await.len(), 5);
    super::work::step_again(&world.services, &replay).await;
    assert_eq!(jobs(&world).await.len(), 5);
}

#[tokio::test]
async fn a_dry_run_counts_and_makes_nothing() {
    let world = world(501, orders()).await;
    let body = json!({"integration": "orders", "from": 0, "dryRun": true});
    let Answer::DryRun(found) = start(&world.services, body, |_| true).await.expect("looked") else {
        panic!("started")
    };
    assert_eq!((found.total, found.looked_at, found.matched), (501, 501, 251));
    assert_eq!(found.samples[..2], ["e0", "e2"]);
    assert!(jobs(&world).await.is_empty());
}

#[tokio::test]
async fn types_and_times_bound_what_is_meant() {
    let world = world(3, json!({"events": {"types": ["other"]}})).await;
    let none = started(&world, json!({"integration": "orders", "from": 0})).await;
    assert_eq!(none.total, 0);
    let some = started(&world, json!({"integration": "orders", "from": 0, "types": ["shop.*"]})).await;
    assert_eq!(some.total, 3);
    go_on(&world.services).await.expect("steps");
    assert_eq!(jobs(&world).await.len(), 3);
    let early = started(&world, json!({"integration": "orders", "from": 0, "to": 1, "types": ["shop.*"]})).await;
    assert_eq!(early.total, 0);
}

#[tokio::test]
async fn what_cannot_be_replayed_to_is_said() {
    let world = world(1, orders()).await;
    world.released("page", Trigger::Experience, &json!({})).await;
    let code =
        async |name: &str, may: bool| match start(&world.services, json!({"integration": name, "from": 0}), |_| may)
            .await
        {
            Err(Error::Conflict { code, .. } | Error::NotFound { code, .. }) => code,
            other => panic!("{other:?}"),
        };
    assert_eq!(code("page", true).await, "no_subscription");
    assert_eq!(code("nobody", true).await, "integration_not_found");
    assert_eq!(code("orders", false).await, "integration_not_found");
    // A deleted integration ends its replay.
    let replay = started(&world, json!({"integration": "orders", "from": 0})).await;
    let entry = world.services.directory.by_name("orders").expect("known");
    world.services.queue.cancel(entry.id, Selector::All).await.expect("cancelled");
    world.services.catalog.delete_integration(entry.id).await.expect("removed");
    world.services.directory.reload().await.expect("reloaded");
    go_on(&world.services).await.expect("ended");
    assert_eq!(now(&world, &replay).await.state, ReplayState::Stopped);
}

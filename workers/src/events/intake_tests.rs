//! Events from their call to their jobs, with a queue and a catalog, and nobody who runs the jobs.

use serde_json::{Value, json};
use store::catalog::{EventFilter, Trigger};
use store::queue::{Cause, Inspect, JobFilter, JobView, PageRequest, Queue, Selector, State};

use super::*;
use crate::invoke::{Target, schedule};
use crate::world::World;

async fn send(world: &World, events: Value) -> Vec<Verdict> {
    let Value::Array(events) = events else { panic!("a list") };
    publish(&world.services, events.into_iter().map(Ok).collect(), Via::Http, Reach::All).await.expect("published")
}

fn event(id: &str, kind: &str, mut more: Value) -> Value {
    more["meta"] = json!({ "id": id, "type": kind });
    more
}

fn judged(verdict: &Verdict) -> &Judged {
    verdict.judged.as_ref().expect("accepted")
}

fn names(verdict: &Verdict) -> Vec<&str> {
    judged(verdict).matched.iter().map(|it| it.integration.as_str()).collect()
}

async fn jobs(world: &World) -> Vec<JobView> {
    let filter = JobFilter { integration: None, state: Some(State::Pending), selector: None };
    let page = PageRequest { first: 100, after: None, before: None };
    let mut jobs = world.services.queue.list(filter, page).await.expect("listed").items;
    jobs.reverse();
    jobs
}

fn gold() -> Value {
    json!({"events": {"types": ["ecUser"], "filter": "event.user.loyalty.tier == 'gold'",
                      "key": {"email": "event.user.email"}}})
}

#[tokio::test]
async fn each_event_makes_a_job_for_each_integration_it_is_for() {
    let world = World::open().await;
    world.released("vip", Trigger::Event, &gold()).await;
    world
        .released(
            "everyone",
            Trigger::Event,
            &json!({"events": {"types": ["ec*".replace('*', "User")],
        "payload": "{'to': event.user.email}"}}),
        )
        .await;
    world.released("page", Trigger::Experience, &json!({})).await;
    let user = |tier: &str| json!({"user": {"email": "a@x", "loyalty": {"tier": tier}}});
    let verdicts = send(
        &world,
        json!([
            event("1", "ecUser", user("gold")),
            event("2", "ecUser", user("none")),
            event("3", "ecView", json!({}))
        ]),
    )
    .await;
    assert_eq!(names(&verdicts[0]), ["everyone", "vip"]);
    assert_eq!(names(&verdicts[1]), ["everyone"]);
    assert_eq!(judged(&verdicts[1]).missed[0].reason, "filter_false");
    assert_eq!((names(&verdicts[2]), judged(&verdicts[2]).others), (vec![], 2));
    let jobs = jobs(&world).await;
    assert_eq!(jobs.len(), 3);
    for job in &jobs {
        assert_eq!(job.job.cause, Cause::Event);
        let named = world.services.directory.by_id(job.job.integration).expect("known").name.clone();
        let payload: Value = serde_json::from_str(&job.job.payload).expect("JSON");
        match &*named {
            "vip" => {
                assert_eq!(payload["user"]["loyalty"]["tier"], "gold");
                assert_eq!(job.job.key.as_ref().expect("a key").canonical(), r#"{"email":"a@x"}"#);
                assert_eq!(job.job.context, None);
            }
            _ => {
                assert_eq!(payload, json!({"to": "a@x"}));
                let context: Value =
                    serde_json::from_str(job.job.context.as_deref().expect("a context")).expect("JSON");
                assert_eq!(context["event"]["user"]["email"], "a@x");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_event_harms_no_other() {
    let world = World::open().await;
    world.released("vip", Trigger::Event, &json!({"events": {"types": ["a"]}})).await;
    let verdicts = send(&world, json!([event("1", "a", json!({})), 7, {"meta": {}}, event("2", "a", json!({}))])).await;
    let told: Vec<String> = verdicts
        .iter()
        .map(|verdict| match &verdict.judged {
            Ok(judged) => format!("{} jobs", judged.matched.len()),
            Err(crate::Error::Invalid { field, .. }) => field.clone(),
            Err(other) => panic!("{other}"),
        })
        .collect();
    assert_eq!(told, ["1 jobs", "event", "meta.type", "1 jobs"]);
    assert_eq!(jobs(&world).await.len(), 2);
}

#[tokio::test]
async fn the_same_id_is_the_same_event_for_a_day() {
    let world = World::open().await;
    world.released("vip", Trigger::Event, &json!({"events": {"types": ["a"]}})).await;
    let both = send(&world, json!([event("1", "a", json!({})), event("1", "a", json!({"n": 2}))])).await;
    assert!(!judged(&both[0]).duplicate && judged(&both[1]).duplicate);
    assert_eq!(judged(&both[0]).matched, judged(&both[1]).matched);
    let again = send(&world, json!([event("1", "a", json!({}))])).await;
    assert!(judged(&again[0]).duplicate);
    assert_eq!(judged(&again[0]).matched, judged(&both[0]).matched);
    assert_eq!(jobs(&world).await.len(), 1);
    world.clock.advance(DUPLICATE_MS + 1);
    let next_day = send(&world, json!([event("1", "a", json!({}))])).await;
    assert!(!judged(&next_day[0]).duplicate);
    assert_eq!(jobs(&world).await.len(), 2);
}

/// As after a crash between the queue and the log: what the queue knows is enough.
#[tokio::test]
async fn without_the_log_a_job_is_still_made_once() {
    let world = World::open().await;
    world.released("vip", Trigger::Event, &json!({"events": {"types": ["a"]}})).await;
    let first = send(&world, json!([event("1", "a", json!({}))])).await;
    let all = store::catalog::EventRetention { max_age_ms: 0, max_bytes: 0 };
    world.clock.advance(1);
    assert_eq!(world.services.catalog.prune_events(all, world.services.clock.now(), 10).await.expect("pruned"), 1);
    let again = send(&world, json!([event("1", "a", json!({}))])).await;
    assert!(judged(&again[0]).duplicate);
    assert_eq!(judged(&again[0]).matched, judged(&first[0]).matched);
    assert_eq!(jobs(&world).await.len(), 1);
}

#[tokio::test]
async fn an_event_cancels_pending_jobs_before_it_makes_its_own() {
    let world = World::open().await;
    let settings = json!({"cancelOn": [{"types": ["ecPurchase"], "key": {"email": "event.user.email"}}]});
    world.released("reminder", Trigger::Experience, &settings).await;
    let target: Target = "reminder".parse().expect("a name");
    let remind = async |email: &str| {
        let body = json!({"key": {"email": email}, "delay": "1h"});
        schedule(&world.services, &target, body, None).await.expect("scheduled");
    };
    remind("a").await;
    remind("b").await;
    let bought = event("1", "ecPurchase", json!({"user": {"email": "a"}}));
    let nameless = event("2", "ecPurchase", json!({}));
    let verdicts = send(&world, json!([bought, nameless])).await;
    let cancelled = &judged(&verdicts[0]).cancelled;
    assert_eq!((cancelled[0].integration.as_str(), cancelled[0].jobs), ("reminder", 1));
    let unclear = &judged(&verdicts[1]).cancelled[0];
    assert_eq!(unclear.jobs, 0);
    assert!(unclear.detail.as_deref().is_some_and(|detail| detail.contains("is null")), "{unclear:?}");
    assert_eq!(jobs(&world).await.len(), 1);
    // The same purchase again does not cancel what was scheduled since.
    remind("a").await;
    send(&world, json!([bought])).await;
    assert_eq!(jobs(&world).await.len(), 2);
}

/// An event that waits at a limit can be cancelled by one behind it in the same call.
#[tokio::test]
async fn events_of_one_call_are_taken_in_order() {
    let world = World::open().await;
    let settings = json!({
        "events": {"types": ["basket"], "key": {"email": "event.email"}},
        "cancelOn": [{"types": ["purchase"], "match": {"email": "event.email"}}],
    });
    world.released("reminder", Trigger::Event, &settings).await;
    let by = |email: &str| json!({ "email": email });
    let verdicts = send(
        &world,
        json!([event("1", "basket", by("a")), event("2", "purchase", by("a")), event("3", "basket", by("a"))]),
    )
    .await;
    assert_eq!(judged(&verdicts[1]).cancelled.len(), 1, "{verdicts:?}");
    let left = jobs(&world).await;
    assert_eq!(left.len() as u64, 2 - judged(&verdicts[1]).cancelled[0].jobs);
    assert!(left[0].job.payload.contains("\"id\":\"3\"") || left.len() == 2);
}

#[tokio::test]
async fn an_edit_counts_at_once_and_a_paused_integration_matches() {
    let world = World::open().await;
    let entry = world.released("vip", Trigger::Event, &json!({"events": {"types": ["a"]}})).await;
    assert_eq!(names(&send(&world, json!([event("1", "a", json!({}))])).await[0]), ["vip"]);
    let settings = json!({"events": {"types": ["b"]}});
    let release = crate::world::release(entry.id, &settings);
    world.services.catalog.release(release, store::catalog::Bump::Minor).await.expect("released");
    world.services.directory.reload().await.expect("reloaded");
    assert_eq!(names(&send(&world, json!([event("2", "a", json!({}))])).await[0]), [""; 0]);
    assert_eq!(names(&send(&world, json!([event("3", "b", json!({}))])).await[0]), ["vip"]);
    let pause = store::catalog::Pause { note: String::new(), at: world.services.clock.now() };
    world.services.catalog.set_pause(entry.id, Some(pause)).await.expect("paused");
    world.services.directory.reload().await.expect("reloaded");
    assert_eq!(names(&send(&world, json!([event("4", "b", json!({}))])).await[0]), ["vip"]);
}

/// A full queue refuses the call; the same call again, when there is room, makes what is missing and nothing twice.
#[tokio::test]
async fn a_full_queue_acknowledges_nothing() {
    let world = World::open().await;
    let entry = world.released("vip", Trigger::Event, &json!({"events": {"types": ["a"]}})).await;
    let batch = |n: usize| -> Vec<Incoming> {
        (500 * n..500 * (n + 1)).map(|n| Ok(event(&n.to_string(), "a", json!({})))).collect()
    };
    // One is taken, so that the last batch does not fit.
    send(&world, json!([event("first", "a", json!({}))])).await;
    for n in 0..19 {
        publish(&world.services, batch(n), Via::Http, Reach::All).await.expect("there is room");
    }
    let refused = publish(&world.services, batch(19), Via::Http, Reach::All).await;
    assert!(matches!(refused, Err(crate::Error::Busy { .. })), "{refused:?}");
    assert!(world.services.catalog.event("default", "9999").await.expect("read").is_none());
    world.services.queue.cancel(entry.id, Selector::All).await.expect("some are cancelled");
    let again = publish(&world.services, batch(19), Via::Http, Reach::All).await.expect("there is room");
    assert!(again.iter().all(|verdict| judged(verdict).matched.len() == 1 && !judged(verdict).duplicate));
}

#[tokio::test]
async fn a_full_lane_says_so() {
    let world = World::open().await;
    let settings = json!({"events": {"types": ["a"], "key": {"k": "event.k"}},
                          "concurrency": {"limit": 1, "key": ["k"], "backlog": 1}});
    let entry = world.released("vip", Trigger::Event, &settings).await;
    let control = store::queue::Control { lane_backlog: Some(1), ..Default::default() };
    world.services.queue.control(entry.id, control).await.expect("set");
    let verdicts = send(&world, json!([event("1", "a", json!({"k": 1})), event("2", "a", json!({"k": 1}))])).await;
    assert_eq!(judged(&verdicts[0]).matched.len(), 1);
    assert_eq!(judged(&verdicts[1]).missed[0].reason, "backlog_full");
}

#[tokio::test]
async fn a_bound_publisher_starts_its_own_integrations_only() {
    let world = World::open().await;
    for name in ["one", "two"] {
        world.released(name, Trigger::Event, &json!({"events": {"types": ["a"]}})).await;
    }
    let events = vec![Ok(event("1", "a", json!({})))];
    let reach = Reach::Only(vec!["two".to_owned()].into());
    let verdicts = publish(&world.services, events, Via::Http, reach).await.expect("published");
    assert_eq!(names(&verdicts[0]), ["two"]);
    assert_eq!(judged(&verdicts[0]).missed[0].reason, "not_allowed");
}

#[tokio::test]
async fn the_log_has_what_came_in_and_what_became_of_it() {
    let world = World::open().await;
    world.released("vip", Trigger::Event, &gold()).await;
    let mut coming = follow(&world.services);
    send(&world, json!([event("1", "shop.view", json!({})), event("2", "ecUser", json!({}))])).await;
    assert_eq!(coming.next().await.expect("heard").event, "1");
    assert_eq!(coming.next().await.expect("heard").event, "2");
    let services = &world.services;
    let list = async |filter: EventFilter| {
        let page = PageRequest { first: 10, after: None, before: None };
        let page = services.catalog.list_events("default", filter, page).await.expect("listed");
        page.items.into_iter().map(|event| event.event).collect::<Vec<_>>()
    };
    assert_eq!(list(EventFilter::default()).await, ["2", "1"]);
    let below = Some(store::catalog::EventTypes::Below("shop.".into()));
    assert_eq!(list(EventFilter { types: below, ..EventFilter::default() }).await, ["1"]);
    assert_eq!(list(EventFilter { matched: Some(true), ..EventFilter::default() }).await, [""; 0]);
    let logged = services.catalog.event("default", "2").await.expect("read").expect("is there");
    let kept = Judged::kept(&logged.verdict).expect("a verdict");
    assert_eq!((kept.missed[0].integration.as_str(), kept.missed[0].reason.as_str()), ("vip", "filter_false"));
    assert_eq!(logged.body, masked(services, &logged));
}

//! A day without anybody to fire schedules, by each catch-up rule: so many runs as it says, and the API answers meanwhile.

use std::sync::Arc;
use std::time::Duration;

use schedules::{Clock, Millis, Stopwatch, SystemClock};
use serde_json::{Value, json};
use store::embedded::{Embedded, Options};
use store::queue::{Cursor, Fired, Firing, Inspect, Queue, ScheduleRef};
use store::{IntegrationId, ScheduleId};

use crate::support::{Server, until};

const MINUTE: i64 = 60_000;
const CAP: u64 = 20;
const POLICIES: [(&str, u64); 3] = [("none", 0), ("last", 1), ("all", CAP)];

/// Schedules of each policy: some in a test, 1,000 when a `CHAOS` is asked for.
fn schedules() -> usize {
    if std::env::var_os("CHAOS").is_some() { 1_000 } else { 20 }
}

/// Puts a schedule; one call too many waits for its turn.
async fn put(server: &Server, path: &str, body: &Value) {
    until("the schedule to be put", async || match server.call("PUT", path, Some(body.clone())).await {
        (429, _) => None,
        (status, answer) => {
            assert_eq!(status, 201, "{answer}");
            Some(())
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_minutes_is_made_up_for_as_each_rule_says() {
    let mut server = Server::start().await;
    let end = Millis((SystemClock.now().0 / MINUTE - 5) * MINUTE);
    for (policy, _) in POLICIES {
        server.deploy(policy, "module.exports = () => null;", json!({})).await;
        for n in 0..schedules() {
            let body = json!({
                "every": "minute", "overlap": "allow", "catchup": policy, "catchupCap": CAP, "end": end.to_rfc3339(),
                "catchupWindow": "2 days",
            });
            put(&server, &format!("/v1/integrations/{policy}/schedules/s{n}"), &body).await;
        }
    }
    let all = ids(&server).await;
    assert_eq!(all.len(), 3 * schedules());
    until("every schedule to begin", async || {
        let page = server.get("/v1/integrations/all/schedules?first=100").await;
        page["items"].as_array()?.iter().all(|it| it["cursor"].is_string()).then_some(())
    })
    .await;
    server.terminate().await;
    a_day_ago(&server, &all, end).await;
    server.restart().await;
    let slow = until_drained(&server).await;
    for (policy, runs) in POLICIES {
        let wanted = runs * schedules() as u64;
        let found = server.get(&format!("/v1/runs?integration={policy}&first=1")).await;
        assert_eq!(found["totalCount"], wanted, "{policy}");
        if runs > 0 {
            assert_eq!(
                (&found["items"][0]["cause"], &found["items"][0]["outcome"]),
                (&json!("catchup"), &json!("succeeded"))
            );
        }
        let told = server.get(&format!("/v1/integrations/{policy}/schedules/s0/ticks?first=100")).await;
        let count = |verdict: &str| -> u64 {
            let of_it = told["items"].as_array().expect("items").iter().filter(|tick| tick["verdict"] == verdict);
            of_it.filter_map(|tick| tick["count"].as_u64()).sum()
        };
        assert_eq!((count("fired"), count("missed")), (runs, 1_440 - runs), "{policy}: {told}");
    }
    println!(
        "{} schedules of each rule, {CAP} made up for: API p99 {} ms while draining",
        schedules(),
        slow.as_millis()
    );
}

/// The schedules there are.
async fn ids(server: &Server) -> Vec<ScheduleRef> {
    let mut all = Vec::new();
    for (policy, _) in POLICIES {
        let integration: IntegrationId = id(&server.get(&format!("/v1/integrations/{policy}")).await["id"]);
        let mut after = String::new();
        loop {
            let page = server.get(&format!("/v1/integrations/{policy}/schedules?first=100{after}")).await;
            let items = page["items"].as_array().expect("items").iter();
            all.extend(items.map(|item| ScheduleRef { integration, schedule: id::<ScheduleId>(&item["id"]) }));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
    }
    all
}

fn id<T: std::str::FromStr<Err = ()>>(value: &Value) -> T {
    value.as_str().and_then(|text| text.parse().ok()).expect("an id")
}

/// Moves the schedules' cursors back, as if nobody had fired for a day.
async fn a_day_ago(server: &Server, all: &[ScheduleRef], end: Millis) {
    let file = server.data().join("queue.db");
    let queue = Embedded::open(&file, Options::default(), Arc::new(SystemClock)).expect("the queue is free");
    for schedule in all {
        let from: Option<Cursor> = queue.cursors(vec![*schedule]).await.expect("cursors answers")[0];
        let back = Firing::new(*schedule, from, end.after(-1_440 * MINUTE));
        assert!(matches!(queue.fire(back).await.expect("fire answers"), Fired::Queued { .. }));
    }
}

/// Asks the API again and again until every run is made; the answer is the 99th percentile.
async fn until_drained(server: &Server) -> Duration {
    let wanted: u64 = POLICIES.iter().map(|(_, runs)| runs * schedules() as u64).sum();
    let mut took = Vec::new();
    until("every run to be made", async || {
        let watch = Stopwatch::start();
        let runs = server.get("/v1/runs?first=1").await;
        took.push(watch.elapsed());
        assert!(runs["totalCount"].as_u64() <= Some(wanted), "{} of {wanted}", runs["totalCount"]);
        (runs["totalCount"] == wanted).then_some(())
    })
    .await;
    took.sort();
    took[took.len() * 99 / 100]
}

/// Ticks that are due at one instant: some in a test, 99,000 when a `CHAOS` is asked for.
fn at_once() -> i64 {
    if std::env::var_os("CHAOS").is_some() { 99_000 } else { 3_000 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_due_at_one_instant_runs_once_and_the_api_answers() {
    let server = Server::start().await;
    server.deploy("many", "module.exports = () => null;", json!({})).await;
    put(&server, "/v1/integrations/many/schedules/past", &json!({ "every": "minute", "overlap": "allow" })).await;
    server.post("/v1/integrations/many/schedules/past/pause", json!({ "note": "the past only" })).await;
    let wanted = at_once();
    let to = Millis((SystemClock.now().0 / MINUTE - 5) * MINUTE);
    let from = to.after(-(wanted - 1) * MINUTE);
    let body = json!({ "from": from.to_rfc3339(), "to": to.to_rfc3339(), "overlap": "allow" });
    server.post("/v1/integrations/many/schedules/past/backfill", body).await;
    let mut took = Vec::new();
    until("every run to be made", async || {
        let watch = Stopwatch::start();
        let runs = server.get("/v1/runs?integration=many&first=1").await;
        took.push(watch.elapsed());
        (runs["totalCount"].as_i64() >= Some(wanted)).then_some(())
    })
    .await;
    took.sort();
    println!("{wanted} ticks at once: API p99 {} ms while draining", took[took.len() * 99 / 100].as_millis());
    let runs = server.get("/v1/runs?integration=many&first=100").await;
    let fired = runs["items"].as_array().expect("items").iter().filter(|run| run["cause"] == "schedule").count();
    assert_eq!(runs["totalCount"].as_i64(), Some(wanted + i64::try_from(fired).expect("few")), "{fired} on time");
}

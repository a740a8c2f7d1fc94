//! Simulated and real: the same settings and calls, through the queue and the duties on a clock that is moved by hand.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use store::IntegrationId;
use store::catalog::{Outcome, RunFilter, Trigger};
use store::queue::{Inspect, PageRequest};

use super::{Call, Plan, Row, Subject, What, simulate};
use crate::limits::{self, Limiters};
use crate::settings::Settings;
use crate::situations::{Stage, Start, simulated};
use crate::world::{NOW, World};

const SECOND: i64 = 1_000;
const RUN_MS: u64 = 1_400;

fn call(at_ms: i64, verb: &str, body: Value) -> Call {
    call_of("it", at_ms, verb, body, json!([]))
}

fn call_of(integration: &str, at_ms: i64, verb: &str, body: Value, runs: Value) -> Call {
    let line =
        json!({ "at": NOW.after(at_ms).0, "integration": integration, "call": verb, "body": body, "runs": runs });
    Call::parse(&line.to_string()).expect("a call")
}

/// What is simulated, and happens.
struct Scene {
    integrations: Vec<(&'static str, Trigger, Value)>,
    limiters: Value,
    room: usize,
    calls: Vec<Call>,
    to_ms: i64,
}

impl Scene {
    fn of(settings: &Value, trigger: Trigger, calls: &[Call], to_ms: i64) -> Self {
        let integrations = vec![("it", trigger, settings.clone())];
        Self { integrations, limiters: json!({}), room: 1_000_000, calls: calls.to_vec(), to_ms }
    }

    fn plan(&self, id: impl Fn(&str) -> Option<IntegrationId>) -> Plan {
        let subject = |(name, trigger, settings): &(&str, Trigger, Value)| {
            let settings = Settings::parse(settings).expect("settings");
            Subject { name: (*name).to_owned(), id: id(name), trigger: *trigger, settings }
        };
        Plan {
            subjects: self.integrations.iter().map(subject).collect(),
            calls: self.calls.clone(),
            from: NOW.after(1),
            to: NOW.after(self.to_ms),
            run_ms: RUN_MS,
            limiters: Limiters::parse(self.limiters.clone()).expect("limiters"),
            room: Some(self.room),
        }
    }

    /// Plays it; both must agree.
    async fn check(&self, what: &str) -> BTreeSet<Start> {
        let world = World::with_room(self.room).await;
        for (limiter, body) in self.limiters.as_object().into_iter().flatten() {
            limits::put(&world.services, limiter, body.clone()).await.expect("made");
        }
        for (name, trigger, settings) in &self.integrations {
            world.released(name, *trigger, settings).await;
        }
        let mut stage = Stage::open(world.services.clone(), world.clock.clone(), RUN_MS).await;
        for (place, call) in self.calls.iter().enumerate() {
            stage.until(call.at).await;
            stage.make(place, call).await;
        }
        stage.until(NOW.after(self.to_ms)).await;
        let (happened, simulated) =
            (stage.starts(), simulated(&self.plan(|name| stage.id_of(name))).expect("simulated"));
        assert!(!happened.is_empty(), "{what}: nothing happens");
        let only = |one: &BTreeSet<Start>, other: &BTreeSet<Start>| one.difference(other).cloned().collect::<Vec<_>>();
        assert!(
            simulated == happened,
            "{what}\nonly simulated: {:#?}\nonly real: {:#?}",
            only(&simulated, &happened),
            only(&happened, &simulated)
        );
        happened
    }
}

async fn check(what: &str, settings: &Value, trigger: Trigger, calls: &[Call], to_ms: i64) {
    Scene::of(settings, trigger, calls, to_ms).check(what).await;
}

/// What is told of one integration.
fn told(settings: &Value, trigger: Trigger, calls: &[Call], to_ms: i64) -> Vec<Row> {
    let mut rows = Vec::new();
    simulate(&Scene::of(settings, trigger, calls, to_ms).plan(|_| None), &mut |row| rows.push(row)).expect("simulated");
    rows
}

fn keyed(n: usize) -> Value {
    json!({ "key": { "email": format!("{n}@example.com"), "list": n % 3 } })
}

#[tokio::test]
async fn schedules_start_when_simulated() {
    for (what, schedule) in [
        ("every 10 s", json!({ "every": "10s" })),
        ("jitter", json!({ "every": "10s", "jitter": "3s" })),
        ("cron in a zone", json!({ "cron": "*/15 * * * * *", "timezone": "Europe/London" })),
        ("longer runs are skipped over", json!({ "every": "1s" })),
        ("one at a time", json!({ "every": "1s", "overlap": "queue" })),
        ("side by side", json!({ "every": "1s", "overlap": "allow" })),
        ("the newest wins", json!({ "every": "1s", "overlap": "cancel_running" })),
    ] {
        let to_ms = if schedule["every"] == "1s" { 6 * SECOND } else { 60 * SECOND };
        check(what, &json!({ "schedule": schedule }), Trigger::Recurring, &[], to_ms).await;
    }
    let pauses = [call(25 * SECOND, "pause", json!({})), call(47 * SECOND, "resume", json!({}))];
    check("a pause", &json!({ "schedule": { "every": "10s" } }), Trigger::Recurring, &pauses, 90 * SECOND).await;
}

#[tokio::test]
async fn calls_start_when_simulated() {
    let at = |delay: &str, key: usize| {
        let mut body = keyed(key);
        body["delay"] = json!(delay);
        body
    };
    let mixed = [
        call(1_000, "schedule", at("10s", 1)),
        call(2_000, "schedule", at("20s", 2)),
        call(3_000, "schedule", at("5s", 1)),
        call(4_000, "schedule", at("30s", 3)),
        call(5_000, "cancel", json!({ "match": { "list": 0 } })),
        call(6_000, "reschedule", at("1s", 2)),
        call(7_000, "execute", keyed(4)),
        call(7_100, "pause", json!({})),
        call(9_000, "resume", json!({})),
    ];
    check("replaced, cancelled, moved", &json!({}), Trigger::Experience, &mixed, 60 * SECOND).await;
    let pushed = |delay: &str, wait: &str| json!({ "key": { "email": "a" }, "mode": "debounce", "delay": delay, "maxWait": wait });
    let quiet: Vec<Call> = (0..9).map(|n| call(1_000 + 700 * n, "schedule", pushed("2s", "5s"))).collect();
    check("debounced", &json!({}), Trigger::Experience, &quiet, 60 * SECOND).await;
    let one = |n: i64| call(1_000 + 450 * n, "schedule", json!({ "key": { "email": "a" }, "mode": "singleton" }));
    check("one at a time", &json!({}), Trigger::Experience, &(0..9).map(one).collect::<Vec<_>>(), 60 * SECOND).await;
    // NOW is a Friday, 08:00:00Z.
    let window = |day: &str, time: &str, outside: &str| {
        let mut body = keyed(7);
        body["window"] = json!({ "day": day, "time": time, "outside": outside });
        body
    };
    for (what, body) in [
        ("later today", window("friday", "10:00-12:00", "move")),
        ("after the weekend", window("monday-thursday", "07:00-09:00", "move")),
        ("open now", window("friday", "00:00-24:00", "drop")),
    ] {
        check(what, &json!({}), Trigger::Experience, &[call(1_000, "schedule", body)], 8 * 86_400 * SECOND).await;
    }
}

#[tokio::test]
async fn limits_delay_as_simulated() {
    let burst: Vec<Call> = (0..24).map(|n| call(1_000 + 37 * n as i64, "schedule", keyed(n))).collect();
    for (what, settings) in [
        ("one bucket", json!({ "rateLimits": [{ "limit": 3, "interval": "10s", "onExceed": "delay" }] })),
        ("spaced", json!({ "rateLimits": [{ "limit": 3, "interval": "10s", "burst": 1, "onExceed": "delay" }] })),
        (
            "sliding",
            json!({ "rateLimits": [{ "limit": 3, "interval": "10s", "algorithm": "sliding_window", "onExceed": "delay" }] }),
        ),
        ("by key", json!({ "rateLimits": [{ "limit": 2, "interval": "10s", "key": ["list"], "onExceed": "delay" }] })),
        ("refused", json!({ "rateLimits": [{ "limit": 5, "interval": "1m" }] })),
        (
            "two rules",
            json!({ "rateLimits": [
            { "limit": 4, "interval": "10s", "onExceed": "delay" },
            { "limit": 2, "interval": "30s", "key": ["list"], "onExceed": "delay" },
        ] }),
        ),
        ("concurrency", json!({ "concurrency": 2 })),
        ("lanes", json!({ "concurrency": { "limit": 1, "key": ["list"] } })),
    ] {
        check(what, &settings, Trigger::Experience, &burst, 300 * SECOND).await;
    }
}

/// Calls of several integrations: every `gap_ms`, in turn.
fn in_turn(names: &[&str], count: i64, gap_ms: i64, runs: &Value) -> Vec<Call> {
    let made = |n: i64| {
        let name = names[usize::try_from(n).unwrap_or(0) % names.len()];
        call_of(name, 1_000 + gap_ms * n, "schedule", keyed(usize::try_from(n).unwrap_or(0)), runs.clone())
    };
    (0..count).map(made).collect()
}

#[tokio::test]
async fn retries_come_when_simulated() {
    let runs = |runs: Value| move |at_ms: i64, body: Value| call_of("it", at_ms, "schedule", body, runs.clone());
    let twice = runs(json!(["fail", "fail"]));
    let settings = json!({ "timeoutMs": 5_000, "retry": { "min": "2s", "factor": 3 } });
    let calls = [
        twice(1_000, keyed(1)),
        runs(json!(["fail", "fail", "fail"]))(1_100, keyed(2)),
        runs(json!(["timeout"]))(1_200, keyed(3)),
        runs(json!(["fatal"]))(1_300, keyed(4)),
        runs(json!([{ "ends": "fail", "retryAfter": "20s", "takes": 7 }]))(1_400, keyed(5)),
        // It takes the key of one that waits for its retry.
        call(4_000, "schedule", json!({ "key": keyed(1)["key"], "delay": "30s" })),
    ];
    let starts = Scene::of(&settings, Trigger::Experience, &calls, 120 * SECOND).check("retries").await;
    assert_eq!(starts.iter().filter(|start| start.attempt == 3).count(), 1);

    let hasty = json!({ "retry": { "min": "3s", "jitter": 0, "giveUpAfter": "8s" } });
    check("given up", &hasty, Trigger::Experience, &[twice(1_000, keyed(1))], 60 * SECOND).await;
    let patient = json!({ "retry": { "min": "1h", "factor": 2 } });
    let mut windowed = keyed(1);
    windowed["window"] = json!({ "time": "07:00-09:00" });
    check("in the next opening", &patient, Trigger::Experience, &[twice(1_000, windowed)], 60 * 3_600 * SECOND).await;
    let fifo = json!({
        "concurrency": { "limit": 1, "key": ["list"], "fifo": true }, "retry": { "min": "9s", "jitter": 0 },
    });
    let burst = in_turn(&["it"], 9, 37, &json!(["fail"]));
    check("in order", &fifo, Trigger::Experience, &burst, 300 * SECOND).await;
    let limited = json!({
        "rateLimits": [{ "limit": 2, "interval": "10s", "onExceed": "delay" }], "retry": { "min": "4s", "jitter": 0 },
    });
    check("not charged again", &limited, Trigger::Experience, &burst, 300 * SECOND).await;
}

#[tokio::test]
async fn what_is_shut_opens_when_simulated() {
    let key = |list: usize| json!({ "rule": 0, "key": { "list": list } });
    let runs = json!([{ "ends": "fail", "retryAfter": "12s" }]);
    let mut calls = in_turn(&["it"], 12, 500, &json!([]));
    calls.extend(in_turn(&["it"], 3, 61, &runs).into_iter().map(|call| Call { at: call.at.after(8_000), ..call }));
    calls.push(call(2_000, "pause_key", key(1)));
    calls.push(call(30_000, "resume_key", key(1)));
    calls.push(call(11_000, "reset_key", key(2)));
    calls.sort_by_key(|call| call.at);
    for on_exceed in ["delay", "reject"] {
        let rule =
            json!({ "limit": 2, "interval": "10s", "key": ["list"], "onExceed": on_exceed, "backPressure": true });
        let settings = json!({ "rateLimits": [rule], "retry": { "min": "1s", "jitter": 0 } });
        check(on_exceed, &settings, Trigger::Experience, &calls, 300 * SECOND).await;
    }
}

#[tokio::test]
async fn what_integrations_share_is_shared_as_simulated() {
    let names = ["it", "other", "third"];
    let shared = json!({ "rateLimits": [{ "limiter": "crm", "onExceed": "delay" }] });
    let scene = |settings: &Value, room: usize, calls: Vec<Call>| Scene {
        integrations: names.map(|name| (name, Trigger::Experience, settings.clone())).to_vec(),
        limiters: json!({ "crm": { "limit": 3, "interval": "10s", "burst": 2 } }),
        room,
        calls,
        to_ms: 300 * SECOND,
    };
    scene(&shared, 1_000_000, in_turn(&names, 20, 41, &json!([]))).check("a limiter").await;
    let mut paused = in_turn(&names, 20, 41, &json!(["fail"]));
    paused.push(call(1_300, "pause_key", json!({ "rule": 0 })));
    paused.push(call(20_000, "reset_key", json!({ "rule": 0 })));
    paused.push(call_of("third", 30_000, "resume_key", json!({ "rule": 0 }), json!([])));
    paused.sort_by_key(|call| call.at);
    scene(&shared, 1_000_000, paused).check("a limiter that is paused").await;
    for room in [1, 2, 5] {
        // Each has had a turn before: among those that had none, nobody is first.
        let short = in_turn(&names, 3, 100, &json!([{ "takes": 9 }])).into_iter();
        let long = in_turn(&names, 30, 23, &json!([{ "takes": "3100ms" }])).into_iter();
        let calls = short.chain(long.map(|call| Call { at: call.at.after(1_000), ..call })).collect();
        scene(&json!({}), room, calls).check(&format!("room for {room}")).await;
    }
}

#[tokio::test]
async fn what_is_refused_and_skipped_is_told() {
    let settings = json!({ "rateLimits": [{ "limit": 1, "interval": "1m" }] });
    let calls = [call(1_000, "schedule", keyed(1)), call(2_000, "schedule", keyed(2))];
    let rows = told(&settings, Trigger::Experience, &calls, 10 * SECOND);
    let names: Vec<&str> = rows.iter().map(|row| row.what.name()).collect();
    assert_eq!(names, ["queued", "started", "queued", "rate_limited"]);

    let rows = told(&json!({ "schedule": { "every": "1s" } }), Trigger::Recurring, &[], 2_500);
    let skipped = rows.iter().filter(|row| row.what == What::Skipped).count();
    assert_eq!(skipped, 1, "{rows:?}");

    let world = World::open().await;
    let page = PageRequest { first: 10, after: None, before: None };
    let filter = RunFilter { outcome: Some(Outcome::SkippedOverlap), ..RunFilter::default() };
    assert_eq!(world.services.catalog.list_runs("default", filter, page).await.expect("runs").total, 0);
    assert!(world.services.queue.counts().await.expect("counts").is_empty());
}

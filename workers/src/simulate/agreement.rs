//! Simulated and real: the same settings and calls, through the queue and the duties on a clock that is moved by hand.

use std::collections::{BTreeMap, BTreeSet};

use schedules::Millis;
use serde_json::{Value, json};
use store::IntegrationId;
use store::catalog::{Outcome, RunFilter, Trigger};
use store::queue::{Claim, Inspect, Leased, Next, PageRequest, Queue as _, Settlement};

use super::{Call, Name, Plan, Row, Subject, Verb, What, simulate};
use crate::authoring::{control, pause, resume};
use crate::invoke::{self, How, Target};
use crate::settings::Settings;
use crate::worker::plan::reopening;
use crate::world::{NOW, World};
use crate::{Services, duties};

const SECOND: i64 = 1_000;
const RUN_MS: i64 = 1_400;

/// When something starts: a tick by its nominal time, a call by its key.
type Starts = BTreeSet<(Millis, String)>;

fn call(at_ms: i64, verb: Verb, body: Value) -> Call {
    Call { at: NOW.after(at_ms), integration: "it".into(), verb, body }
}

fn planned(
    settings: &Value,
    trigger: Trigger,
    calls: &[Call],
    to_ms: i64,
    id: Option<IntegrationId>,
) -> (Plan, Vec<Row>) {
    let subject = Subject { name: "it".into(), id, trigger, settings: Settings::parse(settings).expect("settings") };
    let plan = Plan {
        subjects: vec![subject],
        calls: calls.to_vec(),
        from: NOW.after(1),
        to: NOW.after(to_ms),
        run_ms: RUN_MS.unsigned_abs(),
    };
    let mut rows = Vec::new();
    simulate(&plan, &mut |row| rows.push(row)).expect("simulated");
    (plan, rows)
}

fn simulated(rows: &[Row]) -> Starts {
    let text = |name: &Name| match name {
        Name::Tick(nominal) => nominal.0.to_string(),
        Name::Key(key) => key.to_string(),
        Name::Call(number) => number.to_string(),
    };
    rows.iter().filter(|row| matches!(row.what, What::Started { .. })).map(|row| (row.at, text(&row.job))).collect()
}

/// The real queue and the real duties, from one instant at which something may happen to the next.
async fn happened(settings: &Value, trigger: Trigger, calls: &[Call], to_ms: i64) -> (Starts, IntegrationId) {
    let world = World::open().await;
    let services = &world.services;
    let entry = world.released("it", trigger, settings).await;
    let parsed = Settings::parse(settings).expect("settings");
    services.queue.control(entry.id, control(&parsed, &services.directory.limits(&parsed), false)).await.expect("told");
    duties::fire::run(services.clone()).await.expect("the cursor is set");
    let mut calls = calls.to_vec();
    let (mut starts, mut running) = (Starts::new(), BTreeMap::<Millis, Vec<Leased>>::new());
    let end = NOW.after(to_ms);
    loop {
        let now = services.clock.now();
        while let Some((at, ended)) = running.pop_first() {
            if at > now {
                running.insert(at, ended);
                break;
            }
            let settlements = ended.iter().map(|leased| Settlement { lease: leased.lease, next: Next::Remove });
            services.queue.settle(settlements.collect()).await.expect("settled");
        }
        let mut tick = duties::fire::run(services.clone()).await.expect("fired");
        while calls.first().is_some_and(|call| call.at <= now) {
            make(services, calls.remove(0)).await;
            tick = duties::fire::run(services.clone()).await.expect("fired");
        }
        let next_due = claimed(services, now, &mut starts, &mut running).await;
        let next = [tick, calls.first().map(|call| call.at), next_due, running.keys().next().copied()];
        match next.into_iter().flatten().min().map(|next| next.max(now.after(1))) {
            Some(next) if next < end => world.clock.advance(next.since(now)),
            _ => return (starts, entry.id),
        };
    }
}

async fn make(services: &Services, call: Call) {
    let target: Target = "it".parse().expect("a target");
    match call.verb {
        Verb::Schedule => drop(invoke::schedule(services, &target, call.body, None).await),
        Verb::Execute => {
            drop(invoke::execute(services, &target, call.body, How { respond_async: true, ..How::default() }).await)
        }
        Verb::Reschedule => drop(invoke::reschedule(services, &target, call.body).await),
        Verb::Cancel => drop(invoke::cancel(services, &target, call.body).await),
        Verb::Pause => drop(pause(services, "it", String::new()).await.expect("paused")),
        Verb::Resume => drop(resume(services, "it").await.expect("resumed")),
    }
}

/// Claims until there is nothing more; when there will be.
async fn claimed(
    services: &Services,
    now: Millis,
    starts: &mut Starts,
    running: &mut BTreeMap<Millis, Vec<Leased>>,
) -> Option<Millis> {
    loop {
        let claimed = services.queue.claim(Claim { limit: 64, lease_ms: 3_600_000 }).await.expect("claimed");
        for leased in claimed.jobs {
            let name = match (&leased.job.tick, &leased.job.key) {
                (Some(tick), _) => tick.nominal.0.to_string(),
                (None, Some(key)) => key.canonical().to_owned(),
                (None, None) => String::new(),
            };
            match leased.grant {
                store::queue::Grant::Start => {
                    starts.insert((now, name));
                    running.entry(now.after(RUN_MS)).or_default().push(leased);
                }
                store::queue::Grant::Refused(_) => settle(services, &leased, Next::Remove).await,
                store::queue::Grant::Closed => {
                    let next = reopening(&leased.job, now)
                        .map_or(Next::Remove, |opening| Next::Return { due: opening.due, closes: opening.closes });
                    settle(services, &leased, next).await;
                }
            }
        }
        if claimed.next_due.is_none_or(|due| due > now) {
            return claimed.next_due;
        }
    }
}

async fn settle(services: &Services, leased: &Leased, next: Next) {
    services.queue.settle(vec![Settlement { lease: leased.lease, next }]).await.expect("settled");
}

async fn check(what: &str, settings: &Value, trigger: Trigger, calls: &[Call], to_ms: i64) {
    let (happened, id) = happened(settings, trigger, calls, to_ms).await;
    let (_, rows) = planned(settings, trigger, calls, to_ms, Some(id));
    let simulated = simulated(&rows);
    assert!(!happened.is_empty(), "{what}: nothing happens");
    let only = |one: &Starts, other: &Starts| one.difference(other).cloned().collect::<Vec<_>>();
    assert_eq!(
        simulated,
        happened,
        "{what}\nonly simulated: {:?}\nonly real: {:?}",
        only(&simulated, &happened),
        only(&happened, &simulated)
    );
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
    let pauses = [call(25 * SECOND, Verb::Pause, json!({})), call(47 * SECOND, Verb::Resume, json!({}))];
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
        call(1_000, Verb::Schedule, at("10s", 1)),
        call(2_000, Verb::Schedule, at("20s", 2)),
        call(3_000, Verb::Schedule, at("5s", 1)),
        call(4_000, Verb::Schedule, at("30s", 3)),
        call(5_000, Verb::Cancel, json!({ "match": { "list": 0 } })),
        call(6_000, Verb::Reschedule, at("1s", 2)),
        call(7_000, Verb::Execute, keyed(4)),
        call(7_100, Verb::Pause, json!({})),
        call(9_000, Verb::Resume, json!({})),
    ];
    check("replaced, cancelled, moved", &json!({}), Trigger::Experience, &mixed, 60 * SECOND).await;
    let pushed = |delay: &str, wait: &str| json!({ "key": { "email": "a" }, "mode": "debounce", "delay": delay, "maxWait": wait });
    let quiet: Vec<Call> = (0..9).map(|n| call(1_000 + 700 * n, Verb::Schedule, pushed("2s", "5s"))).collect();
    check("debounced", &json!({}), Trigger::Experience, &quiet, 60 * SECOND).await;
    let one = |n: i64| call(1_000 + 450 * n, Verb::Schedule, json!({ "key": { "email": "a" }, "mode": "singleton" }));
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
        check(what, &json!({}), Trigger::Experience, &[call(1_000, Verb::Schedule, body)], 8 * 86_400 * SECOND).await;
    }
}

#[tokio::test]
async fn limits_delay_as_simulated() {
    let burst: Vec<Call> = (0..24).map(|n| call(1_000 + 37 * n as i64, Verb::Schedule, keyed(n))).collect();
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

#[tokio::test]
async fn what_is_refused_and_skipped_is_told() {
    let settings = json!({ "rateLimits": [{ "limit": 1, "interval": "1m" }] });
    let calls = [call(1_000, Verb::Schedule, keyed(1)), call(2_000, Verb::Schedule, keyed(2))];
    let (_, rows) = planned(&settings, Trigger::Experience, &calls, 10 * SECOND, None);
    let names: Vec<&str> = rows.iter().map(|row| row.what.name()).collect();
    assert_eq!(names, ["queued", "started", "queued", "rate_limited"]);

    let (_, rows) = planned(&json!({ "schedule": { "every": "1s" } }), Trigger::Recurring, &[], 2_500, None);
    let skipped = rows.iter().filter(|row| row.what == What::Skipped).count();
    assert_eq!(skipped, 1, "{rows:?}");

    let world = World::open().await;
    let page = PageRequest { first: 10, after: None, before: None };
    let filter = RunFilter { outcome: Some(Outcome::SkippedOverlap), ..RunFilter::default() };
    assert_eq!(world.services.catalog.list_runs("default", filter, page).await.expect("runs").total, 0);
    assert!(world.services.queue.counts().await.expect("counts").is_empty());
}

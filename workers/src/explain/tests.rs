//! Twenty situations: the gate that holds, and the earliest start; then the clock is set, and the job starts then.

use schedules::{Clock, Key};
use serde_json::{Value, json};
use store::JobId;
use store::catalog::Trigger;
use store::queue::{Claim, Grant, Next, Queue, Settlement};

use super::*;
use crate::authoring::pause;
use crate::duties;
use crate::invoke::{self, Target};
use crate::limits::{self, Change};
use crate::world::{NOW, World};

const HOUR_MS: i64 = 3_600_000;

/// A world with one integration, `hello`.
struct Scene {
    world: World,
    target: Target,
}

impl Scene {
    async fn new(settings: Value) -> Self {
        let world = World::open().await;
        world.released("hello", Trigger::Experience, &settings).await;
        duties::agree(world.services.clone()).await.expect("the queue is told");
        Self { world, target: "hello".parse().expect("a name") }
    }

    async fn schedule(&self, body: Value) -> JobId {
        invoke::schedule(&self.world.services, &self.target, body, None).await.expect("scheduled").job
    }

    /// Lets workers take what there is; they never come to an end unless `end` says so.
    async fn work(&self, end: Option<Next>) -> Vec<JobId> {
        let mut started = Vec::new();
        loop {
            let claimed =
                self.world.services.queue.claim(Claim { limit: 100, lease_ms: u32::MAX }).await.expect("claimed");
            let settle = |it: &store::queue::Leased| {
                let next = match it.grant {
                    Grant::Start => end.clone()?,
                    // As the worker does: another opening, or the end.
                    Grant::Closed => match crate::worker::reopening(&it.job, self.world.clock.now()) {
                        Some(opening) => Next::Return { due: opening.due, closes: opening.closes },
                        None => Next::Remove,
                    },
                    Grant::Refused(_) => Next::Remove,
                };
                Some(Settlement { lease: it.lease, next })
            };
            let settlements: Vec<_> = claimed.jobs.iter().filter_map(settle).collect();
            started.extend(claimed.jobs.iter().filter(|it| it.grant == Grant::Start).map(|it| it.job.id));
            self.world.services.queue.settle(settlements).await.expect("settled");
            if claimed.next_due.is_none_or(|due| due > self.world.clock.now()) {
                return started;
            }
        }
    }

    async fn explain(&self, job: JobId) -> Explanation {
        match by_job(&self.world.services, job).await.expect("it is explained") {
            Found::Queued(_, explanation) => explanation,
            Found::Ended(run) => panic!("it has ended: {run:?}"),
        }
    }

    /// Checks the gate that holds and the time that is said; if one is, the job starts exactly then.
    async fn check(&self, job: JobId, gate: Option<GateName>, start_ms: Option<i64>) {
        let explained = self.explain(job).await;
        assert_eq!(explained.held_by, gate, "{explained:#?}");
        assert_eq!(explained.earliest_start.map(|at| at.since(NOW)), start_ms, "{explained:#?}");
        assert_eq!(explained.gates.len(), 8);
        let Some(start) = start_ms.map(|ms| NOW.after(ms)) else { return };
        // Everything on the way happens at its time, and up to a millisecond before, nothing of this job does.
        let end = Some(Next::Remove);
        while self.world.clock.now() < start.after(-1) {
            let started = self.work(end.clone()).await;
            assert!(!started.contains(&job), "it started at {:?}", self.world.clock.now().since(NOW));
            let next = self.world.services.queue.claim(Claim { limit: 0, lease_ms: 1 }).await.expect("asked").next_due;
            let next = next.unwrap_or(start).clamp(self.world.clock.now().after(1), start.after(-1).max(NOW));
            self.world.clock.set(next);
        }
        if start > NOW {
            let started = self.work(end.clone()).await;
            assert!(!started.contains(&job), "a millisecond early");
        }
        self.world.clock.set(start);
        assert!(self.work(end).await.contains(&job), "it starts when it was said");
    }
}

fn rule(more: Value) -> Value {
    let mut rule = json!({"limit": 1, "interval": "1m", "onExceed": "delay"});
    rule.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
    json!({ "rateLimits": [rule] })
}

/// 2027-01-15T08:00:00Z is `NOW`, a Friday.
fn hours(text: &str) -> Value {
    json!({"time": text})
}

#[tokio::test]
async fn s01_ready() {
    let scene = Scene::new(json!({})).await;
    let job = scene.schedule(json!({})).await;
    scene.check(job, None, Some(0)).await;
}

#[tokio::test]
async fn s02_not_due() {
    let scene = Scene::new(json!({})).await;
    let job = scene.schedule(json!({"delay": 5_000})).await;
    scene.check(job, Some(GateName::Schedule), Some(5_000)).await;
}

#[tokio::test]
async fn s03_retry() {
    let scene = Scene::new(json!({})).await;
    let job = scene.schedule(json!({})).await;
    let next = Next::Retry { due: NOW.after(700), closes: None, error: "{}".into() };
    assert_eq!(scene.work(Some(next)).await, [job]);
    scene.check(job, Some(GateName::Schedule), Some(700)).await;
}

#[tokio::test]
async fn s04_window_moved_it() {
    let scene = Scene::new(json!({})).await;
    let job = scene.schedule(json!({"window": hours("10:00-12:00")})).await;
    scene.check(job, Some(GateName::Schedule), Some(2 * HOUR_MS)).await;
}

#[tokio::test]
async fn s05_window_closed_meanwhile() {
    let scene = Scene::new(json!({})).await;
    let job = scene.schedule(json!({"window": hours("07:00-09:00")})).await;
    scene.world.clock.set(NOW.after(HOUR_MS));
    scene.check(job, Some(GateName::Window), Some(23 * HOUR_MS)).await;
}

#[tokio::test]
async fn s06_window_drops() {
    let scene = Scene::new(json!({})).await;
    let window = json!({"time": "10:00-12:00", "outside": "drop"});
    let job = scene.schedule(json!({ "window": window })).await;
    scene.check(job, Some(GateName::Window), None).await;
    assert_eq!(scene.work(None).await, []);
}

#[tokio::test]
async fn s07_limit_full_by_key() {
    let scene = Scene::new(rule(json!({"key": ["email"]}))).await;
    let body = |n: i32| json!({"key": {"email": "a", "n": n}});
    let first = scene.schedule(body(1)).await;
    assert_eq!(scene.work(Some(Next::Remove)).await, [first]);
    let job = scene.schedule(body(2)).await;
    let explained = scene.explain(job).await;
    let gate = explained.gates.iter().find(|gate| gate.gate == GateName::Limit).expect("the gate");
    assert_eq!((gate.rule, gate.key.as_deref()), (Some(0), Some(r#"{"email":"a"}"#)));
    scene.check(job, Some(GateName::Limit), Some(60_000)).await;
}

#[tokio::test]
async fn s08_third_in_line() {
    let scene = Scene::new(rule(json!({"limit": 2, "burst": 1}))).await;
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(scene.schedule(json!({})).await);
    }
    assert_eq!(scene.work(Some(Next::Remove)).await, jobs[..1]);
    let explained = scene.explain(jobs[3]).await;
    assert_eq!(explained.gates[2].ahead, Some(2));
    scene.check(jobs[3], Some(GateName::Limit), Some(90_000)).await;
}

#[tokio::test]
async fn s09_heavy_ones_stand_before_it() {
    let scene = Scene::new(rule(json!({"limit": 6}))).await;
    let heavy = |weight: u32| json!({ "weight": weight });
    let jobs = [scene.schedule(heavy(6)).await, scene.schedule(heavy(4)).await, scene.schedule(heavy(3)).await];
    assert_eq!(scene.work(Some(Next::Remove)).await, jobs[..1]);
    scene.check(jobs[2], Some(GateName::Limit), Some(70_000)).await;
}

#[tokio::test]
async fn s10_sliding_window() {
    let scene = Scene::new(rule(json!({"limit": 2, "algorithm": "sliding_window"}))).await;
    scene.schedule(json!({})).await;
    scene.work(Some(Next::Remove)).await;
    scene.world.clock.set(NOW.after(10_000));
    let more = [scene.schedule(json!({})).await, scene.schedule(json!({})).await, scene.schedule(json!({})).await];
    assert_eq!(scene.work(Some(Next::Remove)).await, more[..1]);
    scene.check(more[2], Some(GateName::Limit), Some(70_000)).await;
}

#[tokio::test]
async fn s11_limit_at_its_due_time() {
    let scene = Scene::new(rule(json!({}))).await;
    scene.schedule(json!({})).await;
    scene.work(Some(Next::Remove)).await;
    let job = scene.schedule(json!({"delay": "20s"})).await;
    scene.check(job, Some(GateName::Schedule), Some(60_000)).await;
}

#[tokio::test]
async fn s12_room_only_in_the_next_opening() {
    let scene = Scene::new(rule(json!({"interval": "3h"}))).await;
    scene.schedule(json!({})).await;
    scene.work(Some(Next::Remove)).await;
    let job = scene.schedule(json!({"window": hours("07:00-09:00")})).await;
    scene.work(None).await;
    scene.check(job, Some(GateName::Limit), Some(23 * HOUR_MS)).await;
}

#[tokio::test]
async fn s13_refused() {
    let scene = Scene::new(rule(json!({"onExceed": "reject"}))).await;
    scene.schedule(json!({})).await;
    scene.work(Some(Next::Remove)).await;
    let job = scene.schedule(json!({})).await;
    scene.check(job, Some(GateName::Limit), None).await;
}

#[tokio::test]
async fn s14_held_by_back_pressure() {
    let scene = Scene::new(rule(json!({"limit": 100, "backPressure": true}))).await;
    let id = scene.world.services.directory.by_name("hello").expect("known").id;
    let until = NOW.after(33_000);
    let hold = store::queue::Adjustment::Hold { until };
    scene.world.services.queue.adjust(id, "l0{}".into(), hold).await.expect("held");
    let job = scene.schedule(json!({})).await;
    scene.work(None).await;
    scene.check(job, Some(GateName::Limit), Some(33_000)).await;
}

#[tokio::test]
async fn s15_paused_key() {
    let scene = Scene::new(rule(json!({"key": ["email"], "onExceed": "reject"}))).await;
    let key = Key::parse(&json!({"email": "a"})).expect("a key");
    limits::adjust(&scene.world.services, "hello", 0, (Some(&key), Change::Pause)).await.expect("paused");
    let job = scene.schedule(json!({"key": {"email": "a"}})).await;
    scene.work(None).await;
    scene.check(job, Some(GateName::LimitPause), None).await;
    limits::adjust(&scene.world.services, "hello", 0, (Some(&key), Change::Resume)).await.expect("resumed");
    scene.check(job, None, Some(0)).await;
}

#[tokio::test]
async fn s16_concurrency() {
    let scene = Scene::new(json!({"concurrency": 1})).await;
    let jobs = [scene.schedule(json!({})).await, scene.schedule(json!({})).await];
    assert_eq!(scene.work(None).await, jobs[..1]);
    scene.check(jobs[1], Some(GateName::Concurrency), None).await;
}

#[tokio::test]
async fn s17_concurrency_of_its_lane() {
    let scene = Scene::new(json!({"concurrency": [{"limit": 1, "key": ["email"]}]})).await;
    let jobs = [
        scene.schedule(json!({"key": {"email": "a", "n": 1}})).await,
        scene.schedule(json!({"key": {"email": "a", "n": 2}})).await,
        scene.schedule(json!({"key": {"email": "b"}})).await,
    ];
    let held = scene.world.services.queue.claim(Claim { limit: 1, lease_ms: 90_000 }).await.expect("claimed");
    assert_eq!(held.jobs[0].job.id, jobs[0]);
    scene.check(jobs[1], Some(GateName::Concurrency), None).await;
    scene.check(jobs[2], None, Some(0)).await;
}

#[tokio::test]
async fn s18_paused_with_a_note() {
    let scene = Scene::new(json!({})).await;
    let job = scene.schedule(json!({})).await;
    pause(&scene.world.services, "hello", "the CRM moves".into()).await.expect("paused");
    let explained = scene.explain(job).await;
    let gate = explained.gates.iter().find(|gate| gate.holds).expect("one holds");
    assert!(gate.message.contains("the CRM moves") && gate.since == Some(NOW), "{gate:?}");
    scene.check(job, Some(GateName::Pause), None).await;
}

#[tokio::test]
async fn s19_no_room_for_runs() {
    let scene = Scene::new(json!({})).await;
    let job = scene.schedule(json!({})).await;
    let taken = scene.world.services.leases.hold(store::queue::Lease { job: JobId::new(NOW), token: 1 });
    scene.check(job, Some(GateName::Runners), None).await;
    scene.world.services.leases.release(taken.lease);
    scene.check(job, None, Some(0)).await;
}

#[tokio::test]
async fn s20_a_limiter_that_another_integration_filled() {
    let world = World::open().await;
    let services = &world.services;
    limits::put(services, "crm", json!({"limit": 1, "interval": "1m"})).await.expect("made");
    let settings = json!({"rateLimits": [{"limiter": "crm", "onExceed": "delay"}]});
    world.released("other", Trigger::Experience, &settings).await;
    world.released("hello", Trigger::Experience, &settings).await;
    duties::agree(services.clone()).await.expect("the queue is told");
    let other: Target = "other".parse().expect("a name");
    invoke::schedule(services, &other, json!({}), None).await.expect("scheduled");
    let scene = Scene { world, target: "hello".parse().expect("a name") };
    assert_eq!(scene.work(Some(Next::Remove)).await.len(), 1);
    let job = scene.schedule(json!({})).await;
    scene.work(None).await;
    scene.check(job, Some(GateName::Limit), Some(60_000)).await;
}

#[tokio::test]
async fn a_key_finds_its_job_wherever_it_is() {
    let scene = Scene::new(json!({})).await;
    let services = &scene.world.services;
    let key = Key::parse(&json!({"email": "a"})).expect("a key");
    assert!(by_key(services, "hello", &key).await.is_err());
    let job = scene.schedule(json!({"key": {"email": "a"}, "delay": 5})).await;
    let found = by_key(services, "hello", &key).await.expect("it is pending");
    assert!(
        matches!(found, Found::Queued(view, explained) if view.job.id == job && explained.earliest_start.is_some())
    );
    scene.world.clock.set(NOW.after(5));
    assert_eq!(scene.work(None).await, [job]);
    let found = by_key(services, "hello", &key).await.expect("it runs");
    assert!(matches!(found, Found::Queued(_, explained) if explained.state == "running"));
}

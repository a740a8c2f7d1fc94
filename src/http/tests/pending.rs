//! Jobs that wait, whatever for: they are found, moved and cancelled by key and by id.

use axum::http::{Method, StatusCode};
use schedules::Millis;
use serde_json::{Value, json};
use store::queue::{Claim, Leased, Next, Queue, Settlement};

use super::{Ask, NOW, World};

const KEY: &str = "%7B%22email%22%3A%22a%22%7D";

impl World {
    async fn claim(&self) -> Option<Leased> {
        let claim = Claim { limit: 1, lease_ms: 30_000 };
        self.state.services.queue.claim(claim).await.expect("claimed").jobs.into_iter().next()
    }

    async fn settle(&self, leased: &Leased, next: Next) {
        let settlement = Settlement { lease: leased.lease, next };
        self.state.services.queue.settle(vec![settlement]).await.expect("settled");
    }

    async fn delete(&self, path: &str) -> StatusCode {
        self.ask(&Ask::new(Method::DELETE, path).key(&self.admin)).await.status
    }

    async fn schedule(&self, body: Value) -> Value {
        let answer = self.post("/v1/integrations/w/schedule", &body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        answer.json()["data"].clone()
    }

    /// Brings one job with the key `{"email": "a"}` into a state in which it waits; its id.
    async fn waiting(&self, what: &str) -> String {
        let limit = json!({"limit": 1, "interval": "1h", "onExceed": "delay"});
        let settings = if what == "limit" { json!({"rateLimits": [limit]}) } else { json!({}) };
        let id = self.integration("w", store::catalog::Trigger::Experience, settings.clone()).await;
        let settings = workers::settings::Settings::parse(&settings).expect("settings");
        let mut control =
            workers::authoring::control(&settings, &self.state.services.directory.limits(&settings), false);
        let mut body = json!({"key": {"email": "a"}});
        match what {
            "delayed" => body["delay"] = "2h".into(),
            "window" => body["window"] = json!({"day": "mon-fri", "time": "09:00-17:00"}),
            "pause" => control.paused = true,
            "limit" => {
                self.state.services.queue.control(id, control.clone()).await.expect("set");
                self.schedule(json!({"key": {"email": "first"}})).await;
                self.claim().await.expect("it has room");
            }
            _ => {}
        }
        self.state.services.queue.control(id, control).await.expect("set");
        let job = self.schedule(body).await["jobId"].as_str().expect("an id").to_owned();
        if what == "retrying" {
            let leased = self.claim().await.expect("it is due");
            self.settle(&leased, Next::Retry { due: NOW.after(9_000), closes: None, error: "{}".into() }).await;
        } else if what != "ready" {
            assert!(self.claim().await.is_none(), "{what}: it waits");
        }
        job
    }
}

const STATES: [&str; 6] = ["delayed", "ready", "limit", "pause", "retrying", "window"];

#[tokio::test]
async fn a_waiting_job_is_found_and_cancelled_by_its_key() {
    for what in STATES {
        let world = World::new().await;
        let id = world.waiting(what).await;
        for by in ["key", "match"] {
            let found = world.get(&format!("/v1/jobs?integration=w&state=pending&{by}={KEY}")).await.json();
            assert_eq!((&found["totalCount"], &found["items"][0]["id"]), (&json!(1), &json!(id)), "{what} {by}");
        }
        let cancelled = world.post("/v1/integrations/w/cancel", &json!({"key": {"email": "a"}})).await.json();
        assert_eq!(cancelled["data"]["cancelled"], 1, "{what}");
        world.clock.advance(7 * 86_400_000);
        assert!(world.claim().await.is_none_or(|leased| leased.job.id.to_string() != id), "{what}: it is gone");
    }
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_by_its_id() {
    for what in STATES {
        let world = World::new().await;
        let id = world.waiting(what).await;
        assert_eq!(world.delete(&format!("/v1/jobs/{id}")).await, StatusCode::NO_CONTENT, "{what}");
        let cancelled = world.post("/v1/integrations/w/cancel", &json!({"match": {"email": "a"}})).await.json();
        assert_eq!(cancelled["data"]["cancelled"], 0, "{what}");
    }
}

#[tokio::test]
async fn a_waiting_job_is_moved_by_its_key_and_by_its_id() {
    for what in STATES {
        let world = World::new().await;
        let id = world.waiting(what).await;
        // A Monday, 10:00: the window is open.
        let wanted = json!("2026-03-02T10:00:00.000Z");
        let by_key = json!({"key": {"email": "a"}, "time": wanted});
        let moved = world.post("/v1/integrations/w/reschedule", &by_key).await.json();
        assert_eq!((&moved["data"]["jobId"], &moved["data"]["dueAt"]), (&json!(id), &wanted), "{what}");
        let wanted = json!("2026-03-03T10:00:00.000Z");
        let moved = world.post(&format!("/v1/jobs/{id}/reschedule"), &json!({"time": wanted})).await;
        assert_eq!((moved.status, &moved.json()["dueAt"]), (StatusCode::OK, &wanted), "{what}");
        world.clock.set(Millis::parse_rfc3339("2026-03-02T11:00:00Z").expect("a time"));
        let early = world.claim().await.filter(|leased| leased.job.id.to_string() == id);
        assert!(early.is_none(), "{what}: not before its new time");
    }
}

#[tokio::test]
async fn what_does_not_wait_is_left_alone() {
    let world = World::new().await;
    let id = world.waiting("ready").await;
    let leased = world.claim().await.expect("it is due");
    let path = format!("/v1/jobs/{id}/reschedule");
    let refused = world.post(&path, &json!({"delay": "1h"})).await;
    assert_eq!((refused.status, &*refused.code()), (StatusCode::CONFLICT, "job_not_pending"));
    world.settle(&leased, Next::Bury { error: "{}".into() }).await;
    assert_eq!(world.post(&path, &json!({"delay": "1h"})).await.code(), "job_not_pending");
    let wrong = world.post(&path, &json!({"delay": "1h", "key": {"a": 1}})).await;
    assert_eq!((wrong.status, &*wrong.field()), (StatusCode::BAD_REQUEST, "key"));
    world.delete(&format!("/v1/jobs/{id}")).await;
    assert_eq!(world.post(&path, &json!({"delay": "1h"})).await.code(), "job_not_found");
}

#[tokio::test]
async fn a_debounced_job_is_pushed_and_a_singleton_is_kept() {
    let world = World::new().await;
    world.integration("w", store::catalog::Trigger::Experience, json!({})).await;
    let body = |n: u8| json!({"key": {"k": 1}, "mode": "debounce", "delay": "10s", "maxWait": "25s", "payload": n});
    let first = world.schedule(body(1)).await;
    assert_eq!((&first["pushed"], &first["dueAt"]), (&json!(0), &json!("2026-03-01T09:00:10.000Z")));
    world.clock.advance(8_000);
    let second = world.schedule(body(2)).await;
    assert_eq!((&second["jobId"], &second["pushed"]), (&first["jobId"], &json!(1)));
    assert_eq!((&second["dueAt"], &second["kept"]), (&json!("2026-03-01T09:00:18.000Z"), &json!(false)));
    world.clock.advance(9_000);
    let third = world.schedule(body(3)).await;
    assert_eq!((&third["dueAt"], &third["pushed"]), (&json!("2026-03-01T09:00:25.000Z"), &json!(2)), "maxWait");
    world.clock.advance(8_000);
    let leased = world.claim().await.expect("it is due");
    assert_eq!((&*leased.job.payload, leased.job.id.to_string()), ("3", first["jobId"].as_str().unwrap().to_owned()));

    let body = json!({"key": {"k": 1}, "mode": "singleton"});
    let kept = world.schedule(body.clone()).await;
    assert_eq!((&kept["jobId"], &kept["kept"]), (&first["jobId"], &json!(true)), "it is running");
    assert!(kept.get("pushed").is_none());
    world.settle(&leased, Next::Remove).await;
    let made = world.schedule(body.clone()).await;
    assert_eq!((&made["kept"], made["jobId"] == first["jobId"]), (&json!(false), false));
    assert_eq!(world.schedule(body).await["jobId"], made["jobId"]);
    let both = json!({"key": {"k": 1}, "mode": "singleton", "ifExists": "keep"});
    let both = world.post("/v1/integrations/w/schedule", &both).await;
    assert_eq!((both.status, &*both.field()), (StatusCode::BAD_REQUEST, "ifExists"));
}

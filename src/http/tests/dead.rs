//! Dead jobs: their groups, replays with changes, and bulk actions as far as they need no duty.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use store::catalog::Trigger;
use store::queue::{Claim, Next, Queue, Settlement};

use super::{Ask, World};

impl World {
    /// Lets a job of `integration` die of this error; its id.
    async fn dead(&self, integration: &str, message: &str, at: &str) -> String {
        let path = format!("/v1/integrations/{integration}/schedule");
        let answer = self.post(&path, &json!({"payload": {"n": 1}})).await.json();
        let queue = &self.state.services.queue;
        let claimed = queue.claim(Claim { limit: 1, lease_ms: 30_000 }).await.expect("claimed");
        let stack = format!("Error: {message}\n    at {at} (integration.js:3:9)");
        let error = json!({"code": "exception", "name": "Error", "message": message, "stack": stack}).to_string();
        let settlement = Settlement { lease: claimed.jobs[0].lease, next: Next::Bury { error: error.into() } };
        queue.settle(vec![settlement]).await.expect("settled");
        answer["data"]["jobId"].as_str().expect("an id").to_owned()
    }

    async fn with_dead() -> (Self, Vec<String>) {
        let world = Self::new().await;
        world.integration("one", Trigger::Experience, json!({})).await;
        world.integration("two", Trigger::Experience, json!({})).await;
        let mut jobs = Vec::new();
        for (integration, message, at) in [
            ("one", "order 17 of \"Ann\" is unknown", "load"),
            ("one", "order 4711 of \"Bob\" is unknown", "load"),
            ("one", "order 3 of \"Eve\" is unknown", "send"),
            ("two", "order 9 of \"Joe\" is unknown", "load"),
        ] {
            jobs.push(world.dead(integration, message, at).await);
            world.clock.advance(1_000);
        }
        (world, jobs)
    }
}

#[tokio::test]
async fn dead_jobs_are_grouped_by_what_went_wrong() {
    let (world, jobs) = World::with_dead().await;
    let all = world.get("/v1/dead").await.json();
    assert_eq!((&all["totalCount"], &all["complete"], &all["next"]), (&json!(3), &json!(true), &json!(null)));
    let largest = &all["items"][0];
    assert_eq!((&largest["count"], &largest["integration"]), (&json!(2), &json!("one")));
    assert_eq!(
        (&largest["firstAt"], &largest["lastAt"]),
        (&json!("2026-03-01T09:00:00.000Z"), &json!("2026-03-01T09:00:01.000Z"))
    );
    assert_eq!((&largest["code"], &largest["sample"]["id"]), (&json!("exception"), &json!(jobs[1])));
    assert_eq!(largest["message"], "order 4711 of \"Bob\" is unknown");
    let fingerprint = largest["fingerprint"].as_str().expect("a fingerprint");
    assert_eq!(all["items"].as_array().unwrap().iter().filter(|group| group["fingerprint"] == fingerprint).count(), 2);
    assert_eq!(world.get("/v1/dead?integration=two").await.json()["totalCount"], 1);

    let first = world.get("/v1/dead?first=2").await.json();
    let after = first["next"].as_str().expect("there is more");
    let rest = world.get(&format!("/v1/dead?first=2&after={after}")).await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &json!(null)));
    assert_eq!(world.get("/v1/dead?after=nothing").await.field(), "after");

    let several = world.get(&format!("/v1/dead/{fingerprint}")).await;
    assert_eq!((several.status, &*several.field()), (StatusCode::BAD_REQUEST, "integration"));
    let shown = world.get(&format!("/v1/dead/{fingerprint}?integration=one")).await.json();
    let ids: Vec<&Value> = shown["jobs"].as_array().unwrap().iter().map(|job| &job["id"]).collect();
    assert_eq!((&shown["count"], ids), (&json!(2), vec![&json!(jobs[1]), &json!(jobs[0])]));
    assert_eq!(world.get("/v1/dead/0000000000000000").await.code(), "group_not_found");
    assert_eq!(world.get("/v1/dead/xyz").await.field(), "fingerprint");
}

#[tokio::test]
async fn a_bound_key_sees_the_groups_of_its_integrations() {
    let (world, _) = World::with_dead().await;
    let key = world.key(&["read"], &["two"], &[]).await;
    let ask = |path: &str| Ask::new(Method::GET, path).key(&key);
    assert_eq!(world.ask(&ask("/v1/dead")).await.json()["totalCount"], 1);
    assert_eq!(world.ask(&ask("/v1/dead?integration=one")).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_dead_job_is_replayed_with_another_payload_and_release() {
    let (world, jobs) = World::with_dead().await;
    let path = |at: usize| format!("/v1/jobs/{}/replay", jobs[at]);
    let body = json!({"release": "newest", "payload": {"n": 2}});
    assert_eq!(world.post(&path(0), &body).await.status, StatusCode::ACCEPTED);
    let job = world.get(&format!("/v1/jobs/{}", jobs[0])).await.json();
    assert_eq!(
        (&job["state"], &job["payload"], &job["cause"]),
        (&json!("pending"), &json!({"n": 2}), &json!("replay"))
    );
    assert_eq!(world.post(&path(0), &body).await.code(), "job_not_dead");
    assert_eq!(world.post(&path(1), &json!({"payload": null})).await.status, StatusCode::ACCEPTED);
    assert_eq!(world.get(&format!("/v1/jobs/{}", jobs[1])).await.json()["payload"], json!(null));
    assert_eq!(world.post(&path(2), &json!({})).await.status, StatusCode::ACCEPTED);
    assert_eq!(world.get(&format!("/v1/jobs/{}", jobs[2])).await.json()["payload"], json!({"n": 1}));
    for (body, status, field) in [
        (json!({"release": "2.0"}), StatusCode::BAD_REQUEST, "release"),
        (json!({"release": 7}), StatusCode::BAD_REQUEST, "release"),
        (json!({"payloads": 1}), StatusCode::BAD_REQUEST, "payloads"),
        (json!({"payload": "x".repeat(300_000)}), StatusCode::PAYLOAD_TOO_LARGE, "payload"),
    ] {
        let refused = world.post(&path(3), &body).await;
        assert_eq!((refused.status, &*refused.field()), (status, field));
    }
    assert_eq!(world.post(&path(3), &json!({"release": 1})).await.status, StatusCode::ACCEPTED);
    assert_eq!(world.get(&format!("/v1/jobs/{}", jobs[3])).await.json()["major"], 1);
}

#[tokio::test]
async fn a_bulk_action_is_tried_started_shown_stopped() {
    let (world, jobs) = World::with_dead().await;
    let mut body = json!({"action": "replay", "filter": {"integration": "one"}, "dryRun": true});
    let tried = world.post("/v1/bulk", &body).await;
    assert_eq!((tried.status, &tried.json()["count"]), (StatusCode::OK, &json!(3)));
    assert_eq!(tried.json()["samples"][0]["id"], json!(jobs[2]));
    assert_eq!(world.get("/v1/bulk").await.json(), json!({"items": []}), "nothing was started");

    body["dryRun"] = false.into();
    let started = world.post("/v1/bulk", &body).await;
    assert_eq!(started.status, StatusCode::ACCEPTED);
    let started = started.json();
    assert_eq!((&started["state"], &started["total"], &started["done"]), (&json!("running"), &json!(3), &json!(0)));
    assert_eq!((&started["integration"], &started["filter"]), (&json!("one"), &json!({"integration": "one"})));
    let path = format!("/v1/bulk/{}", started["id"].as_str().expect("an id"));
    assert_eq!(world.get(&path).await.json()["reasons"], json!({}));
    let stopped = world.post(&format!("{path}/stop"), &json!({})).await.json();
    assert_eq!(stopped["state"], "stopped");
    assert_eq!(world.post(&format!("{path}/stop"), &json!({})).await.code(), "bulk_not_running");
    assert_eq!(world.post(&format!("{path}/undo"), &json!({})).await.code(), "not_a_cancellation");
    assert_eq!(world.get("/v1/bulk").await.json()["items"][0]["id"], started["id"]);
    assert_eq!(world.get("/v1/bulk/01JD4Z8M3V9Q6T5X2Y7W0K1B8C").await.code(), "bulk_not_found");
    let wrong = world.post("/v1/bulk", &json!({"action": "cancel", "filter": {"integration": "none"}})).await;
    assert_eq!(wrong.code(), "integration_not_found");
}

#[tokio::test]
async fn a_bound_key_touches_the_jobs_of_its_integrations_alone() {
    let (world, _) = World::with_dead().await;
    let key = world.key(&["invoke", "read"], &["two"], &[]).await;
    let ask = |body: Value| Ask::new(Method::POST, "/v1/bulk").key(&key).json(&body);
    let refused = world.ask(&ask(json!({"action": "discard", "filter": {"integration": "one"}}))).await;
    assert_eq!(refused.code(), "integration_not_found");
    let body = json!({"action": "discard", "filter": {"integration": "one"}});
    let other = world.post("/v1/bulk", &body).await.json();
    let path = format!("/v1/bulk/{}", other["id"].as_str().expect("an id"));
    assert_eq!(world.ask(&Ask::new(Method::GET, &path).key(&key)).await.code(), "bulk_not_found");
    assert_eq!(world.ask(&Ask::new(Method::GET, "/v1/bulk").key(&key)).await.json(), json!({"items": []}));
}

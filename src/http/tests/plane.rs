//! The routes' answers, as far as they need no worker.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use store::catalog::Outcome;

use super::{Ask, World};

#[tokio::test]
async fn scheduling_by_key_replaces_reschedules_and_cancels() {
    let world = World::with_integrations().await;
    let answer = world.post("/v1/integrations/a/schedule", &json!({"key": {"b": 1, "a": "x"}, "delay": "1h"})).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let first = answer.json();
    assert_eq!(first["ok"], json!(true));
    assert_eq!(first["data"]["key"], json!({"a": "x", "b": 1}));
    assert_eq!(first["data"]["dueAt"], json!("2026-03-01T10:00:00.000Z"));
    assert_eq!(first["data"]["replaced"], json!(false));
    let again =
        world.post("/v1/integrations/a/schedule", &json!({"key": {"a": "x", "b": 1}, "delay": "2h"})).await.json();
    assert_eq!(again["data"]["replaced"], json!(true));
    let moved = world.post("/v1/integrations/a/reschedule", &json!({"key": {"a": "x", "b": 1}, "delay": "3h"})).await;
    assert_eq!(moved.status, StatusCode::OK);
    assert_eq!(moved.json()["data"]["dueAt"], json!("2026-03-01T12:00:00.000Z"));
    assert_eq!(moved.json()["data"]["jobId"], again["data"]["jobId"]);
    let cancel = json!({"key": {"b": 1, "a": "x"}});
    assert_eq!(
        world.post("/v1/integrations/a/cancel", &cancel).await.json(),
        json!({"ok": true, "data": {"cancelled": 1}})
    );
    assert_eq!(world.post("/v1/integrations/a/cancel", &cancel).await.json()["data"]["cancelled"], 0);
    let none = world.post("/v1/integrations/a/reschedule", &json!({"key": {"a": "x"}, "delay": 1})).await;
    assert_eq!((none.status, &*none.code()), (StatusCode::NOT_FOUND, "job_not_found"));
    assert_eq!(none.json()["ok"], json!(false));
}

#[tokio::test]
async fn a_schedule_without_a_key_carries_a_warning() {
    let world = World::with_integrations().await;
    let answer = world.post("/v1/integrations/a/schedule", &json!({"delay": 1_000})).await.json();
    assert!(answer["data"]["warning"].is_string() && answer["data"]["key"].is_null(), "{answer}");
}

#[tokio::test]
async fn execute_waits_no_longer_than_asked() {
    let world = World::with_integrations().await;
    let ask = Ask::new(Method::POST, "/v1/integrations/a/execute").key(&world.admin).json(&json!({}));
    let answer = world.ask(&ask.clone().header("prefer", "wait=0")).await;
    assert_eq!((answer.status, &*answer.code()), (StatusCode::GATEWAY_TIMEOUT, "execution_pending"));
    let id = answer.json()["error"]["jobId"].as_str().expect("the job").to_owned();
    assert_eq!(world.get(&format!("/v1/jobs/{id}")).await.json()["state"], json!("pending"));
    let answer = world.ask(&ask.header("prefer", "respond-async")).await;
    assert_eq!((answer.status, answer.header("preference-applied").as_str()), (StatusCode::ACCEPTED, "respond-async"));
    assert!(answer.json()["data"]["jobId"].is_string());
}

#[tokio::test]
async fn an_idempotency_key_gives_the_first_answer_again() {
    let world = World::with_integrations().await;
    let ask = |key: &str, body: Value| {
        let ask = Ask::new(Method::POST, "/v1/integrations/a/schedule").key(&world.admin).json(&body);
        ask.header("idempotency-key", key)
    };
    let first = world.ask(&ask("k", json!({"delay": "1h"}))).await.json();
    let again = world.ask(&ask("k", json!({"delay": "1h"}))).await.json();
    assert_eq!(first["data"]["jobId"], again["data"]["jobId"]);
    let other = world.ask(&ask("k", json!({"delay": "2h"}))).await;
    assert_eq!((other.status, &*other.code()), (StatusCode::CONFLICT, "idempotency_conflict"));
    let differs = world.ask(&ask("k", json!({"delay": "1h", "idempotencyKey": "j"}))).await;
    assert_eq!((differs.status, &*differs.field()), (StatusCode::BAD_REQUEST, "idempotencyKey"));
}

#[tokio::test]
async fn jobs_are_listed_filtered_explained_and_deleted() {
    let world = World::with_integrations().await;
    for n in 0..3 {
        world
            .post("/v1/integrations/a/schedule", &json!({"key": {"n": n, "kind": "x"}, "delay": "1h", "payload": [n]}))
            .await;
    }
    let list = world.get("/v1/jobs?first=2").await.json();
    assert_eq!((&list["totalCount"], list["items"].as_array().map(Vec::len)), (&json!(3), Some(2)));
    let next = list["next"].as_str().expect("more");
    let rest = world.get(&format!("/v1/jobs?first=2&after={next}")).await.json();
    assert_eq!((rest["items"].as_array().map(Vec::len), &rest["next"]), (Some(1), &Value::Null));
    let by_key = world.get("/v1/jobs?integration=a&key=%7B%22kind%22:%22x%22,%22n%22:1%7D").await.json();
    assert_eq!((&by_key["totalCount"], &by_key["items"][0]["payload"]), (&json!(1), &json!([1])));
    assert_eq!(world.get("/v1/jobs?integration=a&match=%7B%22kind%22:%22x%22%7D").await.json()["totalCount"], 3);
    assert_eq!(world.get("/v1/jobs?state=dead").await.json()["totalCount"], 0);
    let job = by_key["items"][0].clone();
    assert_eq!((&job["integration"], &job["state"], &job["cause"]), (&json!("a"), &json!("pending"), &json!("manual")));
    let id = job["id"].as_str().expect("an id");
    let explained = world.get(&format!("/v1/jobs/{id}/explain")).await.json();
    assert_eq!(explained["reasons"][0]["code"], json!("not_due"));
    assert_eq!(world.post(&format!("/v1/jobs/{id}/replay"), &json!({})).await.code(), "job_not_dead");
    let delete = Ask::new(Method::DELETE, format!("/v1/jobs/{id}")).key(&world.admin);
    assert_eq!(world.ask(&delete).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.get("/v1/jobs").await.json()["totalCount"], 2);
    assert_eq!(world.ask(&delete).await.status, StatusCode::NOT_FOUND, "it left the queue");
}

#[tokio::test]
async fn a_job_that_left_the_queue_answers_from_its_run() {
    let world = World::with_integrations().await;
    let run = world.run("a", Outcome::TimedOut).await;
    let job = world.get(&format!("/v1/jobs/{}", run.job)).await.json();
    assert_eq!((&job["state"], &job["runId"]), (&json!("timed_out"), &json!(run.id.to_string())));
    let explained = world.get(&format!("/v1/jobs/{}/explain", run.job)).await.json();
    assert_eq!((&explained["state"], &explained["reasons"][0]["code"]), (&json!("timed_out"), &json!("ended")));
}

#[tokio::test]
async fn a_run_has_the_documented_shape() {
    let world = World::with_integrations().await;
    let run = world.run("a", Outcome::Succeeded).await;
    let expected = json!({
        "id": run.id.to_string(), "jobId": run.job.to_string(), "integration": "a", "release": "1.0", "cause": "execute",
        "attempt": 1, "outcome": "succeeded", "queuedAt": "2026-03-01T09:00:00.000Z", "dueAt": "2026-03-01T09:00:00.000Z",
        "startedAt": "2026-03-01T09:00:00.000Z", "finishedAt": "2026-03-01T09:00:00.005Z", "key": {"n": 1},
        "result": [1, 2], "error": null,
        "logs": [
            {"atMs": 0, "level": "boot", "message": "cached", "detail": null},
            {"atMs": 4, "level": "end", "message": "Execution finished in 4ms", "detail": null},
        ],
    });
    assert_eq!(world.get(&format!("/v1/runs/{}", run.id)).await.json(), expected);
    let check = async |query: &str, total: u64| {
        assert_eq!(world.get(&format!("/v1/runs?{query}")).await.json()["totalCount"], total, "{query}");
    };
    check("integration=a&outcome=succeeded", 1).await;
    check("outcome=failed", 0).await;
    check(&format!("jobId={}", run.job), 1).await;
    check("from=2026-03-01T09:00:00Z&to=2026-03-02", 1).await;
    check("from=2026-03-02T00:00:00%2B01:00", 0).await;
}

#[tokio::test]
async fn integrations_are_shown_listed_paused_and_deleted() {
    let world = World::with_integrations().await;
    let shown = world.get("/v1/integrations/a").await.json();
    assert_eq!(
        (&shown["trigger"], &shown["release"], &shown["pause"]),
        (&json!("experience"), &json!("1.0"), &Value::Null)
    );
    assert_eq!(shown["files"]["integration.js"], json!("module.exports = async () => 1"));
    let list = world.get("/v1/integrations?first=1").await.json();
    assert_eq!((&list["items"][0]["name"], &list["next"], &list["totalCount"]), (&json!("a"), &json!("a"), &json!(2)));
    assert!(list["items"][0].get("files").is_none());
    assert_eq!(world.get("/v1/integrations?after=a").await.json()["items"][0]["name"], json!("tick"));
    let paused = world.post("/v1/integrations/a/pause", &json!({"note": "moving"})).await.json();
    assert_eq!(paused["pause"], json!({"note": "moving", "at": "2026-03-01T09:00:00.000Z"}));
    assert_eq!(world.post("/v1/integrations/a/resume", &json!({})).await.json()["pause"], Value::Null);
    let releases = world.get("/v1/integrations/a/releases").await.json();
    assert_eq!((&releases["items"][0]["release"], &releases["totalCount"]), (&json!("1.0"), &json!(1)));
    let back = world.post("/v1/integrations/a/rollback", &json!({"release": "1.0"})).await;
    assert_eq!((back.status, &back.json()["release"]), (StatusCode::CREATED, &json!("1.1")));
    assert_eq!(world.post("/v1/integrations/a/rollback", &json!({"release": "9.9"})).await.code(), "release_not_found");
    let delete = Ask::new(Method::DELETE, "/v1/integrations/a").key(&world.admin);
    assert_eq!(world.ask(&delete).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.ask(&delete).await.code(), "integration_not_found");
}

#[tokio::test]
async fn the_next_ticks_come_from_the_engine() {
    let world = World::with_integrations().await;
    let ticks = world.get("/v1/integrations/tick/schedule/next?n=2&from=2026-05-01T07:00:00Z").await.json();
    assert_eq!(ticks, json!({"items": ["2026-05-02T06:00:00.000Z", "2026-05-03T06:00:00.000Z"]}));
    assert_eq!(
        world.get("/v1/integrations/tick/schedule/next").await.json()["items"].as_array().map(Vec::len),
        Some(10)
    );
    assert_eq!(world.get("/v1/integrations/a/schedule/next").await.code(), "no_schedule");
}

#[tokio::test]
async fn probes_tell_the_truth() {
    let world = World::new().await;
    let ask = |path: &str| Ask::new(Method::GET, path);
    assert_eq!(world.ask(&ask("/livez")).await.status, StatusCode::OK);
    let ready = world.ask(&ask("/readyz")).await;
    assert_eq!((ready.status, &ready.json()["status"]), (StatusCode::OK, &json!("ready")));
    world.state.ready.store(false, std::sync::atomic::Ordering::SeqCst);
    let unready = world.ask(&ask("/readyz")).await;
    assert_eq!((unready.status, &unready.json()["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unready")));
    world.state.ready.store(true, std::sync::atomic::Ordering::SeqCst);
    world.state.services.catalog.close().await;
    let unready = world.ask(&ask("/readyz")).await;
    assert_eq!(unready.status, StatusCode::SERVICE_UNAVAILABLE);
    let checks = unready.json()["checks"].clone();
    assert!(checks.as_array().expect("checks").contains(&checks[2]) && checks[2]["ok"] == json!(false), "{checks}");
    let page = world.ask(&ask("/")).await;
    assert!(page.text().contains("unready") && page.header("content-security-policy").contains("nonce-"));
}

#[tokio::test]
async fn the_first_admin_key_is_made_once_and_a_preset_one_counts() {
    use crate::http::auth::ensure_admin_key;
    let world = World::new().await;
    let services = &world.state.services;
    assert_eq!(ensure_admin_key(services, None).await.expect("fine"), None, "there is one");
    let preset = Some("a-preset-key-of-some-length".to_owned());
    assert_eq!(ensure_admin_key(services, preset.clone()).await.expect("fine"), None);
    assert_eq!(ensure_admin_key(services, preset).await.expect("fine"), None, "again");
    world.state.keys.forget();
    let ask = Ask::new(Method::GET, "/v1/api-keys").key("a-preset-key-of-some-length");
    let list = world.ask(&ask).await.json();
    assert_eq!(list["totalCount"], 2);
    assert!(ensure_admin_key(services, Some("short".into())).await.is_err());
    let id = list["items"].as_array().expect("keys").iter().find(|key| key["name"] == "preset admin key");
    let id = id.and_then(|key| key["id"].as_str()).expect("an id");
    world.ask(&Ask::new(Method::DELETE, format!("/v1/api-keys/{id}")).key(&world.admin)).await;
    let revoked = ensure_admin_key(services, Some("a-preset-key-of-some-length".into())).await;
    assert!(revoked.is_err(), "a revoked key does not come back by a restart");
}

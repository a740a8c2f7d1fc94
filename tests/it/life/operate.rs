//! What operators do and meet: retries, dead jobs, replay, pause, rollback, overlap, idempotency, a drain.

use serde_json::{Value, json};

use crate::support::{Server, Sink, until};

const FLAKY: &str = r"
module.exports = async ({ payload, run }) => {
  await fetch(payload.url, { method: 'POST', body: JSON.stringify({ attempt: run.attempt }) });
  if (run.attempt < payload.succeedAt) throw new Error('not yet: ' + run.attempt);
  return run.attempt;
};";

async fn outcomes(server: &Server, job: &str) -> Vec<String> {
    let runs = server.get(&format!("/v1/runs?jobId={job}")).await;
    let runs = runs["items"].as_array().expect("items").clone();
    runs.iter().rev().map(|run| run["outcome"].as_str().expect("outcome").to_owned()).collect()
}

async fn finished(server: &Server, job: &str, n: usize) -> Vec<String> {
    until(&format!("{n} runs of {job}"), async || {
        let outcomes = outcomes(server, job).await;
        (outcomes.len() >= n).then_some(outcomes)
    })
    .await
}

/// A run is in the history a moment before its job is settled.
async fn dead(server: &Server, job: &str) -> Value {
    until(&format!("{job} to be dead"), async || {
        let view = server.get(&format!("/v1/jobs/{job}")).await;
        (view["state"] == "dead").then_some(view)
    })
    .await
}

async fn schedule(server: &Server, name: &str, body: Value) -> String {
    let answer = server.post(&format!("/v1/integrations/{name}/schedule"), body).await;
    answer["data"]["jobId"].as_str().expect("jobId").to_owned()
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_and_the_last_one_leaves_a_dead_job_to_replay() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    server.deploy("flaky", FLAKY, json!({ "retry": { "attempts": 2, "min": 1, "max": 1 } })).await;
    let payload = |succeed_at: u32| json!({ "url": sink.url(), "succeedAt": succeed_at });
    let second = schedule(&server, "flaky", json!({ "key": { "n": 1 }, "payload": payload(2) })).await;
    assert_eq!(finished(&server, &second, 2).await, ["failed", "succeeded"]);

    let never = schedule(&server, "flaky", json!({ "key": { "n": 2 }, "payload": payload(9) })).await;
    assert_eq!(finished(&server, &never, 2).await, ["failed", "failed"]);
    let dead = dead(&server, &never).await;
    assert!(dead.to_string().contains("not yet: 2"), "{dead}");
    let (status, _) = server.call("POST", &format!("/v1/jobs/{never}/replay"), None).await;
    assert!(status < 300, "{status}");
    assert_eq!(finished(&server, &never, 4).await.len(), 4);
}

#[tokio::test]
async fn a_paused_integration_holds_its_jobs_until_it_is_resumed() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    server.deploy("flaky", FLAKY, json!({})).await;
    server.post("/v1/integrations/flaky/pause", json!({ "note": "maintenance" })).await;
    let payload = json!({ "url": sink.url(), "succeedAt": 1 });
    let job = schedule(&server, "flaky", json!({ "key": { "n": 1 }, "payload": payload })).await;
    let why = server.get(&format!("/v1/jobs/{job}/explain")).await;
    assert!(why.to_string().contains("paused"), "{why}");
    assert!(sink.requests().is_empty());
    server.post("/v1/integrations/flaky/resume", json!({})).await;
    assert_eq!(finished(&server, &job, 1).await, ["succeeded"]);
}

#[tokio::test]
async fn a_rollback_brings_the_old_code_back_as_a_new_release() {
    let server = Server::start().await;
    server.deploy("version", "module.exports = () => 'old';", json!({})).await;
    server.deploy("version", "module.exports = () => 'new';", json!({})).await;
    assert_eq!(server.execute("version", json!({})).await, json!("new"));
    server.post("/v1/integrations/version/rollback", json!({ "release": "1.0" })).await;
    assert_eq!(server.execute("version", json!({})).await, json!("old"));
    assert_eq!(server.get("/v1/integrations/version/releases").await["totalCount"], 3);
}

#[tokio::test]
async fn an_idempotency_key_gives_the_first_answer_again() {
    let server = Server::start().await;
    server.deploy("dice", "module.exports = () => Math.random();", json!({})).await;
    let body = json!({ "payload": 1, "idempotencyKey": "once" });
    let first = server.execute("dice", body.clone()).await;
    assert_eq!(server.execute("dice", body).await, first);
    let other = json!({ "payload": 2, "idempotencyKey": "once" });
    let (status, answer) = server.call("POST", "/v1/integrations/dice/execute", Some(other)).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("idempotency_conflict")));
}

#[tokio::test]
async fn a_schedule_fires_every_second_and_skips_while_a_tick_still_runs() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    let code = format!(
        "module.exports = async ({{ payload }}) => {{
           await fetch('{}', {{ method: 'POST', body: JSON.stringify(payload) }});
           await new Promise((resolve) => setTimeout(resolve, 1500));
         }};",
        sink.url()
    );
    server.deploy_as("ticker", "recurring", &code, json!({ "schedule": { "every": "1s" } })).await;
    let ticks = sink.wait_for(2).await;
    let ms = |field: &Value| schedules::Millis::parse_rfc3339(field.as_str().expect("a time")).expect("RFC 3339").0;
    let nominal: Vec<i64> = ticks.iter().map(|tick| ms(&tick.body["nominal"])).collect();
    assert!(nominal.iter().all(|ms| ms % 1_000 == 0), "{nominal:?}");
    assert!(nominal[1] - nominal[0] >= 2_000, "a tick was skipped while the first ran: {nominal:?}");
    let skipped = server.get("/v1/runs?integration=ticker&outcome=skipped_overlap").await;
    assert!(skipped["totalCount"].as_u64().is_some_and(|n| n >= 1), "{skipped}");
}

#[tokio::test]
async fn a_drain_lets_runs_end_and_gives_the_rest_back() {
    let sink = Sink::start().await;
    let mut server = Server::start_opened(&sink, "[server]\ngrace = \"2s\"\n").await;
    let code = "module.exports = async ({ payload }) => {
        await fetch(payload.url, { method: 'POST', body: JSON.stringify({ n: payload.n }) });
        await new Promise((resolve) => setTimeout(resolve, payload.ms));
      };";
    server.deploy("sleeper", code, json!({ "timeoutMs": 60_000 })).await;
    let payload = |n: u32, ms: u32| json!({ "url": sink.url(), "n": n, "ms": ms });
    let short = schedule(&server, "sleeper", json!({ "key": { "n": 1 }, "payload": payload(1, 500) })).await;
    let long = schedule(&server, "sleeper", json!({ "key": { "n": 2 }, "payload": payload(2, 30_000) })).await;
    sink.wait_for(2).await;
    assert_eq!(server.terminate().await.code(), Some(0));
    server.restart().await;
    assert_eq!(outcomes(&server, &short).await, ["succeeded"]);
    sink.wait_for(3).await;
    let job = server.get(&format!("/v1/jobs/{long}")).await;
    assert_eq!((job["state"].as_str(), job["attempt"].as_u64()), (Some("running"), Some(1)), "{job}");
}

#[tokio::test]
async fn integrations_call_each_other_and_share_their_own_cache() {
    let server = Server::start().await;
    let counter = "module.exports = async ({ cache }) => {
        const n = (await cache.get('n') ?? 0) + 1;
        await cache.set('n', n);
        return n;
      };";
    server.deploy("counter", counter, json!({})).await;
    let caller = "module.exports = async () => [
        await integration('counter').execute({}),
        await integration('counter').execute({}),
        (await integration('counter').schedule({}, { key: { a: 1 }, delay: '1h' })).replaced,
        (await integration('counter').cancel({ key: { a: 1 } })).cancelled,
      ];";
    server.deploy("caller", caller, json!({})).await;
    assert_eq!(server.execute("caller", json!({})).await, json!([1, 2, false, 1]));
}

#[tokio::test]
async fn secrets_reach_the_script_and_never_the_log() {
    let server = Server::start_env(&[("TIDEGATE_SECRET_API_TOKEN", "hunter2-hunter2")]).await;
    let code = "module.exports = ({ secrets }) => { console.log('token', secrets.API_TOKEN, btoa(secrets.API_TOKEN)); return secrets.API_TOKEN.length; };";
    server.deploy("secretive", code, json!({})).await;
    assert_eq!(server.execute("secretive", json!({})).await, json!(15));
    let runs = server.get("/v1/runs?integration=secretive").await;
    let run = server.get(&format!("/v1/runs/{}", runs["items"][0]["id"].as_str().unwrap())).await;
    let text = run.to_string();
    assert!(text.contains("token ****** ******") && !text.contains("hunter2"), "{text}");
}

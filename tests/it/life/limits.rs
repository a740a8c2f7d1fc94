//! Rate limits, and concurrency by key: what is refused, what waits, and what does not wait for it.

use serde_json::{Value, json};

use crate::support::{KEY, Server, Sink, until, within};

const IDLE: &str = "module.exports = ({ payload }) => payload;";

fn ms(time: &Value) -> i64 {
    schedules::Millis::parse_rfc3339(time.as_str().expect("a time")).expect("RFC 3339").0
}

async fn schedule(server: &Server, name: &str, body: Value) -> Value {
    server.post(&format!("/v1/integrations/{name}/schedule"), body).await["data"].clone()
}

/// Waits until `n` runs of the integration are recorded; gives them, first recorded first.
async fn runs(server: &Server, name: &str, n: usize) -> Vec<Value> {
    let path = format!("/v1/runs?integration={name}&first=100");
    until(&format!("{n} runs of {name}"), async || {
        let items = server.get(&path).await["items"].as_array().expect("items").clone();
        (items.len() >= n).then(|| items.into_iter().rev().collect())
    })
    .await
}

/// Executes with this key: status, `Retry-After`, body.
async fn execute(server: &Server, name: &str, key: Value) -> (u16, Option<u64>, Value) {
    let url = format!("{}/v1/integrations/{name}/execute", server.url());
    let request = server.client().post(url).header("authorization", format!("Bearer {KEY}"));
    let request = request.header("content-type", "application/json").body(json!({ "key": key }).to_string());
    within("an execute", async {
        let response = request.send().await.expect("the server answers");
        let after = response.headers().get("retry-after").map(|after| after.to_str().expect("ASCII").to_owned());
        let status = response.status().as_u16();
        let body = response.text().await.expect("the answer is complete");
        (status, after.map(|after| after.parse().expect("seconds")), serde_json::from_str(&body).expect("JSON"))
    })
    .await
}

#[tokio::test]
async fn an_execute_over_the_limit_is_told_the_rule_and_when_to_come_back() {
    let server = Server::start().await;
    let limit = json!({ "limit": 2, "interval": "1h", "key": ["email"] });
    server.deploy("mail", IDLE, json!({ "rateLimits": [limit] })).await;
    let key = json!({ "email": "a@example.com", "n": 1 });
    for n in 1..=2 {
        let key = json!({ "email": "a@example.com", "n": n });
        assert_eq!(execute(&server, "mail", key).await.0, 200);
    }
    let (status, after, body) = execute(&server, "mail", key).await;
    assert_eq!((status, &body["error"]["code"]), (429, &json!("rate_limited")), "{body}");
    assert_eq!(body["error"]["rule"], "2 per 1h by email");
    let after_ms = body["error"]["retryAfterMs"].as_u64().expect("a time");
    assert!((1..=1_800_000).contains(&after_ms), "{body}");
    assert_eq!(after, Some(after_ms.div_ceil(1_000)));
    let run = server.get(&format!("/v1/runs/{}", body["error"]["runId"].as_str().expect("runId"))).await;
    assert_eq!((&run["outcome"], &run["startedAt"]), (&json!("rate_limited"), &Value::Null), "{run}");
    // Another subject has a bucket of its own, and a key that lacks the field has none.
    assert_eq!(execute(&server, "mail", json!({ "email": "b@example.com" })).await.0, 200);
    for _ in 0..3 {
        assert_eq!(execute(&server, "mail", json!({ "n": 1 })).await.0, 200);
    }
    let metrics = server.get("/metrics").await;
    let metrics = metrics.as_str().expect("text");
    assert!(metrics.contains("tidegate_jobs_rate_limited_total{integration=\"mail\"} 1"), "{metrics}");
    assert!(metrics.contains("tidegate_rate_limits_skipped_total{integration=\"mail\"} 3"), "{metrics}");
}

#[tokio::test]
async fn a_key_that_lacks_a_field_can_be_refused() {
    let server = Server::start().await;
    let limit = json!({ "limit": 2, "interval": "1h", "key": ["email"], "onMissing": "reject" });
    server.deploy("mail", IDLE, json!({ "rateLimits": [limit] })).await;
    let (status, after, body) = execute(&server, "mail", json!({ "n": 1 })).await;
    assert_eq!((status, after, &body["error"]["code"]), (429, None, &json!("rate_limited")), "{body}");
    assert!(body["error"]["message"].as_str().is_some_and(|said| said.contains("lacks a field")), "{body}");
}

#[tokio::test]
async fn a_script_that_executes_over_the_limit_is_told_so() {
    let server = Server::start().await;
    server.deploy("mail", IDLE, json!({ "rateLimits": [{ "limit": 1, "interval": "1h" }] })).await;
    let caller = "module.exports = async () => {
        const told = [];
        for (let n = 0; n < 2; n++) await integration('mail').execute(n).then((r) => told.push(r), (e) => told.push(e.code));
        return told;
      };";
    server.deploy("caller", caller, json!({})).await;
    assert_eq!(server.execute("caller", json!({})).await, json!([0, "rate_limited"]));
}

#[tokio::test]
async fn a_scheduled_job_over_the_limit_ends_as_rate_limited() {
    let server = Server::start().await;
    server.deploy("mail", IDLE, json!({ "rateLimits": [{ "limit": 1, "interval": "1h" }] })).await;
    for n in 0..3 {
        schedule(&server, "mail", json!({ "key": { "n": n } })).await;
    }
    let runs = runs(&server, "mail", 3).await;
    let mut outcomes: Vec<&str> = runs.iter().filter_map(|run| run["outcome"].as_str()).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["rate_limited", "rate_limited", "succeeded"]);
    let refused = runs.iter().find(|run| run["outcome"] == "rate_limited").expect("one of two");
    assert_eq!(refused["error"]["rule"], "1 per 1h");
}

#[tokio::test]
async fn delayed_jobs_start_one_after_the_other() {
    const JOBS: usize = 20;
    let server = Server::start().await;
    let limit = json!({ "limit": 10, "interval": "1s", "burst": 1, "onExceed": "delay" });
    server.deploy("slow", IDLE, json!({ "rateLimits": [limit] })).await;
    let mut due = Vec::new();
    for n in 0..JOBS {
        due.push(ms(&schedule(&server, "slow", json!({ "key": { "n": n } })).await["dueAt"]));
    }
    let runs = runs(&server, "slow", JOBS).await;
    assert!(runs.iter().all(|run| run["outcome"] == "succeeded"), "{runs:?}");
    let mut started: Vec<i64> = runs.iter().map(|run| ms(&run["startedAt"])).collect();
    started.sort_unstable();
    let first = due.into_iter().min().expect("jobs");
    // One is admitted a tenth of a second after the other; each starts some time after that.
    for (place, at) in started.iter().enumerate() {
        let earliest = first + 100 * i64::try_from(place).expect("small");
        assert!(*at >= earliest, "start {place} came {} ms early: {started:?}", earliest - at);
    }
    println!("{JOBS} jobs at 10 a second took {} ms", started[JOBS - 1] - started[0]);
}

#[tokio::test]
async fn a_job_that_waits_for_a_limit_says_so_and_holds_up_no_other_key() {
    let server = Server::start().await;
    let limit = json!({ "limit": 1, "interval": "1h", "key": ["email"], "onExceed": "delay" });
    server.deploy("slow", IDLE, json!({ "rateLimits": [limit] })).await;
    let body = |email: &str, n: u32| json!({ "key": { "email": email, "n": n }, "priority": 9 });
    schedule(&server, "slow", body("a", 1)).await;
    runs(&server, "slow", 1).await;
    let waits = schedule(&server, "slow", body("a", 2)).await["jobId"].as_str().expect("jobId").to_owned();
    schedule(&server, "slow", body("b", 1)).await;
    runs(&server, "slow", 2).await;
    let view = server.get(&format!("/v1/jobs/{waits}")).await;
    assert_eq!((&view["state"], &view["delayedByLimit"]), (&json!("pending"), &json!(true)), "{view}");
    let why = server.get(&format!("/v1/jobs/{waits}/explain")).await;
    assert_eq!((&why["reasons"][0]["code"], &why["heldBy"]), (&json!("rate_limit"), &json!("limit")), "{why}");
    let first = server.get("/v1/runs?integration=slow").await["items"].as_array().expect("runs").last().cloned();
    let opens = ms(&why["nextAt"]) - ms(&first.expect("a run")["startedAt"]);
    assert!((3_500_000..=3_600_000).contains(&opens), "an hour after the first was charged: {why}");
    let gone = server.post("/v1/integrations/slow/cancel", json!({ "key": { "email": "a", "n": 2 } })).await;
    assert_eq!(gone["data"]["cancelled"], 1, "what waits can be cancelled");
}

#[tokio::test]
async fn jobs_of_one_key_run_one_at_a_time_and_others_beside_them() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    let code = "module.exports = async ({ payload }) => {
        await fetch(payload.url, { method: 'POST', body: JSON.stringify({ n: payload.n }) });
        await new Promise((resolve) => setTimeout(resolve, payload.ms));
        return payload.n;
      };";
    let concurrency = json!([{ "limit": 8 }, { "limit": 1, "key": ["email"], "backlog": 2 }]);
    server.deploy("mail", code, json!({ "concurrency": concurrency })).await;
    let body = |email: &str, n: u32, ms: u32| json!({ "key": { "email": email, "n": n }, "payload": { "url": sink.url(), "n": n, "ms": ms } });
    schedule(&server, "mail", body("a", 1, 4_000)).await;
    sink.wait_for(1).await;
    let second = schedule(&server, "mail", body("a", 2, 0)).await["jobId"].as_str().expect("jobId").to_owned();
    schedule(&server, "mail", body("b", 3, 0)).await;
    sink.wait_for(2).await;
    let why = server.get(&format!("/v1/jobs/{second}/explain")).await;
    assert_eq!(why["reasons"][0]["code"], "concurrency", "{why}");
    // The second and this one wait; there is no room for a third.
    schedule(&server, "mail", body("a", 4, 0)).await;
    for verb in ["schedule", "execute"] {
        let path = format!("/v1/integrations/mail/{verb}");
        let (status, answer) = server.call("POST", &path, Some(body("a", 5, 0))).await;
        assert_eq!((status, &answer["error"]["code"]), (429, &json!("backlog_full")), "{answer}");
        let said = answer["error"]["message"].as_str().expect("a message");
        assert!(said.contains("2 jobs") && said.contains("email"), "{said}");
    }
    let runs = runs(&server, "mail", 4).await;
    let run = |n: u32| runs.iter().find(|run| run["key"]["n"] == n).expect("it ran");
    assert!(ms(&run(2)["startedAt"]) >= ms(&run(1)["finishedAt"]), "two of one key ran at once: {runs:?}");
    assert!(ms(&run(3)["startedAt"]) < ms(&run(1)["finishedAt"]), "another key waited: {runs:?}");
}

#[tokio::test]
async fn a_job_outside_of_its_window_is_charged_nothing() {
    let server = Server::start().await;
    server.deploy("mail", IDLE, json!({ "rateLimits": [{ "limit": 1, "interval": "1h" }] })).await;
    let now = schedules::Clock::now(&schedules::SystemClock);
    // The full hour after the next one: closed now, whatever the time is.
    let hour = (now.0 / 3_600_000 + 2) % 24;
    let window = |outside: &str| json!({ "time": format!("{hour:02}:00-{hour:02}:30"), "outside": outside });
    let later = schedule(&server, "mail", json!({ "key": { "n": 1 }, "window": window("move") })).await;
    assert!(ms(&later["dueAt"]) > now.0);
    schedule(&server, "mail", json!({ "key": { "n": 2 }, "window": window("drop") })).await;
    assert_eq!(runs(&server, "mail", 1).await[0]["outcome"], "dropped_window");
    assert_eq!(execute(&server, "mail", json!({ "n": 3 })).await.0, 200);
    assert_eq!(execute(&server, "mail", json!({ "n": 4 })).await.0, 429);
}

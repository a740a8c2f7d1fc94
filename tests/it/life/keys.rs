//! Scheduling by key: replaced, cancelled, moved; once each, and never early.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::{Server, Sink};

const REPORTER: &str = r"
module.exports = async ({ payload, run }) => {
  await fetch(payload.url, { method: 'POST', body: JSON.stringify({ n: payload.n, startedAt: Date.now() }) });
};";

async fn call(server: &Server, verb: &str, body: Value) -> Value {
    server.post(&format!("/v1/integrations/reporter/{verb}"), body).await["data"].clone()
}

fn ms(time: &Value) -> i64 {
    schedules::Millis::parse_rfc3339(time.as_str().expect("a time")).expect("RFC 3339").0
}

#[tokio::test]
async fn the_same_key_again_replaces_and_runs_once_with_the_second_payload() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    server.deploy("reporter", REPORTER, json!({})).await;
    let key = json!({ "email": "a@example.com", "campaign": 7 });
    let url = sink.url();
    let first = json!({ "key": key, "delay": "2s", "payload": { "url": url, "n": 1 } });
    let second = json!({ "key": key, "delay": "2s", "payload": { "url": url, "n": 2 } });
    assert_eq!(call(&server, "schedule", first).await["replaced"], false);
    let answer = call(&server, "schedule", second).await;
    assert_eq!(answer["replaced"], true);
    let requests = sink.wait_for(1).await;
    assert_eq!(requests[0].body["n"], 2);
    let late_ms = requests[0].body["startedAt"].as_i64().unwrap() - ms(&answer["dueAt"]);
    assert!(late_ms >= 0, "started {late_ms} ms after its due time");
    // A third one, due later, shows that nothing of the first is still to come before it.
    call(&server, "schedule", json!({ "key": key, "delay": 100, "payload": { "url": url, "n": 3 } })).await;
    let seen: Vec<i64> = sink.wait_for(2).await.iter().map(|request| request.body["n"].as_i64().unwrap()).collect();
    assert_eq!(seen, [2, 3]);
}

#[tokio::test]
async fn cancel_finds_the_key_in_any_order_of_fields_and_once() {
    let server = Server::start().await;
    server.deploy("reporter", REPORTER, json!({})).await;
    call(&server, "schedule", json!({ "key": { "a": 1, "b": "x" }, "delay": "1h" })).await;
    let reordered = json!({ "key": { "b": "x", "a": 1 } });
    assert_eq!(call(&server, "cancel", reordered.clone()).await, json!({ "cancelled": 1 }));
    assert_eq!(call(&server, "cancel", reordered).await, json!({ "cancelled": 0 }));
    call(&server, "schedule", json!({ "key": { "a": 1 }, "delay": "1h" })).await;
    assert_eq!(call(&server, "cancel", json!({ "key": { "a": "1" } })).await, json!({ "cancelled": 0 }));
}

#[tokio::test]
async fn an_execute_under_the_key_of_a_scheduled_job_runs_beside_it() {
    let server = Server::start().await;
    server.deploy("reporter", "module.exports = ({ key }) => key;", json!({})).await;
    let key = json!({ "email": "a@example.com" });
    call(&server, "schedule", json!({ "key": key, "delay": "1h" })).await;
    assert_eq!(server.execute("reporter", json!({ "key": key })).await, key);
    assert_eq!(call(&server, "cancel", json!({ "key": key })).await, json!({ "cancelled": 1 }));
}

#[tokio::test]
async fn cancel_by_match_takes_every_key_that_has_the_fields() {
    let server = Server::start().await;
    server.deploy("reporter", REPORTER, json!({})).await;
    for campaign in 0..5 {
        let key = json!({ "email": "a@example.com", "campaign": campaign });
        call(&server, "schedule", json!({ "key": key, "delay": "1h" })).await;
    }
    call(&server, "schedule", json!({ "key": { "email": "b@example.com" }, "delay": "1h" })).await;
    let part = json!({ "match": { "email": "a@example.com" } });
    assert_eq!(call(&server, "cancel", part).await, json!({ "cancelled": 5 }));
    assert_eq!(server.get("/v1/jobs?integration=reporter").await["totalCount"], 1);
}

#[tokio::test]
async fn reschedule_keeps_the_payload_and_refuses_what_is_not_there() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    server.deploy("reporter", REPORTER, json!({})).await;
    let key = json!({ "order": 1 });
    let payload = json!({ "url": sink.url(), "n": 42 });
    let made = call(&server, "schedule", json!({ "key": key, "delay": "1 day", "payload": payload })).await;
    let moved = call(&server, "reschedule", json!({ "key": key, "delay": 50 })).await;
    assert_eq!(moved["jobId"], made["jobId"]);
    assert_eq!(sink.wait_for(1).await[0].body["n"], 42);
    let (status, answer) = server
        .call("POST", "/v1/integrations/reporter/reschedule", Some(json!({ "key": { "order": 2 }, "delay": 1 })))
        .await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("job_not_found")));
}

/// Prints the lateness over 200 jobs on a machine that is otherwise idle; asserts what must hold on any machine.
#[tokio::test]
async fn two_hundred_jobs_start_on_time() {
    const JOBS: usize = 200;
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    server.deploy("reporter", REPORTER, json!({})).await;
    let mut due = HashMap::new();
    for n in 0..JOBS {
        let payload = json!({ "url": sink.url(), "n": n });
        let delay = 2_000 + 20 * n;
        let body = json!({ "key": { "n": n }, "delay": delay, "payload": payload });
        due.insert(n as i64, ms(&call(&server, "schedule", body).await["dueAt"]));
    }
    let requests = sink.wait_for(JOBS).await;
    let mut late_ms: Vec<i64> = requests
        .iter()
        .map(|request| {
            request.body["startedAt"].as_i64().unwrap()
                - due.remove(&request.body["n"].as_i64().unwrap()).expect("once")
        })
        .collect();
    late_ms.sort_unstable();
    println!(
        "lateness of {JOBS} jobs: p50 {} ms, p99 {} ms, max {} ms",
        late_ms[JOBS / 2],
        late_ms[JOBS * 99 / 100],
        late_ms[JOBS - 1]
    );
    assert!(late_ms[0] >= 0, "a job started {} ms early", -late_ms[0]);
}

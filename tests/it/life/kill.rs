//! `kill -9` at random moments: what was acknowledged runs, and only what was running runs twice.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use rand::Rng;
use serde_json::json;

use crate::support::{Server, Sink, until};

const JOBS: u64 = 10_000;
/// `CHAOS=20` kills twenty times.
const ROUNDS: u64 = 4;
/// How many schedule calls are under way at once.
const CALLERS: usize = 64;
/// How many runs the server may have under way: the most that one kill may repeat.
const CONCURRENCY: usize = 8;

const REPORTER: &str = r"
module.exports = async ({ payload, run }) => {
  await fetch(payload.url, { method: 'POST', body: JSON.stringify({ n: payload.n, attempt: run.attempt }) });
};";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_and_repeat_only_what_was_running() {
    let sink = Sink::start().await;
    let config = format!("[runs]\nconcurrency = {CONCURRENCY}\n[server]\nlog_level = \"error\"\n");
    let mut server = Server::start_opened(&sink, &config).await;
    server.deploy("reporter", REPORTER, json!({ "retry": { "min": 1, "max": 1 } })).await;
    let keys = keys(&server).await;
    for round in 0..rounds() {
        let expected = schedule(&server, &sink, &keys, round).await;
        // Anywhere between the first run and the last but some.
        let before_kill = rand::rng().random_range(1..JOBS - 500);
        sink.wait_for_count(before_kill as usize).await;
        server.kill().await;
        server.restart().await;
        sink.wait_for_distinct(JOBS as usize).await;
        settle(&server).await;
        check(&sink.take(), expected, round);
    }
}

fn rounds() -> u64 {
    std::env::var("CHAOS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

/// As many API keys as are needed to stay within the rate limit of each.
async fn keys(server: &Server) -> Vec<String> {
    let mut keys = Vec::new();
    for n in 0..CALLERS {
        let body = json!({ "name": format!("caller {n}"), "scopes": ["invoke"] });
        keys.push(server.post("/v1/api-keys", body).await["key"].as_str().expect("the key").to_owned());
    }
    keys
}

/// Schedules the jobs of one round, due within a moment; every one is acknowledged.
async fn schedule(server: &Server, sink: &Sink, keys: &[String], round: u64) -> Vec<i64> {
    let url = sink.url();
    let numbers: Vec<u64> = (round * JOBS..(round + 1) * JOBS).collect();
    stream::iter(&numbers)
        .for_each_concurrent(CALLERS, |n| {
            let body = json!({ "key": { "n": n }, "delay": 500, "payload": { "url": url, "n": n } });
            async move {
                let key = &keys[*n as usize % keys.len()];
                let path = "/v1/integrations/reporter/schedule";
                let (status, answer) = server.call_with(key, "POST", path, Some(body)).await;
                assert_eq!(status, 202, "{answer}");
            }
        })
        .await;
    numbers.into_iter().map(|n| n as i64).collect()
}

/// Waits until the queue holds nothing any more: no run is under way.
async fn settle(server: &Server) {
    until("the queue to be empty", async || {
        (server.get("/v1/jobs?integration=reporter&first=1").await["totalCount"] == 0).then_some(())
    })
    .await;
}

fn check(requests: &[crate::support::Request], expected: Vec<i64>, round: u64) {
    let mut runs: HashMap<i64, u64> = HashMap::new();
    for request in requests {
        let number = |field: &str| request.body[field].as_i64().unwrap_or_else(|| panic!("{}", request.body));
        *runs.entry(number("n")).or_default() += 1;
    }
    let lost: Vec<_> = expected.iter().filter(|n| !runs.contains_key(n)).collect();
    assert!(lost.is_empty(), "round {round}: {} jobs were lost: {lost:?}", lost.len());
    assert_eq!(runs.len(), expected.len(), "round {round}: something ran that was not scheduled");
    let repeated: Vec<_> = runs.iter().filter(|(_, times)| **times > 1).collect();
    assert!(repeated.iter().all(|(_, times)| **times == 2), "round {round}: one kill repeats a run once: {repeated:?}");
    println!("round {round}: {} runs for {} jobs, {} repeated", requests.len(), expected.len(), repeated.len());
}

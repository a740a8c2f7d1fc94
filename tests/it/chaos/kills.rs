//! `kill -9` of each process and of Redis at random moments: what was acknowledged runs.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use rand::Rng;
use serde_json::json;
use store::servers::{Fsync, Options, Server as Redis};

use super::crowd::Crowd;
use crate::support::{Sink, until};

const JOBS: u64 = 400;
/// How many schedule calls are under way at once.
const CALLERS: usize = 16;
/// How many runs the two workers may have under way: the most that one kill may repeat.
const UNDER_WAY: usize = 16;

const REPORTER: &str = r"
module.exports = async ({ payload, run }) => {
  await fetch(payload.url, { method: 'POST', body: JSON.stringify({ n: payload.n, attempt: run.attempt }) });
};";

/// Whom a round kills.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Worker,
    Scheduler,
    Api,
    Redis,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_processes_and_a_killed_redis_lose_nothing() {
    let mut redis = Redis::start(Options { appendfsync: Some(Fsync::Always), ..Options::default() }).await;
    let sink = Sink::start().await;
    let mut crowd = Crowd::start(&redis.url(), &sink).await;
    crowd.api.deploy("reporter", REPORTER, json!({ "retry": { "min": 1, "max": 1 } })).await;
    for round in 0..rounds() {
        for victim in [Victim::Worker, Victim::Scheduler, Victim::Api, Victim::Redis] {
            let first = (round * 4 + victim as u64) * JOBS;
            schedule(&crowd, &sink, first).await;
            sink.wait_for_count(rand::rng().random_range(1..JOBS as usize / 2)).await;
            match victim {
                Victim::Worker => crowd.replace(rand::rng().random_range(0..2)).await,
                Victim::Scheduler => crowd.replace(2).await,
                Victim::Api => {
                    crowd.api.kill().await;
                    crowd.api.restart().await;
                }
                Victim::Redis => {
                    redis.kill();
                    redis.restart().await;
                }
            }
            sink.wait_for_distinct(JOBS as usize).await;
            settle(&crowd).await;
            check(&sink, first, victim);
        }
    }
}

/// Each is killed once, or as often as `CHAOS` says.
fn rounds() -> u64 {
    std::env::var("CHAOS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Schedules the jobs of one kill, due within a moment; every one is acknowledged.
async fn schedule(crowd: &Crowd, sink: &Sink, first: u64) {
    let url = sink.url();
    stream::iter(first..first + JOBS)
        .for_each_concurrent(CALLERS, |n| {
            let body = json!({ "key": { "n": n }, "delay": 300, "payload": { "url": url, "n": n } });
            async move {
                crowd.api.post("/v1/integrations/reporter/schedule", body).await;
            }
        })
        .await;
}

/// Waits until the queue holds nothing any more: no run is under way.
async fn settle(crowd: &Crowd) {
    until("the queue to be empty", async || {
        (crowd.api.get("/v1/jobs?integration=reporter&first=1").await["totalCount"] == 0).then_some(())
    })
    .await;
}

fn check(sink: &Sink, first: u64, victim: Victim) {
    let mut runs: HashMap<i64, usize> = HashMap::new();
    for request in sink.take() {
        *runs.entry(request.body["n"].as_i64().expect("a number")).or_default() += 1;
    }
    let lost: Vec<u64> = (first..first + JOBS).filter(|n| !runs.contains_key(&(*n as i64))).collect();
    assert!(lost.is_empty(), "{victim:?}: {} jobs were lost: {lost:?}", lost.len());
    let repeated = runs.values().filter(|times| **times > 1).count();
    assert!(repeated <= UNDER_WAY, "{victim:?}: {repeated} ran twice, {UNDER_WAY} were under way at most");
    println!("{victim:?}: {repeated} of {JOBS} ran twice");
}

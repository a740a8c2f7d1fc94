//! Events through a Redis stream while the processes that read it, run what it starts and answer HTTP are killed: what
//! matches runs, and nothing runs twice but what was under way.

use std::collections::HashMap;
use std::sync::Arc;

use rand::Rng;
use schedules::Stopwatch;
use serde_json::json;
use store::redis::{Config, Options as Handle, Redis, Stream};
use store::servers::{Fsync, Options, Server as RedisServer};

use super::crowd::Crowd;
use crate::support::{Sink, until};

/// How many runs the two workers may have under way: the most that one kill may repeat.
const UNDER_WAY: usize = 16;
/// Entries that are written at a time; the next ones when half of those that match have run, so that there is always something
/// in the stream, in the queue and under way.
const PIECE: u64 = 500;

/// The seed document's example: somebody is told when a customer of the highest tier logs in.
const TELL: &str = r"
module.exports = async ({ event, run }) => {
  await fetch(event.url, { method: 'POST', body: JSON.stringify({ n: event.n, tier: event.user.loyalty.tier, attempt: run.attempt }) });
};";

/// How many events there are, and how many times a process is killed.
fn size() -> (u64, usize) {
    if std::env::var_os("CHAOS").is_some() { (100_000, 60) } else { (3_000, 6) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_stream_run_once_however_processes_die() {
    let redis = RedisServer::start(Options { appendfsync: Some(Fsync::Always), ..Options::default() }).await;
    let sink = Arc::new(Sink::start().await);
    let mut crowd = Crowd::start(&redis.url(), &sink).await;
    let settings = json!({
        "events": { "types": ["ecUser"], "filter": "event.user.loyalty.tier == \"gold\"" },
        "retry": { "min": 1, "max": 1 },
    });
    crowd.api.deploy_as("vip-alert", "event", TELL, settings).await;
    let (events, kills) = size();
    let queue = Redis::connect(Config::parse(&redis.url()).expect("a URL"), Handle::default()).await.expect("a queue");
    let stream = queue.stream("tidegate:events", "tidegate", "a test");
    // What holds no event is refused, and stands in nobody's way.
    stream.add("evnt", &[b"{}".to_vec()]).await.expect("it is written");
    stream.add("event", &[b"{".to_vec(), b"7".to_vec()]).await.expect("it is written");
    let watch = Stopwatch::start();
    let writing = tokio::spawn(write(stream.clone(), sink.clone(), events));
    let gold = usize::try_from(events / 2).expect("few");
    for kill in 0..kills {
        sink.wait_for_distinct(gold * kill / kills + 1).await;
        match rand::rng().random_range(0..4) {
            member @ 0..=2 => crowd.replace(member).await,
            _ => {
                crowd.api.kill().await;
                crowd.api.restart().await;
            }
        }
    }
    for part in 1..=10 {
        sink.wait_for_distinct(gold * part / 10).await;
    }
    writing.await.expect("all are written");
    until("the stream and the queue to be empty", async || {
        let lag = stream.lag().await.expect("the stream answers");
        let jobs = crowd.api.get("/v1/jobs?integration=vip-alert&first=1").await;
        ((lag.waiting, lag.pending) == (Some(0), 0) && jobs["totalCount"] == 0).then_some(())
    })
    .await;
    let metrics = crowd.api.get("/metrics").await;
    for metric in ["lag", "pending"] {
        let line = format!("tidegate_events_stream_{metric}{{stream=\"tidegate:events\"}} 0\n");
        assert!(metrics.as_str().is_some_and(|text| text.contains(&line)), "there is no {line}: {metrics}");
    }
    check(&sink, events, kills);
    println!("{events} events, {kills} kills in {} s", watch.elapsed().as_secs());
}

/// Every other customer is of the highest tier.
async fn write(stream: Stream, sink: Arc<Sink>, events: u64) {
    let url = sink.url();
    for first in (0..events).step_by(usize::try_from(PIECE).expect("few")) {
        let event = |n: u64| {
            let tier = if n.is_multiple_of(2) { "gold" } else { "silver" };
            let user = json!({ "loyalty": { "tier": tier } });
            json!({ "meta": { "type": "ecUser" }, "user": user, "n": n, "url": url }).to_string().into_bytes()
        };
        let piece: Vec<Vec<u8>> = (first..(first + PIECE).min(events)).map(event).collect();
        stream.add("event", &piece).await.expect("it is written");
        sink.wait_for_distinct(usize::try_from((first + PIECE / 2).min(events) / 2).expect("few")).await;
    }
}

fn check(sink: &Sink, events: u64, kills: usize) {
    let mut runs: HashMap<u64, usize> = HashMap::new();
    for request in sink.take() {
        assert_eq!(request.body["tier"], "gold", "an event that does not match ran");
        *runs.entry(request.body["n"].as_u64().expect("a number")).or_default() += 1;
    }
    let lost: Vec<u64> = (0..events).step_by(2).filter(|n| !runs.contains_key(n)).collect();
    assert!(lost.is_empty(), "{} events were lost: {lost:?}", lost.len());
    let repeated = runs.values().filter(|times| **times > 1).count();
    assert!(repeated <= UNDER_WAY * kills, "{repeated} ran twice, {UNDER_WAY} were under way at most at each kill");
    println!("{repeated} of {} ran twice", runs.len());
}

//! A server whose memory is full.

use std::sync::atomic::Ordering;

use store::Error;
use store::conformance::{Sample, job};
use store::queue::{Claim, Inspect, Next, Queue, Settlement};
use store::servers::{Options, Server};

use crate::crew::Crew;

/// Ten years: nobody runs those meanwhile.
const FAR_MS: i64 = 315_360_000_000;

/// Calls are refused as a whole; what is there can be run and cancelled, and then there is room again.
#[tokio::test]
async fn full_memory_refuses_cleanly_and_lets_work_go_on() {
    let server =
        Server::start(Options { maxmemory: Some(12 << 20), policy: Some("noeviction".into()), ..Options::default() })
            .await;
    let crew = Crew::start(vec![server.url()]).await;
    let queue = crew.handle(0).await;
    let big = format!("\"{}\"", "x".repeat(50_000));
    let mut put = 0;
    let refusal = loop {
        let batch: Vec<_> = (0..10).map(|_| job(50).payload(&big).due(FAR_MS)).collect();
        match queue.enqueue(batch).await {
            Ok(_) => put += 10,
            Err(error) => break error,
        }
    };
    assert!(matches!(&refusal, Error::Unavailable(text) if text.contains("maxmemory")), "{refusal}");
    crew.for_ms(300).await;
    println!("the crew was refused {} times meanwhile", crew.refused.load(Ordering::SeqCst));
    assert_eq!(queue.check().await.expect("the check answers"), []);
    let cancelled = loop {
        let more = queue.cancel(store::conformance::integration(50), store::queue::Selector::All).await;
        let more = more.expect("a full store lets jobs be cancelled");
        if !more.more {
            break more.jobs.len();
        }
    };
    assert_eq!(cancelled, put, "nothing was half written");
    crew.progress(50).await;
    assert_eq!(crew.finish().await.lost().len(), 0);
}

/// Claims, retries and ends of jobs need no room to speak of.
#[tokio::test]
async fn full_memory_lets_jobs_be_claimed_and_settled() {
    let server = Server::start(Options { policy: Some("noeviction".into()), ..Options::default() }).await;
    let crew_less = store::redis::Redis::connect(
        store::redis::Config::parse(&server.url()).expect("a URL"),
        store::redis::Options::default(),
    );
    let queue = crew_less.await.expect("a queue");
    queue.enqueue((0..100).map(|_| job(1).payload("1")).collect()).await.expect("enqueue answers");
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "1mb"]).await;
    assert!(queue.enqueue(vec![job(1)]).await.is_err(), "it is full");
    let claimed = queue.claim(Claim { limit: 100, lease_ms: 30_000 }).await.expect("claim answers");
    assert_eq!(claimed.jobs.len(), 100);
    let next = |n: usize| match n % 2 {
        0 => Next::Remove,
        _ => Next::Retry { due: store::conformance::START, closes: None, error: "{}".into() },
    };
    let settlements = claimed.jobs.iter().enumerate().map(|(n, it)| Settlement { lease: it.lease, next: next(n) });
    queue.settle(settlements.collect()).await.expect("settle answers");
    assert_eq!(queue.check().await.expect("the check answers"), []);
    assert_eq!(queue.counts().await.expect("counts answers")[0].1.ready, 50);
}

//! A cluster of three nodes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use schedules::Stopwatch;
use schedules::rate::{Limit, LimiterId};
use store::conformance::{PATIENCE, SampleLimit, integration, job, limit, limited, run_all};
use store::queue::{Claim, Inspect, Queue};
use store::redis::{Config, Options, Redis};
use store::servers::Cluster;

use super::fresh::queue_at;

#[tokio::test]
async fn a_cluster_passes_the_suite() {
    let cluster = Cluster::start(3, 0).await;
    let url = format!("redis+cluster://{}", cluster.urls().join(",").replace("redis://", "").replace('/', ""));
    run_all(async || queue_at(&url, Box::new(())).await).await;
}

/// Claimers at once, by the servers' own clocks: integrations in all partitions share a limiter, which never lets them start
/// sooner than its rate allows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limiter_keeps_its_rate_in_a_cluster() {
    let cluster = Cluster::start(3, 0).await;
    let url = format!("redis+cluster://{}", cluster.urls().join(",").replace("redis://", "").replace('/', ""));
    let queue = Redis::connect(Config::parse(&url).expect("a URL"), Options::default()).await.expect("a queue");
    let (jobs, rule) = (60, limit(20).per(500).burst(1).rule);
    let shared = Limit { rule, limiter: Some(LimiterId(77)), ..limit(1).delaying() };
    for of in 0..12 {
        queue.control(integration(of), limited([shared.clone()])).await.expect("control answers");
    }
    let new = (0..jobs).map(|number| job(number % 12)).collect();
    queue.enqueue(new).await.expect("enqueue answers");
    let (started, watch) = (Arc::new(AtomicUsize::new(0)), Stopwatch::start());
    let claimers = (0..4).map(|_| {
        let (queue, started) = (queue.clone(), started.clone());
        tokio::spawn(async move {
            while started.load(Ordering::SeqCst) < usize::from(jobs) {
                let claimed = queue.claim(Claim { limit: 10, lease_ms: 60_000 }).await.expect("claim answers");
                started.fetch_add(claimed.jobs.len(), Ordering::SeqCst);
                queue.wait(claimed.next_due).await;
            }
        })
    });
    for claimer in claimers.collect::<Vec<_>>() {
        tokio::time::timeout(PATIENCE, claimer).await.expect("all start in time").expect("it works");
    }
    // One at once, then one every 25 ms at most.
    let least_ms = u64::from(jobs - 1) * 25;
    eprintln!("{jobs} jobs in {} ms, {least_ms} at least", watch.elapsed_ms());
    assert_eq!(started.load(Ordering::SeqCst), usize::from(jobs));
    assert!(watch.elapsed_ms() >= least_ms, "{jobs} jobs in {} ms, {least_ms} at least", watch.elapsed_ms());
    assert_eq!(queue.check().await.expect("check answers"), []);
}

//! Arrivals of several partitions, in a file that counts all of them.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use store::conformance::{START, job};
use store::migration::{Comparison, Spread, compare, tally};
use store::queue::{Claim, Queue, Record, Transfer};
use store::servers::Cluster;

use crate::records::records;
use crate::world::{World, check, copy, everything};

/// Each partition counts from zero; the file needs numbers of its own, and keeps the order within each integration.
#[tokio::test]
async fn partitions_interleave() {
    let world = World::new().await;
    let (source, target, back) = (world.partitioned(4).await, world.embedded(), world.redis().await);
    let mut wanted = Vec::new();
    for number in 0..200_u16 {
        let new = job(number % 9);
        wanted.push((new.job.integration, new.job.id));
        source.enqueue(vec![new]).await.expect("enqueue answers");
    }
    let copied = copy(&source, &target).await;
    let here = tally(&source, Spread::between(&source, &target), |_| {}).await.expect("a sum");
    let there = tally(&target, Spread::NONE, |_| {}).await.expect("a sum");
    assert_eq!(compare(copied.lasting, &here, &there, START), Comparison::Same);
    check(&target).await;
    copy(&target, &back).await;
    assert_eq!(everything(&target, 50).await, everything(&back, 50).await);
    check(&back).await;
    assert_eq!(by_integration(arrivals(&target).await), by_integration(wanted.clone()));
    let claimed = back.claim(Claim { limit: 500, lease_ms: 1_000 }).await.expect("claim answers").jobs;
    let claimed = claimed.iter().map(|leased| (leased.job.integration, leased.job.id)).collect();
    assert_eq!(by_integration(claimed), by_integration(wanted));
}

/// Partitions live on several nodes.
#[tokio::test]
async fn a_cluster_takes_and_gives() {
    let world = World::new().await;
    let cluster = Cluster::start(3, 0).await;
    let url = format!("redis+cluster://{}", cluster.urls().join(",").replace("redis://", "").replace('/', ""));
    let (source, middle, back) = (world.embedded(), world.redis_at(&url, 8, true).await, world.redis().await);
    let mut runner = TestRunner::deterministic();
    let records = records().new_tree(&mut runner).expect("records").current();
    source.import(records).await.expect("import answers");
    copy(&source, &middle).await;
    check(&middle).await;
    copy(&middle, &back).await;
    let wanted = everything(&source, 20).await;
    assert_eq!(everything(&middle, 20).await, wanted);
    assert_eq!(everything(&back, 20).await, wanted);
    assert_eq!(middle.survey().await.expect("survey answers").records(), wanted.len() as u64);
}

type Jobs = Vec<(store::IntegrationId, store::JobId)>;

/// The jobs in the order of their arrival.
async fn arrivals(queue: &impl Transfer) -> Jobs {
    let mut jobs: Vec<_> = everything(queue, 50)
        .await
        .into_iter()
        .filter_map(|record| match record {
            Record::Job(stored) => Some((stored.arrival, stored.job.integration, stored.job.id)),
            _ => None,
        })
        .collect();
    jobs.sort_unstable();
    jobs.into_iter().map(|(_, integration, id)| (integration, id)).collect()
}

/// The same with integrations one after the other.
fn by_integration(mut jobs: Jobs) -> Jobs {
    jobs.sort_by_key(|(integration, _)| *integration);
    jobs
}

//! Arrivals of several partitions, in a file that counts all of them.

use store::conformance::{START, job};
use store::migration::{Comparison, Spread, compare, tally};
use store::queue::{Claim, Queue, Record, Transfer};

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

//! A cluster whose slots move while jobs flow.

use store::servers::Cluster;

use crate::crew::{Crew, check_ticks};
use crate::scale;

const PARTITIONS: usize = 8;

fn url(cluster: &Cluster) -> String {
    format!("redis+cluster://{}", cluster.urls().join(",").replace("redis://", "").replace('/', ""))
}

#[tokio::test(flavor = "multi_thread")]
async fn resharding_while_jobs_flow_loses_nothing() {
    let cluster = Cluster::start(3, 0).await;
    let crew = Crew::start_with(vec![url(&cluster)], PARTITIONS).await;
    crew.progress(200).await;
    for _ in 0..scale() {
        for partition in 0..PARTITIONS {
            let slot = cluster.slot_of(&format!("{{faults:{partition}}}")).await;
            let from = cluster.owner(slot).await;
            // Half-way: the slot is open, and its keys stay for a while.
            cluster.open_slot(slot, from, (from + 1) % 3).await;
            crew.progress(20).await;
            cluster.move_keys(slot, from, (from + 1) % 3).await;
            cluster.close_slot(slot, from, (from + 1) % 3).await;
        }
        crew.progress(100).await;
    }
    let ledger = crew.finish().await;
    assert_eq!(ledger.lost().len(), 0, "of {} acknowledged", ledger.acknowledgements());
    check_ticks(&ledger);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asked_for_failover_of_a_node_loses_nothing() {
    let cluster = Cluster::start(3, 1).await;
    let crew = Crew::start_with(vec![url(&cluster)], PARTITIONS).await;
    for number in 0..3 * scale() {
        crew.progress(100).await;
        let primaries = cluster.primaries().await;
        let primary = primaries[number % primaries.len()];
        let replicas = cluster.replicas_of(primary).await;
        if let Some(replica) = replicas.first() {
            cluster.failover(*replica).await;
        }
    }
    crew.progress(100).await;
    let ledger = crew.finish().await;
    assert_eq!(ledger.lost().len(), 0, "of {} acknowledged", ledger.acknowledgements());
    check_ticks(&ledger);
}

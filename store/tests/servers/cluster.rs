//! A cluster forms, keeps every write while slots move, and survives a primary.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use redis::cluster::ClusterClient;
use store::servers::Cluster;

/// Counts up in the cluster, over many slots, until it is told to stop; gives how often it counted each key.
async fn traffic(urls: Vec<String>, stop: Arc<AtomicBool>, counted: Arc<AtomicU64>) -> Vec<(String, u64)> {
    let client = ClusterClient::new(urls).expect("the addresses are good");
    let mut connection = client.get_async_connection().await.expect("the cluster can be reached");
    let mut counts: Vec<(String, u64)> = (0..200).map(|n| (format!("key:{n}"), 0)).collect();
    while !stop.load(Ordering::SeqCst) {
        for (key, count) in &mut counts {
            let now: u64 = redis::cmd("INCR").arg(&*key).query_async(&mut connection).await.expect("a count");
            *count += 1;
            assert_eq!(now, *count, "{key} lost a count, or got one twice");
        }
        counted.fetch_add(1, Ordering::SeqCst);
    }
    counts
}

#[tokio::test]
async fn all_slots_have_an_owner() {
    let cluster = Cluster::start(3, 0).await;
    assert_eq!(cluster.primaries().await, [0, 1, 2]);
    for (slot, expected) in [(0, 0), (5_460, 0), (5_461, 1), (10_922, 2), (16_383, 2)] {
        assert_eq!(cluster.owner(slot).await, expected, "slot {slot}");
    }
}

#[tokio::test]
async fn slots_move_under_traffic_without_a_loss() {
    let cluster = Cluster::start(3, 0).await;
    let (stop, counted) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let counting = tokio::spawn(traffic(cluster.urls(), Arc::clone(&stop), Arc::clone(&counted)));
    for key in ["key:1", "key:2", "key:3"] {
        let slot = cluster.slot_of(key).await;
        let from = cluster.owner(slot).await;
        let to = (from + 1) % 3;
        cluster.move_slot(slot, from, to).await;
        assert_eq!(cluster.owner(slot).await, to);
    }
    cluster.reshard(100).await;
    stop.store(true, Ordering::SeqCst);
    let counts = counting.await.expect("nothing is lost");
    assert!(counted.load(Ordering::SeqCst) > 0, "there was no traffic");
    for (key, count) in counts {
        let owner = cluster.owner(cluster.slot_of(&key).await).await;
        assert_eq!(cluster.node(owner).ask::<u64>(&["GET", &key]).await, count, "{key}");
    }
}

#[tokio::test]
async fn a_replica_takes_over_when_it_is_asked_and_when_its_primary_dies() {
    let mut cluster = Cluster::start(3, 1).await;
    let slot = cluster.slot_of("key").await;
    let first = cluster.owner(slot).await;
    cluster.node(first).ask::<()>(&["SET", "key", "value"]).await;
    cluster.node(first).replicated().await;
    let replicas = cluster.replicas_of(first).await;
    assert_eq!(replicas, [first + 3]);
    cluster.failover(replicas[0]).await;
    assert_eq!(cluster.owner(slot).await, replicas[0]);
    cluster.kill(replicas[0]);
    assert_eq!(cluster.promoted(&[first]).await, first);
    assert_eq!(cluster.node(first).ask::<String>(&["GET", "key"]).await, "value");
    cluster.node_mut(replicas[0]).restart().await;
    cluster.settle().await;
    assert_eq!(cluster.replicas_of(first).await, replicas);
}

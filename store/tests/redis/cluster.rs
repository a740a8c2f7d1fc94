//! A cluster of three nodes.

use store::conformance::run_all;
use store::servers::Cluster;

use crate::fresh::queue_at;

#[tokio::test]
async fn a_cluster_passes_the_suite() {
    let cluster = Cluster::start(3, 0).await;
    let url = format!("redis+cluster://{}", cluster.urls().join(",").replace("redis://", "").replace('/', ""));
    run_all(async || queue_at(&url, Box::new(())).await).await;
}

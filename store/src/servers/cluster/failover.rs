//! Another primary for the slots of one: asked for, or because it died.

use super::{Cluster, View};
use crate::servers::patience::Patience;

impl Cluster {
    /// The replicas of a node that are awake, by what they say of themselves.
    pub async fn replicas_of(&self, primary: usize) -> Vec<usize> {
        let mut found = Vec::new();
        for (number, node) in self.awake() {
            let view = View::of(&node.server).await;
            let myself = view.as_ref().and_then(View::myself);
            if myself.is_some_and(|myself| myself.primary == self.nodes[primary].id) {
                found.push(number);
            }
        }
        found
    }

    /// Makes a replica the primary, without a loss, and waits until all take commands again.
    pub async fn failover(&self, replica: usize) {
        self.node(replica).ask::<()>(&["CLUSTER", "FAILOVER"]).await;
        self.promoted(&[replica]).await;
    }

    /// Waits until one of `replicas` has taken over, and all take commands again; gives its number.
    pub async fn promoted(&self, replicas: &[usize]) -> usize {
        let patience = Patience::with("a replica to take over");
        loop {
            let primaries = self.primaries().await;
            if let Some(promoted) = replicas.iter().find(|number| primaries.contains(number)) {
                self.settle().await;
                return *promoted;
            }
            patience.wait().await;
        }
    }

    /// Waits until every node that is awake takes commands, and has its primary's data if it is a replica.
    pub async fn settle(&self) {
        let patience = Patience::with("the cluster to settle");
        for (_, node) in self.awake() {
            while !node.is_ready().await {
                patience.wait().await;
            }
        }
    }
}

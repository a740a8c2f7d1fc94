//! Starting a cluster: nodes that meet, share the slots and agree.

use super::{Cluster, Node, SLOTS, View};
use crate::servers::admin::field;
use crate::servers::patience::Patience;
use crate::servers::port::Port;
use crate::servers::redis::{Options, Server};

/// After this long without an answer, a node is taken for dead.
const NODE_TIMEOUT_MS: u64 = 1_000;

impl Cluster {
    /// Starts as many primaries, each with as many replicas, and waits until all are ready for traffic.
    ///
    /// Redis lets no primary write in its first two seconds.
    pub async fn start(primaries: usize, replicas: usize) -> Self {
        Self::start_with(primaries, replicas, &Options::default()).await
    }

    /// The same, each node with these options.
    pub async fn start_with(primaries: usize, replicas: usize, options: &Options) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..primaries * (1 + replicas) {
            nodes.push(Node::start(options).await);
        }
        let cluster = Self { nodes };
        cluster.share_slots(primaries).await;
        cluster.meet().await;
        cluster.replicate(primaries).await;
        cluster.agree(primaries * replicas).await;
        cluster
    }

    /// An equal share for each of the first nodes.
    async fn share_slots(&self, primaries: usize) {
        let first_slot = |number: usize| number * usize::from(SLOTS) / primaries;
        for number in 0..primaries {
            let (first, last) = (first_slot(number).to_string(), (first_slot(number + 1) - 1).to_string());
            self.node(number).ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]).await;
        }
    }

    /// Introduces all nodes to the first. Epochs are given, so that they need not be fought out.
    async fn meet(&self) {
        for (epoch, node) in (1..).zip(&self.nodes) {
            node.server.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &format!("{epoch}")]).await;
        }
        for node in &self.nodes[1..] {
            let (port, bus) = (node.server.port().to_string(), node.bus.number().to_string());
            self.node(0).ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await;
        }
        self.seen_by_all(0).await;
    }

    /// Gives the primaries their replicas in turn.
    async fn replicate(&self, primaries: usize) {
        for (number, node) in self.nodes.iter().enumerate().skip(primaries) {
            let primary = &self.nodes[number % primaries].id;
            node.server.ask::<()>(&["CLUSTER", "REPLICATE", primary]).await;
        }
    }

    /// Waits until every node reaches all others, and takes commands.
    async fn agree(&self, replicas: usize) {
        self.seen_by_all(replicas).await;
        self.settle().await;
    }

    async fn seen_by_all(&self, replicas: usize) {
        let patience = Patience::with("the nodes to know each other");
        for node in &self.nodes {
            while !node.sees(self.nodes.len(), replicas).await {
                patience.wait().await;
            }
        }
    }
}

impl Node {
    async fn start(options: &Options) -> Self {
        let bus = Port::claim();
        let mut options = options.clone();
        let settings = [
            ("cluster-enabled", "yes".to_owned()),
            ("cluster-port", bus.number().to_string()),
            ("cluster-node-timeout", NODE_TIMEOUT_MS.to_string()),
            // However long a replica was cut off, it may take over.
            ("cluster-replica-validity-factor", "0".to_owned()),
        ];
        options.extra.extend(settings.map(|(name, value)| (name.to_owned(), value)));
        let server = Server::start(options).await;
        let id = server.ask(&["CLUSTER", "MYID"]).await;
        Self { server, id, bus }
    }

    async fn sees(&self, nodes: usize, replicas: usize) -> bool {
        View::of(&self.server).await.is_some_and(|view| view.is_complete(nodes, replicas))
    }

    /// Whether it takes commands, and has its primary's data if it is a replica.
    pub(super) async fn is_ready(&self) -> bool {
        let info = self.server.try_ask::<String>(&["CLUSTER", "INFO"]).await.unwrap_or_default();
        let is_linked = self.server.is_primary().await || self.server.is_linked().await;
        field(&info, "cluster_state") == Some("ok") && is_linked
    }
}

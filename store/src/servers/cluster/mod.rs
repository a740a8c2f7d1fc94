//! A Redis cluster of a test's own: formed from nothing, resharded under traffic, failed over.

mod failover;
mod form;
mod slots;
mod view;

use self::view::View;
use super::patience::Patience;
use super::port::Port;
use super::redis::Server;

/// How many slots the keys of a cluster are spread over.
pub const SLOTS: u16 = 16_384;

/// A running cluster. Its nodes are numbered: the primaries that it was formed with, then their replicas.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    server: Server,
    id: String,
    bus: Port,
}

impl Cluster {
    /// How clients name all nodes.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.server.url()).collect()
    }

    /// A node, to ask it something.
    pub fn node(&self, number: usize) -> &Server {
        &self.nodes[number].server
    }

    /// A node, to pause it or to start it again.
    pub fn node_mut(&mut self, number: usize) -> &mut Server {
        &mut self.nodes[number].server
    }

    /// SIGKILL for a node.
    pub fn kill(&mut self, number: usize) {
        self.nodes[number].server.kill();
    }

    /// The slot of a key.
    pub async fn slot_of(&self, key: &str) -> u16 {
        self.any().ask(&["CLUSTER", "KEYSLOT", key]).await
    }

    /// The primary that has a slot, by what the primaries say of themselves.
    pub async fn owner(&self, slot: u16) -> usize {
        let patience = Patience::with("an owner of the slot");
        loop {
            match self.claim(slot).await {
                Some(number) => return number,
                None => patience.wait().await,
            }
        }
    }

    /// The primary with the latest claim to a slot.
    async fn claim(&self, slot: u16) -> Option<usize> {
        let mut claims = Vec::new();
        for (number, node) in self.awake() {
            let view = View::of(&node.server).await;
            let myself = view.as_ref().and_then(View::myself);
            claims.extend(myself.filter(|myself| myself.has(slot)).map(|myself| (myself.epoch, number)));
        }
        claims.into_iter().max().map(|(_, number)| number)
    }

    /// The nodes that are primaries now, by what they say of themselves.
    pub async fn primaries(&self) -> Vec<usize> {
        let mut found = Vec::new();
        for (number, node) in self.awake() {
            let view = View::of(&node.server).await;
            if view.is_some_and(|view| view.myself().is_some_and(|myself| myself.is_primary())) {
                found.push(number);
            }
        }
        found
    }

    fn any(&self) -> &Server {
        let (_, node) = self.awake().next().expect("a node is awake");
        &node.server
    }

    fn awake(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.server.is_awake())
    }
}

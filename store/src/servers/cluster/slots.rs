//! Moving slots from node to node, as an operator does, while the cluster is at work.

use super::{Cluster, SLOTS};

/// How many keys one MIGRATE takes along.
const KEYS_AT_ONCE: &str = "100";
/// How long one MIGRATE may take.
const MIGRATE_MS: &str = "5000";

impl Cluster {
    /// Moves a slot with its keys from one primary to another.
    pub async fn move_slot(&self, slot: u16, from: usize, to: usize) {
        self.open_slot(slot, from, to).await;
        self.move_keys(slot, from, to).await;
        self.close_slot(slot, from, to).await;
    }

    /// Moves as many slots, spread over all, each to the primary after its own.
    pub async fn reshard(&self, slots: u16) {
        let primaries = self.primaries().await;
        for number in 0..slots {
            let slot = u16::try_from(u32::from(number) * u32::from(SLOTS) / u32::from(slots)).expect("it is a slot");
            let from = self.owner(slot).await;
            let at = primaries.iter().position(|primary| *primary == from).expect("an owner is a primary");
            self.move_slot(slot, from, primaries[(at + 1) % primaries.len()]).await;
        }
    }

    /// The first step of a move: from here on, what `from` does not have is asked of `to`.
    pub async fn open_slot(&self, slot: u16, from: usize, to: usize) {
        self.set_slot(to, slot, &["IMPORTING", &self.nodes[from].id]).await;
        self.set_slot(from, slot, &["MIGRATING", &self.nodes[to].id]).await;
    }

    /// The second step: all keys.
    pub async fn move_keys(&self, slot: u16, from: usize, to: usize) {
        let (slot, port) = (slot.to_string(), self.node(to).port().to_string());
        loop {
            let keys: Vec<Vec<u8>> = self.node(from).ask(&["CLUSTER", "GETKEYSINSLOT", &slot, KEYS_AT_ONCE]).await;
            if keys.is_empty() {
                return;
            }
            let mut migrate = redis::cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(&port).arg("").arg(0).arg(MIGRATE_MS).arg("KEYS").arg(&keys);
            let mut connection = self.node(from).connection().await;
            migrate.query_async::<()>(&mut connection).await.expect("keys can be moved");
        }
    }

    /// The last step: `to` owns the slot. It is told first, so that at no time nobody does.
    pub async fn close_slot(&self, slot: u16, from: usize, to: usize) {
        let others = self.primaries().await.into_iter().filter(|number| *number != from && *number != to);
        for number in [to, from].into_iter().chain(others) {
            self.set_slot(number, slot, &["NODE", &self.nodes[to].id]).await;
        }
    }

    async fn set_slot(&self, number: usize, slot: u16, words: &[&str]) {
        let slot = slot.to_string();
        let command = [&["CLUSTER", "SETSLOT", &slot], words].concat();
        self.node(number).ask::<()>(&command).await;
    }
}

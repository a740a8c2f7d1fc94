//! check: what is stored against itself. Everything of a partition is read, in parts, so what changes meanwhile looks
//! wrong for a moment: only what two readings in a row find is told.

mod rules;
mod snapshot;

use std::collections::BTreeSet;

use super::handle::Redis;
use crate::Result;
use crate::queue::Violation;

impl Redis {
    pub(super) async fn contradictions(&self) -> Result<Vec<Violation>> {
        let mut all = Vec::new();
        for partition in 0..self.partitions() {
            let first = self.contradictions_in(partition).await?;
            if first.is_empty() {
                continue;
            }
            let second = self.contradictions_in(partition).await?;
            all.extend(first.intersection(&second).cloned());
        }
        Ok(all)
    }

    async fn contradictions_in(&self, partition: usize) -> Result<BTreeSet<Violation>> {
        let snapshot = snapshot::read(self, partition).await?;
        Ok(rules::all(&snapshot).into_iter().collect())
    }
}

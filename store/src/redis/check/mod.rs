//! check: what is stored against itself. Everything of a partition is read, in parts, so what changes meanwhile looks
//! wrong for a moment: only what several readings in a row find is told.

mod rules;
mod snapshot;

use std::collections::BTreeSet;
use std::time::Duration;

use super::handle::Redis;
use crate::Result;
use crate::queue::Violation;

/// How many readings must find the same.
const READINGS: usize = 5;
const PAUSE: Duration = Duration::from_millis(50);

impl Redis {
    pub(super) async fn contradictions(&self) -> Result<Vec<Violation>> {
        let mut all = Vec::new();
        for partition in 0..self.partitions() {
            let mut found = self.contradictions_in(partition).await?;
            for _ in 1..READINGS {
                if found.is_empty() {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
                let again = self.contradictions_in(partition).await?;
                found.retain(|violation| again.contains(violation));
            }
            all.extend(found);
        }
        Ok(all)
    }

    async fn contradictions_in(&self, partition: usize) -> Result<BTreeSet<Violation>> {
        let snapshot = snapshot::read(self, partition).await?;
        Ok(rules::all(&snapshot).into_iter().collect())
    }
}

//! What a verb sees: the open transaction, the time, and the writer's books.

use std::collections::{BTreeSet, HashSet};

use rusqlite::Connection;
use schedules::Millis;

use crate::{Error, IntegrationId, Result};

/// What the writer knows beside the file. All of it can be computed from the file again.
pub(super) struct Books {
    /// How many jobs there are, in all states.
    pub(super) jobs: u64,
    /// How many there may be.
    pub(super) max_jobs: u64,
    /// Lanes to look at again before the next claim or commit. Too many are harmless.
    pub(super) stale: BTreeSet<IntegrationId>,
    /// Integrations with a limit on concurrency: leaving jobs free slots. Too many are harmless.
    pub(super) limited: HashSet<IntegrationId>,
    /// Counts what may have made work; never goes back.
    pub(super) changes: u64,
    /// Counts turns in the rotation; never goes back.
    pub(super) turn: i64,
}

/// One operation within the transaction.
pub(super) struct Step<'a> {
    /// The transaction.
    pub(super) connection: &'a Connection,
    /// The store's time, fixed for the operation.
    pub(super) now: Millis,
    /// The writer's books.
    pub(super) books: &'a mut Books,
}

impl Step<'_> {
    /// Pending jobs of `integration` have changed.
    pub(super) fn touch(&mut self, integration: IntegrationId) {
        self.books.stale.insert(integration);
    }

    /// A running job of `integration` has left.
    pub(super) fn free_slot(&mut self, integration: IntegrationId) {
        if self.books.limited.contains(&integration) {
            self.books.stale.insert(integration);
        }
    }

    /// A job was added.
    pub(super) fn grow(&mut self) -> Result<()> {
        self.books.jobs += 1;
        if self.books.jobs > self.books.max_jobs {
            return Err(Error::Full { what: "jobs in the queue", limit: self.books.max_jobs });
        }
        Ok(())
    }

    /// Jobs were taken out.
    pub(super) fn shrink(&mut self, by: usize) {
        self.books.jobs = self.books.jobs.saturating_sub(by as u64);
    }

    /// The end of a lease that starts now.
    pub(super) fn lease_until(&self, lease_ms: u32) -> i64 {
        self.now.after(i64::from(lease_ms)).0
    }
}

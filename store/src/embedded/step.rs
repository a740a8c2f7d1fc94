//! What a verb sees: the open transaction, the time, and the writer's books.

use std::collections::HashSet;

use rusqlite::Connection;
use schedules::Millis;

use super::stale::Stale;
use crate::{Error, IntegrationId, Result};

/// What the writer knows beside the file. All of it can be computed from the file again.
pub(super) struct Books {
    /// How many jobs there are, in all states.
    pub(super) jobs: u64,
    /// How many there may be.
    pub(super) max_jobs: u64,
    /// What to look at again before the next claim or commit. Too much is harmless.
    pub(super) stale: Stale,
    /// Integrations with a limit on concurrency: leaving jobs free slots. Too many are harmless.
    pub(super) limited: HashSet<IntegrationId>,
    /// Counts what may have made work; never goes back.
    pub(super) changes: u64,
    /// Counts turns in the rotations; never goes back.
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

/// Where a job waits, or would.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its integration.
    pub(super) integration: IntegrationId,
    /// Its lane in it.
    pub(super) lane: Box<str>,
    /// The bucket at which it is in line, or was.
    pub(super) gate: Option<Box<str>>,
}

impl Step<'_> {
    /// The pending jobs of a place have changed.
    pub(super) fn touch(&mut self, place: Place) {
        if let Some(gate) = place.gate {
            self.books.stale.lines.insert((place.integration, gate));
        }
        self.books.stale.lanes.insert((place.integration, place.lane));
    }

    /// A running job has left.
    pub(super) fn free_slot(&mut self, place: Place) {
        if self.books.limited.contains(&place.integration) {
            self.books.stale.lanes.insert((place.integration, place.lane));
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

    /// The next turn of a rotation.
    pub(super) fn next_turn(&mut self) -> i64 {
        self.books.turn += 1;
        self.books.turn
    }

    /// The end of a lease that starts now.
    pub(super) fn lease_until(&self, lease_ms: u32) -> i64 {
        self.now.after(i64::from(lease_ms)).0
    }
}

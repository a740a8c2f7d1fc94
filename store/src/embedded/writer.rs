//! The one thread that writes: applies waiting operations in groups, and answers each after the group's commit.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use schedules::Clock;
use tokio::sync::{mpsc, oneshot, watch};

use super::file::{self, Options};
use super::stale::Stale;
use super::step::{Books, Step};
use super::{row, stale};
use crate::{Error, IntegrationId, Result};

/// The most operations in one transaction.
const MAX_GROUP: usize = 256;
/// The most jobs, settlements and so on in one transaction, so that the first caller does not wait for all others.
const MAX_GROUP_WEIGHT: usize = 4_000;
/// The last turn of any rotation.
const LAST_TURN: &str =
    "SELECT coalesce(max(served), 0) FROM (SELECT served FROM integrations UNION ALL SELECT served FROM lanes)";

/// A call on its way: a verb with its arguments, and the one who waits for the answer.
///
/// It may be run more than once; only the last run counts.
pub(super) trait Operation: Send {
    /// How many jobs, settlements and so on it carries.
    fn weight(&self) -> usize;
    /// Applies it; `false` if it failed, and what it did must be taken back.
    fn run(&mut self, step: &mut Step<'_>) -> bool;
    /// Tells the caller: what the last run answered, or why nothing was committed.
    fn answer(self: Box<Self>, committed: std::result::Result<(), &str>);
}

/// An [`Operation`] made of a function.
pub(super) struct Call<F, T> {
    pub(super) verb: F,
    pub(super) weight: usize,
    pub(super) answer: Option<Result<T>>,
    pub(super) reply: oneshot::Sender<Result<T>>,
}

impl<F, T> Operation for Call<F, T>
where
    F: Fn(&mut Step<'_>) -> Result<T> + Send,
    T: Send,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn run(&mut self, step: &mut Step<'_>) -> bool {
        self.answer.insert((self.verb)(step)).is_ok()
    }

    fn answer(self: Box<Self>, committed: std::result::Result<(), &str>) {
        let answer = match (committed, self.answer) {
            // A failed operation has nothing that could get lost: its own error says more.
            (_, Some(Err(error))) => Err(error),
            (Ok(()), Some(answer)) => answer,
            (Err(why), _) => Err(Error::Unavailable(why.to_owned())),
            (Ok(()), None) => Err(Error::Unavailable("the operation was not run".into())),
        };
        // A caller that went away does not want to know.
        drop(self.reply.send(answer));
    }
}

/// What the thread owns. The lock goes last.
pub(super) struct Writer {
    connection: Connection,
    books: Books,
    clock: Arc<dyn Clock>,
    changes: watch::Sender<u64>,
    _lock: File,
}

impl Writer {
    /// Opens the file, and ends the leases of the process that had it before: we hold the lock, so it is gone.
    pub(super) fn open(
        path: &Path,
        options: Options,
        clock: Arc<dyn Clock>,
        changes: watch::Sender<u64>,
    ) -> Result<Self> {
        let lock = file::lock(path)?;
        let connection = file::open(path, options.sync)?;
        connection.execute("UPDATE jobs SET lease_until = 0 WHERE state = 1", ())?;
        let books = Books {
            jobs: connection.query_row("SELECT count(*) FROM jobs", (), |row| row.get::<_, i64>(0))?.cast_unsigned(),
            max_jobs: options.max_jobs,
            stale: Stale::default(),
            limited: limited(&connection)?,
            changes: 0,
            turn: connection.query_row(LAST_TURN, (), |row| row.get(0))?,
        };
        Ok(Self { connection, books, clock, changes, _lock: lock })
    }

    /// Works until every sender is gone, then leaves the file in one piece.
    pub(super) fn run(mut self, mut calls: mpsc::Receiver<Box<dyn Operation>>) {
        while let Some(first) = calls.blocking_recv() {
            let mut weight = first.weight();
            let mut group = vec![first];
            while group.len() < MAX_GROUP && weight < MAX_GROUP_WEIGHT {
                let Ok(next) = calls.try_recv() else { break };
                weight += next.weight();
                group.push(next);
            }
            self.apply(group);
        }
        if let Err(error) = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())) {
            tracing::warn!(%error, "the queue's file is closed without a checkpoint; the next start does it");
        }
    }

    /// Applies a group and answers it. Operations rarely fail, so the first try takes no savepoints: if one fails, the
    /// whole group is taken back and done again with a savepoint each.
    fn apply(&mut self, mut group: Vec<Box<dyn Operation>>) {
        let committed = match self.transact(&mut group, false) {
            Ok(false) if group.len() > 1 => self.transact(&mut group, true),
            first => first,
        };
        if let Err(error) = &committed {
            tracing::error!(%error, operations = group.len(), "the queue's file could not be written");
        }
        let changes = self.books.changes;
        self.changes.send_if_modified(|known| std::mem::replace(known, changes) != changes);
        let outcome = committed.map_err(|error| error.to_string());
        for operation in group {
            operation.answer(outcome.as_ref().map(|_| ()).map_err(String::as_str));
        }
    }

    /// Runs a group in one transaction; `false` if an operation without a savepoint failed and all is taken back.
    fn transact(&mut self, group: &mut [Box<dyn Operation>], guarded: bool) -> Result<bool> {
        let (jobs, stale) = (self.books.jobs, self.books.stale.clone());
        let result = self.try_transact(group, guarded);
        if !matches!(result, Ok(true)) {
            (self.books.jobs, self.books.stale) = (jobs, stale);
            if !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK")?;
            }
        }
        result
    }

    fn try_transact(&mut self, group: &mut [Box<dyn Operation>], guarded: bool) -> Result<bool> {
        self.execute("BEGIN IMMEDIATE")?;
        for operation in group {
            let may_be_full = self.books.jobs + operation.weight() as u64 > self.books.max_jobs;
            if guarded || may_be_full {
                self.run_guarded(operation.as_mut())?;
            } else if !operation.run(&mut self.step()) {
                return Ok(false);
            }
        }
        stale::refresh(&mut self.step())?;
        self.execute("COMMIT")?;
        Ok(true)
    }

    /// Runs one operation so that its failure leaves the others' work alone.
    fn run_guarded(&mut self, operation: &mut dyn Operation) -> Result<()> {
        let (jobs, stale) = (self.books.jobs, self.books.stale.clone());
        self.execute("SAVEPOINT operation")?;
        if !operation.run(&mut self.step()) {
            (self.books.jobs, self.books.stale) = (jobs, stale);
            // Fails if SQLite gave up the whole transaction, as it does when the disk is full: then all have failed.
            self.execute("ROLLBACK TO operation")?;
        }
        self.execute("RELEASE operation")
    }

    fn step(&mut self) -> Step<'_> {
        Step { connection: &self.connection, now: self.clock.now(), books: &mut self.books }
    }

    fn execute(&self, statement: &str) -> Result<()> {
        self.connection.prepare_cached(statement)?.execute(())?;
        Ok(())
    }
}

/// The integrations whose jobs, or whose lanes' jobs, may not all run at once, or keep their order.
fn limited(connection: &Connection) -> Result<HashSet<IntegrationId>> {
    let mut statement = connection.prepare(
        "SELECT integration FROM integrations WHERE lane_fifo OR coalesce(concurrency, lane_concurrency) IS NOT NULL",
    )?;
    Ok(row::all(&mut statement, (), |row| Ok(row.get(0)?))?.into_iter().collect())
}

#[cfg(test)]
mod tests;

//! Read-only connections for the questions, so that a long list keeps no writer waiting.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Transaction};
use tokio::sync::Semaphore;

use super::file;
use crate::{Error, Result};

/// How many questions are answered at a time; others wait.
const READERS: usize = 2;

/// The pool.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// A pool for the file; connections are opened when they are needed.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::default(), permits: Arc::new(Semaphore::new(READERS)) }
    }

    /// Answers a question from one consistent view of the file.
    pub(super) async fn ask<T, F>(self: &Arc<Self>, question: F) -> Result<T>
    where
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let stopped = |error: &dyn std::fmt::Display| Error::Unavailable(format!("the queue's reader: {error}"));
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|error| stopped(&error))?;
        let pool = Arc::clone(self);
        let asked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let connection = pool.take()?;
            let answer = view(&connection).and_then(|transaction| question(&transaction));
            pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            answer
        });
        asked.await.map_err(|error| stopped(&error))?
    }

    fn take(&self) -> Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| file::open_to_read(&self.path), Ok)
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A transaction that sees the file as it is now; it only reads, so dropping it is its end.
fn view(connection: &Connection) -> Result<Transaction<'_>> {
    Ok(connection.unchecked_transaction()?)
}

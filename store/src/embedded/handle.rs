//! The engine as its callers hold it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use schedules::{Clock, Millis};
use tokio::sync::{mpsc, oneshot, watch};

use super::file::Options;
use super::readers::Readers;
use super::step::Step;
use super::writer::{Call, Operation, Writer};
use crate::{Error, Result};

/// Calls that may wait for the writer; more callers wait for a place.
const WAITING_CALLS: usize = 1_024;
/// The longest sleep of [`Embedded::wait_for_change`]: the wall clock may have been set meanwhile.
const LONGEST_SLEEP_MS: i64 = 1_000;

/// A durable queue in one file; clones are handles to the same queue.
///
/// The file is closed when the last handle is dropped, which waits for the calls under way. A handle remembers what its
/// last claim saw, for `wait`: tasks that claim on their own each want a clone of their own.
pub struct Embedded {
    shared: Arc<Shared>,
    /// The writer's count of changes at the last claim of this handle.
    seen: AtomicU64,
}

struct Shared {
    calls: Option<mpsc::Sender<Box<dyn Operation>>>,
    changes: watch::Receiver<u64>,
    readers: Arc<Readers>,
    clock: Arc<dyn Clock>,
    thread: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Opens the queue in the file `path`, or makes it there; its folder must exist.
    ///
    /// Errors: `InUse` while another process (or handle) has it open, `Corrupt` if it is not a queue this version reads.
    /// Jobs that were running when it was closed have lost their lease and can be rescued at once.
    pub fn open(path: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self> {
        let (changes, known) = watch::channel(0);
        let writer = Writer::open(path, options, Arc::clone(&clock), changes)?;
        let (calls, waiting) = mpsc::channel(WAITING_CALLS);
        let thread = std::thread::Builder::new()
            .name("queue-writer".into())
            .spawn(move || writer.run(waiting))
            .map_err(|error| Error::Unavailable(format!("the queue's writer cannot start: {error}")))?;
        let shared = Shared {
            calls: Some(calls),
            changes: known,
            readers: Arc::new(Readers::new(path)),
            clock,
            thread: Some(thread),
        };
        Ok(Self::new(Arc::new(shared)))
    }

    /// A handle that has seen nothing: its first wait returns at once.
    fn new(shared: Arc<Shared>) -> Self {
        Self { shared, seen: AtomicU64::new(u64::MAX) }
    }

    /// Sends a verb to the writer and waits until its step is committed.
    pub(super) async fn call<T, F>(&self, weight: usize, verb: F) -> Result<T>
    where
        F: Fn(&mut Step<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let stopped = || Error::Unavailable("the queue's writer has stopped: restart the program".into());
        let (reply, answer) = oneshot::channel();
        let operation = Box::new(Call { verb, weight, answer: None, reply });
        let calls = self.shared.calls.as_ref().ok_or_else(stopped)?;
        calls.send(operation).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Answers a question beside the writer.
    pub(super) async fn ask<T, F>(&self, question: F) -> Result<T>
    where
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.shared.readers.ask(question).await
    }

    /// The store's time.
    pub(super) fn time(&self) -> Millis {
        self.shared.clock.now()
    }

    /// Remembers what a claim of this handle saw.
    pub(super) fn saw(&self, changes: u64) {
        self.seen.store(changes, Ordering::SeqCst);
    }

    /// Waits until `until`, or until there were changes that this handle's last claim did not see.
    pub(super) async fn wait_for_change(&self, until: Option<Millis>) {
        let seen = self.seen.load(Ordering::SeqCst);
        let mut changes = self.shared.changes.clone();
        let changed = changes.wait_for(|known| *known != seen);
        match until.map(|until| until.since(self.time())) {
            None => drop(changed.await),
            Some(..=0) => {}
            Some(ms) => {
                let sleep = Duration::from_millis(ms.min(LONGEST_SLEEP_MS).unsigned_abs());
                drop(tokio::time::timeout(sleep, changed).await);
            }
        }
    }
}

impl Clone for Embedded {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.readers.close();
        self.calls = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the queue's writer ended in a panic");
        }
    }
}

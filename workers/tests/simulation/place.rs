//! The machine: a folder with the queue's file, which outlives the program that has it open.

use std::path::PathBuf;
use std::sync::Arc;

use schedules::ManualClock;
use store::embedded::{Embedded, Options, Sync};
use tempfile::TempDir;

/// How a program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It closes its file.
    Closed,
    /// It is killed: what it wrote stays as it is.
    Killed,
    /// It is killed while it writes: something unfinished stays behind what it wrote.
    KilledWriting,
}

/// A folder, and how often its file was left behind.
pub struct Place {
    folder: TempDir,
    clock: Arc<ManualClock>,
    max_jobs: u64,
    life: u32,
}

impl Place {
    /// An empty folder; the queue in it will hold at most so many jobs.
    pub fn new(clock: Arc<ManualClock>, max_jobs: u64) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), clock, max_jobs, life: 0 }
    }

    fn file(&self, end: &str) -> PathBuf {
        self.folder.path().join(format!("queue-{}.db{end}", self.life))
    }

    /// Opens the queue, which nobody has open.
    pub fn open(&self) -> Embedded {
        let options = Options { max_jobs: self.max_jobs, sync: Sync::Normal };
        Embedded::open(&self.file(""), options, self.clock.clone()).expect("the queue opens")
    }

    /// Ends the program that has the queue open. A killed one leaves the file as it is at this moment: a copy of it, as
    /// the handle can only be closed in good order.
    pub fn end(&mut self, queue: Embedded, how: End) {
        if how == End::Closed {
            return drop(queue);
        }
        let before = [self.file(""), self.file("-wal")];
        self.life += 1;
        for (from, to) in before.iter().zip([self.file(""), self.file("-wal")]) {
            if let Ok(mut bytes) = std::fs::read(from) {
                if how == End::KilledWriting && to == self.file("-wal") {
                    // The header of a page that never came.
                    bytes.extend_from_slice(&[0, 0, 0, 7, 0, 0, 0, 9, 1, 2, 3]);
                }
                std::fs::write(to, bytes).expect("a copy");
            }
        }
        drop(queue);
        for file in before {
            let _gone = std::fs::remove_file(file);
        }
    }
}

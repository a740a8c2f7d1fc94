//! The copy, a part at a time.

use super::{Spread, Sum, Tally};
use crate::Result;
use crate::queue::{MAX_BATCH, Mark, Transfer};

/// How far a copy has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What was copied last; `None` before the first part, and after the last.
    pub mark: Option<Mark>,
    /// Whether everything was copied.
    pub is_done: bool,
    /// Records that were read.
    pub read: u64,
    /// The sum of them, without buckets.
    pub lasting: Sum,
}

/// A copy under way.
#[derive(Debug)]
pub struct Migration<'a, S, T> {
    source: &'a S,
    target: &'a T,
    spread: Spread,
    progress: Progress,
}

impl<'a, S: Transfer, T: Transfer> Migration<'a, S, T> {
    /// A copy that has come so far; [`Progress::default`] is a new one.
    pub fn new(source: &'a S, target: &'a T, progress: Progress) -> Self {
        Self { source, target, spread: Spread::between(source, target), progress }
    }

    /// How far it has come. Everything up to there is in the target.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Copies the next part; `false` if there is none.
    pub async fn advance(&mut self) -> Result<bool> {
        if self.progress.is_done {
            return Ok(false);
        }
        let (records, next) = self.source.export(self.progress.mark.clone(), MAX_BATCH).await?;
        let records = records.into_iter().map(|record| self.spread.apply(record)).collect::<Result<Vec<_>>>()?;
        let mut part = Tally::default();
        for record in &records {
            part.add(record)?;
        }
        let read = records.len() as u64;
        if read > 0 {
            self.target.import(records).await?;
        }
        let progress = &mut self.progress;
        progress.is_done = next.is_none();
        progress.mark = next;
        progress.read += read;
        progress.lasting.records += part.lasting().records;
        progress.lasting.hashes = progress.lasting.hashes.wrapping_add(part.lasting().hashes);
        Ok(true)
    }
}

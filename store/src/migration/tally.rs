//! A queue added up: how many records of each kind, and a sum over all of them that does not depend on their order.

use std::collections::HashMap;

use schedules::Millis;
use sha2::{Digest, Sha256};

use super::{Spread, canonical};
use crate::Result;
use crate::queue::{MAX_BATCH, Record, Transfer};

/// So many records, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub records: u64,
    /// The wrapping sum of the first 16 bytes of SHA-256 of each.
    pub hashes: u128,
}

impl Sum {
    fn add(&mut self, hash: u128) {
        self.records += 1;
        self.hashes = self.hashes.wrapping_add(hash);
    }
}

/// How many records of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Pending jobs.
    pub pending: u64,
    /// Dead jobs.
    pub dead: u64,
    /// Controls.
    pub controls: u64,
    /// Cursors.
    pub cursors: u64,
    /// Records of ticks.
    pub ticks: u64,
    /// First answers.
    pub idempotency: u64,
    /// Buckets of rate limits that something shuts.
    pub holds: u64,
    /// Buckets of rate limits.
    pub buckets: u64,
}

/// What was added up. Buckets end by themselves, and may be seen twice, so each of them is known by its hash.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    lasting: Sum,
    kinds: Kinds,
    buckets: HashMap<u128, Millis>,
}

impl Tally {
    /// Adds one.
    pub fn add(&mut self, record: &Record) -> Result<()> {
        let hash = hash(record)?;
        let kinds = &mut self.kinds;
        let kind = match record {
            Record::Job(stored) if stored.died.is_some() => &mut kinds.dead,
            Record::Job(_) => &mut kinds.pending,
            Record::Control { .. } => &mut kinds.controls,
            Record::Cursor { .. } => &mut kinds.cursors,
            Record::Tick(_) => &mut kinds.ticks,
            Record::Idempotency { .. } => &mut kinds.idempotency,
            Record::Hold { .. } => &mut kinds.holds,
            Record::Bucket { until, .. } => {
                self.buckets.insert(hash, *until);
                return Ok(());
            }
        };
        *kind += 1;
        self.lasting.add(hash);
        Ok(())
    }

    /// The sum of all but the buckets.
    pub fn lasting(&self) -> Sum {
        self.lasting
    }

    /// The sum of what there still is after `moment`.
    pub fn at(&self, moment: Millis) -> Sum {
        let mut sum = self.lasting;
        self.buckets.iter().filter(|(_, until)| **until > moment).for_each(|(hash, _)| sum.add(*hash));
        sum
    }

    /// How many there were of each kind.
    pub fn kinds(&self) -> Kinds {
        Kinds { buckets: self.buckets.len() as u64, ..self.kinds }
    }
}

fn hash(record: &Record) -> Result<u128> {
    let digest: [u8; 32] = Sha256::digest(canonical::encode(record)?).into();
    let (first, _) = digest.split_at(size_of::<u128>());
    Ok(first.iter().fold(0, |hash, byte| hash << 8 | u128::from(*byte)))
}

/// Reads a queue from its beginning and adds it up; tells `each` how many records were read so far.
pub async fn tally(queue: &impl Transfer, spread: Spread, mut each: impl FnMut(u64)) -> Result<Tally> {
    let (mut tally, mut mark, mut read) = (Tally::default(), None, 0);
    loop {
        let (records, next) = queue.export(mark, MAX_BATCH).await?;
        for record in records {
            tally.add(&spread.apply(record)?)?;
            read += 1;
        }
        each(read);
        if next.is_none() {
            return Ok(tally);
        }
        mark = next;
    }
}

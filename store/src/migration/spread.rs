//! Numbers of arrival that are unique where those of the source are not.

use crate::queue::{Record, Transfer};
use crate::{Error, Result};

/// How arrivals are numbered on the way. A queue in several partitions counts in each; where one counter must do, the
/// numbers of all of them interleave: unique, and within an integration in the order they had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread(u64);

impl Spread {
    /// Numbers stay as they are.
    pub const NONE: Self = Self(1);

    /// What `target` needs of `source`.
    pub fn between(source: &impl Transfer, target: &impl Transfer) -> Self {
        if target.needs_unique_arrivals() { Self(source.counters()) } else { Self::NONE }
    }

    pub(super) fn apply(self, mut record: Record) -> Result<Record> {
        let Self(counters) = self;
        if let Record::Job(stored) = &mut record
            && counters > 1
        {
            let counter = stored.job.integration.0.0 % u128::from(counters);
            let spread = stored.arrival.checked_mul(counters).zip(u64::try_from(counter).ok());
            let spread = spread.and_then(|(first, counter)| first.checked_add(counter));
            let (id, arrival) = (stored.job.id, stored.arrival);
            stored.arrival =
                spread.ok_or_else(|| Error::Corrupt(format!("job {id}: its number of arrival is {arrival}")))?;
        }
        Ok(record)
    }
}

//! Retention: the history's bounds by age, number and size, and the pruning that keeps them.

use schedules::Millis;

use super::Catalog;
use super::counters::{self, RunTotals, Tally, tallied};
use super::open::{Change, Row};
use super::row::{Columns, signed};
use crate::Result;
use crate::queue::MAX_BATCH;

/// How much history is kept, over all workspaces; the oldest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Runs that finished longer ago than this go.
    pub max_age_ms: u64,
    /// Of more runs than this, the oldest go.
    pub max_count: u64,
    /// Of more bytes than this, the oldest runs go.
    pub max_bytes: u64,
}

/// How many runs went, and why; a run that several bounds refuse counts for the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// They were too old.
    pub by_age: u64,
    /// There were too many.
    pub by_count: u64,
    /// There were too many bytes.
    pub by_bytes: u64,
}

impl Pruned {
    /// All that went.
    pub fn total(&self) -> u64 {
        self.by_age + self.by_count + self.by_bytes
    }
}

const OLDEST: &str = "SELECT finished, bytes FROM runs ORDER BY finished, id LIMIT $1";
const DELETE_OLDEST: &str =
    concat!("DELETE FROM runs WHERE id IN (SELECT id FROM runs ORDER BY finished, id LIMIT $1) RETURNING ", tallied!());

impl Catalog {
    /// Deletes runs beyond `retention`, oldest first, at most `limit` (and [`MAX_BATCH`]) of them: as many as that mean
    /// that there may be more, and the caller comes again.
    pub async fn prune_runs(&self, retention: Retention, now: Millis, limit: usize) -> Result<Pruned> {
        let mut change = self.begin().await?;
        let totals = counters::totals(&mut change).await?;
        let oldest = oldest(&mut change, limit.min(MAX_BATCH)).await?;
        let pruned = refused(&oldest, totals, retention, now);
        if pruned.total() == 0 {
            return Ok(pruned);
        }
        let rows = sqlx::query(DELETE_OLDEST).bind(signed(pruned.total())).fetch_all(&mut *change).await?;
        let mut tally = Tally::default();
        tally.count(&rows)?;
        counters::subtract(&mut change, &tally).await?;
        change.commit().await?;
        Ok(pruned)
    }
}

/// When the oldest runs finished, and their bytes.
async fn oldest(change: &mut Change, limit: usize) -> Result<Vec<(Millis, u64)>> {
    let rows = sqlx::query(OLDEST).bind(signed(limit)).fetch_all(&mut **change).await?;
    let age_and_size = |row: &Row| Ok((row.millis("finished")?, row.number("bytes")?));
    rows.iter().map(age_and_size).collect()
}

/// How many of the oldest runs, given from the oldest on, have to go.
fn refused(oldest: &[(Millis, u64)], totals: RunTotals, retention: Retention, now: Millis) -> Pruned {
    let mut pruned = Pruned::default();
    let mut left = totals;
    for (finished, bytes) in oldest {
        let age = u64::try_from(now.since(*finished)).unwrap_or(0);
        let count = if age > retention.max_age_ms {
            &mut pruned.by_age
        } else if left.runs > retention.max_count {
            &mut pruned.by_count
        } else if left.bytes > retention.max_bytes {
            &mut pruned.by_bytes
        } else {
            break;
        };
        *count += 1;
        left.runs = left.runs.saturating_sub(1);
        left.bytes = left.bytes.saturating_sub(*bytes);
    }
    pruned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bound_that_refuses_a_run_counts_it() {
        fn check(max_age_ms: u64, max_count: u64, max_bytes: u64, expected: [u64; 3]) {
            let oldest = [(Millis(10), 5), (Millis(20), 5), (Millis(30), 5), (Millis(40), 5)];
            let retention = Retention { max_age_ms, max_count, max_bytes };
            let found = refused(&oldest, RunTotals { runs: 4, bytes: 20 }, retention, Millis(50));
            assert_eq!([found.by_age, found.by_count, found.by_bytes], expected, "{retention:?}");
        }
        check(40, 4, 20, [0, 0, 0]);
        check(39, 4, 20, [1, 0, 0]);
        check(40, 3, 20, [0, 1, 0]);
        check(40, 4, 19, [0, 0, 1]);
        check(29, 1, 0, [2, 1, 1]);
        check(25, 2, 9, [2, 0, 1]);
        check(0, 0, 0, [4, 0, 0]);
        check(u64::MAX, 0, 0, [0, 4, 0]);
    }
}

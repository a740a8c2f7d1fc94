//! discard: forget dead jobs.

use super::step::Step;
use crate::{JobId, Result};

/// Forgets those that are dead; returns how many there were.
pub(super) fn discard(step: &mut Step<'_>, jobs: &[JobId]) -> Result<u64> {
    let mut statement = step.connection.prepare_cached("DELETE FROM jobs WHERE id = ?1 AND state = 2")?;
    let mut gone = 0;
    for job in jobs {
        gone += statement.execute((job,))?;
    }
    step.shrink(gone);
    Ok(gone as u64)
}

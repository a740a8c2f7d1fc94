//! rescue: take over jobs whose lease ran out.

use super::row;
use super::step::Step;
use crate::Result;
use crate::queue::Leased;

/// Leases anew what has an overdue lease, longest overdue first.
pub(super) fn rescue(step: &Step<'_>, limit: usize, lease_ms: u32) -> Result<Vec<Leased>> {
    let mut statement = step.connection.prepare_cached(concat!(
        "UPDATE jobs SET lost = lost + 1, token = random(), lease_until = ?3
         WHERE seq IN (SELECT seq FROM jobs INDEXED BY jobs_lease WHERE state = 1 AND lease_until <= ?1
                       ORDER BY lease_until LIMIT ?2)
         RETURNING ",
        row::columns!()
    ))?;
    row::all(&mut statement, (step.now.0, row::count(limit), step.lease_until(lease_ms)), row::leased)
}

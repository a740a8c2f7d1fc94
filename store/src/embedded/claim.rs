//! claim: lease jobs that are due, taking turns between integrations.

use std::cmp::Reverse;

use super::step::Step;
use super::{lane, row};
use crate::queue::{Claim, Claimed, Leased};
use crate::{IntegrationId, Result};

/// A claim serves so many integrations that each gets about this many jobs: fewer would cost a statement per job, more
/// would let the others wait longer.
const QUANTUM: usize = 8;

/// Leases jobs; with the answer comes the count of changes that it has seen.
pub(super) fn claim(step: &mut Step<'_>, claim: Claim) -> Result<(Claimed, u64)> {
    lane::refresh_stale(step)?;
    lane::promote(step.connection, step.now)?;
    let mut jobs = Vec::with_capacity(claim.limit);
    while jobs.len() < claim.limit {
        let wanted = claim.limit - jobs.len();
        let lanes = lane::next(step.connection, wanted.div_ceil(QUANTUM))?;
        if lanes.is_empty() {
            break;
        }
        let share = wanted.div_ceil(lanes.len());
        for lane in lanes {
            let room = lane::room(step.connection, &lane)?;
            let count = share.min(claim.limit - jobs.len()).min(room);
            take(step, lane.integration, count, claim.lease_ms, &mut jobs)?;
            lane::served(step, &lane)?;
            if jobs.len() == claim.limit {
                break;
            }
        }
    }
    let next_due = lane::next_due(step.connection)?;
    let seen = step.books.changes;
    if next_due.is_some_and(|due| due <= step.now) {
        // Work is left that others, who wait, may take.
        step.books.changes += 1;
    }
    Ok((Claimed { jobs, next_due }, seen))
}

/// Leases the first `count` due jobs of one integration.
fn take(
    step: &Step<'_>,
    integration: IntegrationId,
    count: usize,
    lease_ms: u32,
    jobs: &mut Vec<Leased>,
) -> Result<()> {
    let mut statement = step.connection.prepare_cached(concat!(
        "UPDATE jobs SET state = 1, attempt = attempt + 1, charged = 1, token = random(), lease_until = ?4
         WHERE seq IN (SELECT seq FROM jobs INDEXED BY jobs_queue WHERE state = 0 AND integration = ?1 AND due <= ?2
                       ORDER BY due, priority DESC, seq LIMIT ?3)
         RETURNING ",
        row::columns!()
    ))?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let params = (integration, step.now.0, count, step.lease_until(lease_ms));
    let mut taken = row::all(&mut statement, params, |row| Ok((row.get::<_, i64>(0)?, row::leased(row)?)))?;
    // RETURNING has no order of its own.
    taken.sort_by_key(|(seq, leased)| (leased.job.due, Reverse(leased.job.priority), *seq));
    jobs.extend(taken.into_iter().map(|(_, leased)| leased));
    Ok(())
}

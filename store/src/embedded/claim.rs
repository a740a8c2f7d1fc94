//! claim: lease jobs that are due, taking turns between integrations.

use super::step::Step;
use super::turn::Turn;
use super::{integration, stale};
use crate::Result;
use crate::queue::{Claim, Claimed, Leased};

/// A claim serves so many integrations that each gets about this many jobs: fewer would cost a statement per job, more
/// would let the others wait longer.
const QUANTUM: usize = 8;
/// At most this many jobs are put in line at full buckets by one claim,
const LINED_UP: usize = 256;
/// and at most this many gates are opened: the next claim goes on.
const OPENED: usize = 32;

/// What a claim has done so far, and may still do.
pub(super) struct Haul {
    /// The leased jobs.
    pub(super) jobs: Vec<Leased>,
    /// How many jobs it may still put in line.
    pub(super) line_up: usize,
    /// How many gates it may still open.
    pub(super) open: usize,
    /// How long its leases last.
    pub(super) lease_ms: u32,
}

impl Haul {
    /// Grows with everything that is done.
    pub(super) fn progress(&self) -> (usize, usize) {
        (self.jobs.len(), LINED_UP - self.line_up + OPENED - self.open)
    }
}

/// Leases jobs; with the answer comes the count of changes that it has seen.
pub(super) fn claim(step: &mut Step<'_>, claim: Claim) -> Result<(Claimed, u64)> {
    stale::refresh(step)?;
    integration::promote(step.connection, step.now)?;
    let jobs = Vec::with_capacity(claim.limit);
    let mut haul = Haul { jobs, line_up: LINED_UP, open: OPENED, lease_ms: claim.lease_ms };
    while haul.jobs.len() < claim.limit && round(step, claim.limit, &mut haul)? {}
    let next_due = integration::next_due(step.connection)?;
    let seen = step.books.changes;
    if next_due.is_some_and(|due| due <= step.now) {
        // Work is left that others, who wait, may take.
        step.books.changes += 1;
    }
    Ok((Claimed { jobs: haul.jobs, next_due }, seen))
}

/// Gives some integrations a turn; `false` if nothing came of it.
fn round(step: &mut Step<'_>, limit: usize, haul: &mut Haul) -> Result<bool> {
    let before = haul.progress();
    let wanted = limit - haul.jobs.len();
    let turns = integration::next(step.connection, wanted.div_ceil(QUANTUM))?;
    let share = wanted.div_ceil(turns.len().max(1));
    for integration in turns {
        let count = share.min(limit - haul.jobs.len());
        if count == 0 {
            break;
        }
        Turn::new(step.connection, integration)?.play(step, count, haul)?;
    }
    Ok(haul.progress() != before)
}

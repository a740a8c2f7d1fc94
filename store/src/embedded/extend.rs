//! extend: make leases last longer.

use super::step::Step;
use crate::Result;
use crate::queue::Lease;

/// Makes leases last from now; returns those that are not held.
pub(super) fn extend(step: &Step<'_>, leases: &[Lease], lease_ms: u32) -> Result<Vec<Lease>> {
    let until = step.lease_until(lease_ms);
    let mut statement = step
        .connection
        .prepare_cached("UPDATE jobs SET lease_until = ?3 WHERE id = ?1 AND state = 1 AND token = ?2")?;
    let mut lost = Vec::new();
    for lease in leases {
        if statement.execute((lease.job, lease.token.cast_signed(), until))? == 0 {
            lost.push(*lease);
        }
    }
    Ok(lost)
}

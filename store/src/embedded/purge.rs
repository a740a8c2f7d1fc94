//! purge: forget everything of an integration.

use schedules::rate::LimiterId;

use super::step::Step;
use crate::queue::SHARED;
use crate::{IntegrationId, Result};

/// Forgets its jobs in every state, its lanes, gates and buckets with what shuts them, its cursors, records of ticks and control,
/// and its idempotency keys.
pub(super) fn purge(step: &mut Step<'_>, integration: IntegrationId) -> Result<()> {
    for jobs in [
        "DELETE FROM jobs WHERE seq IN (SELECT seq FROM jobs INDEXED BY jobs_queue WHERE state = 0 AND integration = ?1)",
        "DELETE FROM jobs WHERE seq IN (SELECT seq FROM jobs INDEXED BY jobs_running WHERE state = 1 AND integration = ?1)",
        "DELETE FROM jobs WHERE seq IN (SELECT seq FROM jobs INDEXED BY jobs_dead WHERE state = 2 AND integration = ?1)",
    ] {
        let gone = step.connection.prepare_cached(jobs)?.execute((integration,))?;
        step.shrink(gone);
    }
    for rest in [
        "DELETE FROM lanes WHERE integration = ?1",
        "DELETE FROM gates WHERE integration = ?1",
        "DELETE FROM buckets WHERE integration = ?1",
        "DELETE FROM holds WHERE integration = ?1",
        "DELETE FROM refusals WHERE integration = ?1",
        "DELETE FROM integrations WHERE integration = ?1",
        "DELETE FROM cursors WHERE integration = ?1",
        "DELETE FROM outbox WHERE substr(name, 1, 16) = ?1",
        "DELETE FROM idempotency WHERE integration = ?1",
    ] {
        step.connection.prepare_cached(rest)?.execute((integration,))?;
    }
    Ok(())
}

/// Forgets the buckets of a limiter.
pub(super) fn purge_limiter(step: &Step<'_>, limiter: LimiterId) -> Result<()> {
    // Names of its buckets begin so, and end in braces.
    let first = format!("@{:032x}", limiter.0);
    let last = format!("{first}~");
    for table in ["buckets", "holds", "refusals"] {
        let delete = format!("DELETE FROM {table} WHERE integration = ?1 AND name >= ?2 AND name < ?3");
        step.connection.execute(&delete, (SHARED, &first, &last))?;
    }
    Ok(())
}

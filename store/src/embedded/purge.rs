//! purge: forget everything of an integration.

use super::step::Step;
use crate::{IntegrationId, Result};

/// Forgets its jobs in every state, its lanes, gates and buckets, its cursors, records of ticks and control, and its idempotency keys.
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
        "DELETE FROM integrations WHERE integration = ?1",
        "DELETE FROM cursors WHERE integration = ?1",
        "DELETE FROM outbox WHERE substr(name, 1, 16) = ?1",
        "DELETE FROM idempotency WHERE integration = ?1",
    ] {
        step.connection.prepare_cached(rest)?.execute((integration,))?;
    }
    Ok(())
}

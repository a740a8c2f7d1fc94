//! fire: queue the due ticks of a schedule and move its cursor; and where the cursor is.

use rusqlite::{Connection, OptionalExtension};
use schedules::Millis;

use super::enqueue::enqueue;
use super::step::Step;
use crate::queue::{Fired, Firing};
use crate::{IntegrationId, Result};

/// Queues the ticks, unless another scheduler has moved the cursor.
pub(super) fn fire(step: &mut Step<'_>, firing: &Firing) -> Result<Fired> {
    let cursor = cursor(step.connection, firing.integration)?;
    if cursor != firing.from {
        return Ok(Fired::Lost { cursor });
    }
    step.connection
        .prepare_cached(
            "INSERT INTO lanes (integration, cursor) VALUES (?1, ?2)
             ON CONFLICT (integration) DO UPDATE SET cursor = ?2",
        )?
        .execute((firing.integration, firing.to.0))?;
    if firing.only_if_idle && !firing.ticks.is_empty() && is_busy(step.connection, firing.integration)? {
        return Ok(Fired::Skipped);
    }
    enqueue(step, &firing.ticks)?;
    Ok(Fired::Queued)
}

/// Whether a tick of the integration is pending or running.
fn is_busy(connection: &Connection, integration: IntegrationId) -> Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM jobs INDEXED BY jobs_tick WHERE tick IS NOT NULL AND integration = ?1 AND state IN (0, 1)",
    )?;
    Ok(statement.exists((integration,))?)
}

/// The nominal time of a schedule's last tick.
pub(super) fn cursor(connection: &Connection, integration: IntegrationId) -> Result<Option<Millis>> {
    let mut statement = connection.prepare_cached("SELECT cursor FROM lanes WHERE integration = ?1")?;
    let cursor: Option<Option<i64>> = statement.query_row((integration,), |row| row.get(0)).optional()?;
    Ok(cursor.flatten().map(Millis))
}

//! fire: queue the due ticks of a schedule and move its cursor; and where the cursor is.

use rusqlite::{Connection, OptionalExtension};
use schedules::Millis;

use super::enqueue::{Backlog, enqueue};
use super::row;
use super::step::Step;
use crate::queue::{Fired, Firing, IfBusy, Job};
use crate::{IntegrationId, Result};

/// Queues the ticks, unless another scheduler has moved the cursor.
pub(super) fn fire(step: &mut Step<'_>, firing: &Firing) -> Result<Fired> {
    let cursor = cursor(step.connection, firing.integration)?;
    if cursor != firing.from {
        return Ok(Fired::Lost { cursor });
    }
    step.connection
        .prepare_cached(
            "INSERT INTO integrations (integration, cursor) VALUES (?1, ?2)
             ON CONFLICT (integration) DO UPDATE SET cursor = ?2",
        )?
        .execute((firing.integration, firing.to.0))?;
    if firing.ticks.is_empty() {
        return Ok(Fired::Queued { revoked: Vec::new() });
    }
    let revoked = match firing.if_busy {
        IfBusy::Skip if is_busy(step.connection, firing.integration)? => return Ok(Fired::Skipped),
        IfBusy::Skip | IfBusy::Queue => Vec::new(),
        IfBusy::Revoke => revoke(step, firing.integration)?,
    };
    // A tick is never turned away: its cursor has moved.
    enqueue(step, &firing.ticks, Backlog::Open)?;
    Ok(Fired::Queued { revoked })
}

/// Whether a tick of the integration is pending or running.
fn is_busy(connection: &Connection, integration: IntegrationId) -> Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM jobs INDEXED BY jobs_tick WHERE tick IS NOT NULL AND integration = ?1 AND state IN (0, 1)",
    )?;
    Ok(statement.exists((integration,))?)
}

/// Takes the running ticks of the integration out; whoever runs them holds nothing any more.
fn revoke(step: &mut Step<'_>, integration: IntegrationId) -> Result<Vec<Job>> {
    let mut statement = step.connection.prepare_cached(concat!(
        "DELETE FROM jobs WHERE seq IN
             (SELECT seq FROM jobs INDEXED BY jobs_tick WHERE tick IS NOT NULL AND integration = ?1 AND state = 1)
         RETURNING ",
        row::columns!()
    ))?;
    let gone = row::all(&mut statement, (integration,), |row| Ok((row::job(row)?, row::place(row)?)))?;
    step.shrink(gone.len());
    let take_out = |(job, place)| {
        step.free_slot(place);
        job
    };
    Ok(gone.into_iter().map(take_out).collect())
}

/// The nominal time of a schedule's last tick.
pub(super) fn cursor(connection: &Connection, integration: IntegrationId) -> Result<Option<Millis>> {
    let mut statement = connection.prepare_cached("SELECT cursor FROM integrations WHERE integration = ?1")?;
    let cursor: Option<Option<i64>> = statement.query_row((integration,), |row| row.get(0)).optional()?;
    Ok(cursor.flatten().map(Millis))
}

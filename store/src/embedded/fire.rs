//! fire: queue the due ticks of a schedule and move its cursor; and where the cursor is.

use rusqlite::{Connection, OptionalExtension};

use super::enqueue::{Backlog, enqueue};
use super::step::Step;
use super::{outbox, row};
use crate::Result;
use crate::queue::{Cursor, Fired, Firing, IfBusy, Job, ScheduleRef, TickRecord};

/// Queues the ticks, unless another scheduler has moved the cursor.
pub(super) fn fire(step: &mut Step<'_>, firing: &Firing) -> Result<Fired> {
    let schedule = firing.schedule;
    let cursor = cursor(step.connection, schedule)?;
    if cursor != firing.from {
        return Ok(Fired::Lost { cursor });
    }
    let waits_for_end = matches!(firing.if_busy, IfBusy::Skip | IfBusy::Wait);
    if waits_for_end && !firing.ticks.is_empty() && is_busy(step.connection, schedule)? {
        move_to(step, schedule, firing.cursor_if_skipped(), &firing.records_if_skipped)?;
        return Ok(Fired::Skipped);
    }
    move_to(step, schedule, firing.cursor_if_queued(), &firing.records)?;
    let revokes = firing.if_busy == IfBusy::Revoke && !firing.ticks.is_empty();
    let revoked = if revokes { revoke(step, schedule)? } else { Vec::new() };
    // A tick is never turned away: its cursor has moved.
    enqueue(step, &firing.ticks, Backlog::Open)?;
    Ok(Fired::Queued { revoked })
}

fn move_to(step: &mut Step<'_>, schedule: ScheduleRef, cursor: Cursor, records: &[TickRecord]) -> Result<()> {
    step.connection
        .prepare_cached(
            "INSERT INTO cursors (integration, schedule, cursor) VALUES (?1, ?2, ?3)
             ON CONFLICT (integration, schedule) DO UPDATE SET cursor = ?3",
        )?
        .execute((schedule.integration, schedule.schedule, cursor.to_text()))?;
    for record in records {
        outbox::add(step.connection, record)?;
    }
    Ok(())
}

/// Whether a tick of the schedule is pending or running.
fn is_busy(connection: &Connection, schedule: ScheduleRef) -> Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM jobs INDEXED BY jobs_tick
         WHERE schedule IS NOT NULL AND integration = ?1 AND schedule = ?2 AND state IN (0, 1)",
    )?;
    Ok(statement.exists((schedule.integration, schedule.schedule))?)
}

/// Takes the running ticks of the schedule out; whoever runs them holds nothing any more.
fn revoke(step: &mut Step<'_>, schedule: ScheduleRef) -> Result<Vec<Job>> {
    let mut statement = step.connection.prepare_cached(concat!(
        "DELETE FROM jobs WHERE seq IN
             (SELECT seq FROM jobs INDEXED BY jobs_tick
              WHERE schedule IS NOT NULL AND integration = ?1 AND schedule = ?2 AND state = 1)
         RETURNING ",
        row::columns!()
    ))?;
    let of_it = (schedule.integration, schedule.schedule);
    let gone = row::all(&mut statement, of_it, |row| Ok((row::job(row)?, row::place(row)?)))?;
    step.shrink(gone.len());
    let take_out = |(job, place)| {
        step.free_slot(place);
        job
    };
    Ok(gone.into_iter().map(take_out).collect())
}

/// Where a schedule is.
pub(super) fn cursor(connection: &Connection, schedule: ScheduleRef) -> Result<Option<Cursor>> {
    let mut statement =
        connection.prepare_cached("SELECT cursor FROM cursors WHERE integration = ?1 AND schedule = ?2")?;
    let of_it = (schedule.integration, schedule.schedule);
    let text: Option<String> = statement.query_row(of_it, |row| row.get(0)).optional()?;
    text.as_deref().map(Cursor::parse).transpose()
}

/// Forgets where schedules were.
pub(super) fn forget(step: &mut Step<'_>, schedules: &[ScheduleRef]) -> Result<()> {
    let mut statement =
        step.connection.prepare_cached("DELETE FROM cursors WHERE integration = ?1 AND schedule = ?2")?;
    for schedule in schedules {
        statement.execute((schedule.integration, schedule.schedule))?;
    }
    Ok(())
}

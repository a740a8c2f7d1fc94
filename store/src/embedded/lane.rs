//! Whose turn it is: a lane per integration, with the due time of its first job that may be claimed.
//!
//! `head` is NULL while the integration is held (paused, at its concurrency) or has nothing pending. Verbs only say which
//! lanes they touched; `write` computes the lane from the rows again, so no count can leak. A lane is `ready` once
//! its head was seen to be due; ready lanes are served in the order of their last turn.

use rusqlite::{Connection, OptionalExtension, Row};
use schedules::Millis;

use super::row;
use super::step::Step;
use crate::{IntegrationId, Result};

/// What holds an integration back, and what was computed last.
pub(super) struct Lane {
    pub(super) integration: IntegrationId,
    paused: bool,
    concurrency: Option<u32>,
    head: Option<i64>,
    ready: bool,
    served: i64,
}

impl Lane {
    fn new(integration: IntegrationId) -> Self {
        Self { integration, paused: false, concurrency: None, head: None, ready: false, served: 0 }
    }
}

fn read(row: &Row<'_>) -> Result<Lane> {
    Ok(Lane {
        integration: row.get(0)?,
        paused: row.get(1)?,
        concurrency: row.get(2)?,
        head: row.get(3)?,
        ready: row.get(4)?,
        served: row.get(5)?,
    })
}

/// Looks at every touched lane again.
pub(super) fn refresh_stale(step: &mut Step<'_>) -> Result<()> {
    while let Some(integration) = step.books.stale.first().copied() {
        refresh(step, integration)?;
        step.books.stale.remove(&integration);
    }
    Ok(())
}

fn refresh(step: &mut Step<'_>, integration: IntegrationId) -> Result<()> {
    let connection = step.connection;
    let mut statement = connection.prepare_cached(
        "SELECT integration, paused, concurrency, head, ready, served FROM lanes WHERE integration = ?1",
    )?;
    let lane = row::one(&mut statement, (integration,), read)?.unwrap_or_else(|| Lane::new(integration));
    let served = lane.served;
    write(step, &lane, served)
}

/// Computes a lane's head and readiness from the jobs; counts a change if its work comes earlier than before.
fn write(step: &mut Step<'_>, before: &Lane, served: i64) -> Result<()> {
    let connection = step.connection;
    let held = before.paused || room(connection, before)? == 0;
    let head = if held { None } else { first_due(connection, before.integration)? };
    let ready = head.is_some_and(|head| head <= step.now.0);
    if (head, ready, served) != (before.head, before.ready, before.served) {
        connection
            .prepare_cached(
                "INSERT INTO lanes (integration, head, ready, served) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (integration) DO UPDATE SET head = ?2, ready = ?3, served = ?4",
            )?
            .execute((before.integration, head, ready, served))?;
    }
    if head.is_some_and(|head| before.head.is_none_or(|before| head < before)) {
        step.books.changes += 1;
    }
    Ok(())
}

/// How many more jobs of an integration may run: counted from the running ones, up to its limit.
pub(super) fn room(connection: &Connection, lane: &Lane) -> Result<usize> {
    let Some(limit) = lane.concurrency else {
        return Ok(usize::MAX);
    };
    let running: u32 = connection
        .prepare_cached("SELECT count(*) FROM jobs INDEXED BY jobs_running WHERE state = 1 AND integration = ?1")?
        .query_row((lane.integration,), |row| row.get(0))?;
    Ok(limit.saturating_sub(running) as usize)
}

fn first_due(connection: &Connection, integration: IntegrationId) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT due FROM jobs INDEXED BY jobs_queue WHERE state = 0 AND integration = ?1 ORDER BY due LIMIT 1",
    )?;
    Ok(statement.query_row((integration,), |row| row.get(0)).optional()?)
}

/// Notes which waiting lanes have become due.
pub(super) fn promote(connection: &Connection, now: Millis) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE lanes SET ready = 1 WHERE integration IN
             (SELECT integration FROM lanes INDEXED BY lanes_waiting WHERE ready = 0 AND head <= ?1)",
        )?
        .execute((now.0,))?;
    Ok(())
}

/// The ready lanes whose last turn is longest ago.
pub(super) fn next(connection: &Connection, limit: usize) -> Result<Vec<Lane>> {
    let mut statement = connection.prepare_cached(
        "SELECT integration, paused, concurrency, head, ready, served FROM lanes INDEXED BY lanes_ready
         WHERE ready = 1 ORDER BY served LIMIT ?1",
    )?;
    row::all(&mut statement, (i64::try_from(limit).unwrap_or(i64::MAX),), read)
}

/// Writes down that a lane had its turn.
pub(super) fn served(step: &mut Step<'_>, lane: &Lane) -> Result<()> {
    step.books.turn += 1;
    let turn = step.books.turn;
    write(step, lane, turn)
}

/// The due time of the first job that is not held.
pub(super) fn next_due(connection: &Connection) -> Result<Option<Millis>> {
    let mut statement = connection
        .prepare_cached("SELECT head FROM lanes INDEXED BY lanes_head WHERE head IS NOT NULL ORDER BY head LIMIT 1")?;
    Ok(statement.query_row((), |row| row.get(0)).optional()?.map(Millis))
}

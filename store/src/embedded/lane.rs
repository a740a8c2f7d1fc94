//! Whose turn it is among the lanes of one integration.
//!
//! A lane has a row while jobs wait in it (not in line at a full bucket). It is `ready` once its first job was seen to be
//! due, and joins the rotation at its end: a lane that is emptied and filled again does not overtake those that wait.

use rusqlite::{Connection, OptionalExtension, Row};
use schedules::Millis;

use super::row::{self, NO_LANE};
use super::step::Step;
use super::take::Candidate;
use crate::{IntegrationId, Result};

/// At most this many lanes become ready at once; others stay due.
const PROMOTED: i64 = 256;

/// A lane, and what was computed last.
pub(super) struct Lane {
    pub(super) integration: IntegrationId,
    pub(super) name: Box<str>,
    head: Option<i64>,
    ready: bool,
    served: i64,
}

/// What all lanes of an integration keep to.
#[derive(Clone, Copy, Default)]
pub(super) struct Bounds {
    /// So many jobs of one lane run at once.
    pub(super) concurrency: Option<u32>,
    /// While a job waits for a retry, those behind it wait for it.
    pub(super) fifo: bool,
}

/// A job that waits for a retry.
pub(super) struct Retrying {
    pub(super) due: Millis,
    pub(super) job: Candidate,
}

/// The first job of a lane among those of one priority.
pub(super) struct First {
    pub(super) priority: i64,
    pub(super) due: Millis,
}

fn read(row: &Row<'_>) -> Result<Lane> {
    Ok(Lane { integration: row.get(0)?, name: row.get(1)?, head: row.get(2)?, ready: row.get(3)?, served: row.get(4)? })
}

/// Looks at a lane again.
pub(super) fn refresh(step: &mut Step<'_>, integration: IntegrationId, name: &str) -> Result<()> {
    let mut statement = step.connection.prepare_cached(
        "SELECT integration, lane, head, ready, served FROM lanes WHERE integration = ?1 AND lane = ?2",
    )?;
    let before = row::one(&mut statement, (integration, name), read)?;
    let bounds = if step.books.limited.contains(&integration) {
        bounds(step.connection, integration)?
    } else {
        Bounds::default()
    };
    match before {
        Some(lane) => {
            let served = lane.served;
            write(step, &lane, bounds, served)
        }
        None => {
            let lane = Lane { integration, name: name.into(), head: None, ready: false, served: i64::MIN };
            let end = step.next_turn();
            write(step, &lane, bounds, end)
        }
    }
}

fn bounds(connection: &Connection, integration: IntegrationId) -> Result<Bounds> {
    let mut statement =
        connection.prepare_cached("SELECT lane_concurrency, lane_fifo FROM integrations WHERE integration = ?1")?;
    let read = |row: &Row<'_>| Ok(Bounds { concurrency: row.get(0)?, fifo: row.get(1)? });
    Ok(row::one(&mut statement, (integration,), read)?.unwrap_or_default())
}

/// Computes head and readiness, and writes them where they changed.
fn write(step: &mut Step<'_>, before: &Lane, bounds: Bounds, served: i64) -> Result<()> {
    let connection = step.connection;
    let (integration, name) = (before.integration, &before.name);
    let Some(first) = first_due(connection, before)? else {
        connection
            .prepare_cached("DELETE FROM lanes WHERE integration = ?1 AND lane = ?2")?
            .execute((integration, name))?;
        return Ok(());
    };
    let first = retrying(connection, before, bounds)?.map_or(first, |retry| retry.due);
    let head = if room(connection, before, bounds.concurrency)? == 0 { None } else { Some(first.0) };
    let ready = head.is_some_and(|head| head <= step.now.0);
    if (head, ready, served) != (before.head, before.ready, before.served) {
        connection
            .prepare_cached(
                "INSERT INTO lanes (integration, lane, head, ready, served) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (integration, lane) DO UPDATE SET head = ?3, ready = ?4, served = ?5",
            )?
            .execute((integration, name, head, ready, served))?;
    }
    Ok(())
}

fn first_due(connection: &Connection, lane: &Lane) -> Result<Option<Millis>> {
    let (mut earliest, mut below) = (None, i64::MAX);
    while let Some(First { priority, due }) = first(connection, lane, below)? {
        earliest = Some(earliest.map_or(due, |earliest: Millis| earliest.min(due)));
        below = priority;
    }
    Ok(earliest)
}

/// The first job of the highest priority below `below`.
pub(super) fn first(connection: &Connection, lane: &Lane, below: i64) -> Result<Option<First>> {
    let mut statement = connection.prepare_cached(
        "SELECT priority, due FROM jobs INDEXED BY jobs_queue
         WHERE state = 0 AND integration = ?1 AND lane = ?2 AND in_line = 0 AND priority < ?3
         ORDER BY priority DESC, due LIMIT 1",
    )?;
    row::one(&mut statement, (lane.integration, &lane.name, below), |row| {
        Ok(First { priority: row.get(0)?, due: Millis(row.get(1)?) })
    })
}

/// The job whose retry the others of its lane wait for; one in line at a shut bucket holds up nobody.
pub(super) fn retrying(connection: &Connection, lane: &Lane, bounds: Bounds) -> Result<Option<Retrying>> {
    if !bounds.fifo || *lane.name == *NO_LANE {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(
        "SELECT seq, key_text, closes, charged, gate, weight, due FROM jobs INDEXED BY jobs_retrying
         WHERE state = 0 AND attempt > 0 AND integration = ?1 AND lane = ?2 AND in_line = 0 ORDER BY due, id LIMIT 1",
    )?;
    row::one(&mut statement, (lane.integration, &lane.name), |row| {
        Ok(Retrying { job: Candidate::read(row)?, due: Millis(row.get(6)?) })
    })
}

/// How many more jobs of a lane may run if `limit` may.
pub(super) fn room(connection: &Connection, lane: &Lane, limit: Option<u32>) -> Result<usize> {
    let Some(limit) = limit.filter(|_| *lane.name != *NO_LANE) else {
        return Ok(usize::MAX);
    };
    let running: u32 = connection
        .prepare_cached(
            "SELECT count(*) FROM jobs INDEXED BY jobs_running WHERE state = 1 AND integration = ?1 AND lane = ?2",
        )?
        .query_row((lane.integration, &lane.name), |row| row.get(0))?;
    Ok(limit.saturating_sub(running) as usize)
}

/// The due time of the first job in an integration's lanes that is not held.
pub(super) fn head(connection: &Connection, integration: IntegrationId) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT head FROM lanes INDEXED BY lanes_head WHERE integration = ?1 AND head IS NOT NULL ORDER BY head LIMIT 1",
    )?;
    Ok(statement.query_row((integration,), |row| row.get(0)).optional()?)
}

/// Notes which waiting lanes of an integration have become due, the earliest first.
pub(super) fn promote(step: &Step<'_>, integration: IntegrationId) -> Result<()> {
    step.connection
        .prepare_cached(
            "UPDATE lanes SET ready = 1 WHERE integration = ?1 AND lane IN
             (SELECT lane FROM lanes INDEXED BY lanes_waiting
              WHERE integration = ?1 AND ready = 0 AND head <= ?2 ORDER BY head LIMIT ?3)",
        )?
        .execute((integration, step.now.0, PROMOTED))?;
    Ok(())
}

/// The ready lanes of an integration whose last turn is longest ago.
pub(super) fn next(connection: &Connection, integration: IntegrationId, limit: usize) -> Result<Vec<Lane>> {
    let mut statement = connection.prepare_cached(
        "SELECT integration, lane, head, ready, served FROM lanes INDEXED BY lanes_ready
         WHERE integration = ?1 AND ready = 1 ORDER BY served LIMIT ?2",
    )?;
    row::all(&mut statement, (integration, row::count(limit)), read)
}

/// Writes down that a lane had its turn.
pub(super) fn served(step: &mut Step<'_>, lane: &Lane, bounds: Bounds) -> Result<()> {
    let turn = step.next_turn();
    write(step, lane, bounds, turn)
}

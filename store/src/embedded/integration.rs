//! Whose turn it is among integrations.
//!
//! `head` is the first time at which one of its lanes or gates has something to do; NULL while the integration is held
//! (paused, at its concurrency) or nothing is pending. An integration is `ready` once its head was seen to have come;
//! ready ones are served in the order of their last turn.

use rusqlite::{Connection, OptionalExtension, Row};
use schedules::Millis;
use schedules::rate::{Limit, NEVER};

use super::step::Step;
use super::{gate, lane, limits, row};
use crate::{IntegrationId, Result};

/// What holds an integration back, and what was computed last.
pub(super) struct Integration {
    pub(super) id: IntegrationId,
    paused: bool,
    concurrency: Option<u32>,
    pub(super) lane_concurrency: Option<u32>,
    pub(super) lane_fifo: bool,
    pub(super) limits: Vec<Limit>,
    head: Option<i64>,
    ready: bool,
    served: i64,
}

impl Integration {
    fn new(id: IntegrationId) -> Self {
        Self {
            id,
            paused: false,
            concurrency: None,
            lane_concurrency: None,
            lane_fifo: false,
            limits: Vec::new(),
            head: None,
            ready: false,
            served: 0,
        }
    }
}

impl Integration {
    /// What its lanes keep to.
    pub(super) fn bounds(&self) -> lane::Bounds {
        lane::Bounds { concurrency: self.lane_concurrency, fifo: self.lane_fifo }
    }
}

/// What [`read`] reads, in its order.
macro_rules! columns {
    () => {
        "integration, paused, concurrency, lane_concurrency, limits, head, ready, served, lane_fifo"
    };
}

fn read(row: &Row<'_>) -> Result<Integration> {
    Ok(Integration {
        id: row.get(0)?,
        paused: row.get(1)?,
        concurrency: row.get(2)?,
        lane_concurrency: row.get(3)?,
        lane_fifo: row.get(8)?,
        limits: limits::decode(row.get_ref(4)?.as_blob_or_null().map_err(rusqlite::Error::from)?)?,
        head: row.get(5)?,
        ready: row.get(6)?,
        served: row.get(7)?,
    })
}

/// Looks at an integration again.
pub(super) fn refresh(step: &mut Step<'_>, id: IntegrationId) -> Result<()> {
    let mut statement =
        step.connection.prepare_cached(concat!("SELECT ", columns!(), " FROM integrations WHERE integration = ?1"))?;
    let before = row::one(&mut statement, (id,), read)?.unwrap_or_else(|| Integration::new(id));
    let (head, served) = (head(step.connection, &before)?, before.served);
    write(step, &before, head, served)
}

/// Writes head and readiness; counts a change if there is something to do earlier than before.
fn write(step: &mut Step<'_>, before: &Integration, head: Option<i64>, served: i64) -> Result<()> {
    let ready = head.is_some_and(|head| head <= step.now.0);
    if (head, ready, served) != (before.head, before.ready, before.served) {
        step.connection
            .prepare_cached(
                "INSERT INTO integrations (integration, head, ready, served) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (integration) DO UPDATE SET head = ?2, ready = ?3, served = ?4",
            )?
            .execute((before.id, head, ready, served))?;
    }
    if head.is_some_and(|head| before.head.is_none_or(|before| head < before)) {
        step.books.changes += 1;
    }
    Ok(())
}

fn head(connection: &Connection, integration: &Integration) -> Result<Option<i64>> {
    if integration.paused || room(connection, integration)? == 0 {
        return Ok(None);
    }
    let heads = [lane::head(connection, integration.id)?, gate::head(connection, integration.id)?];
    Ok(heads.into_iter().flatten().min())
}

/// How many more jobs of an integration may run: counted from the running ones, up to its limit.
pub(super) fn room(connection: &Connection, integration: &Integration) -> Result<usize> {
    let Some(limit) = integration.concurrency else {
        return Ok(usize::MAX);
    };
    let running: u32 = connection
        .prepare_cached("SELECT count(*) FROM jobs INDEXED BY jobs_running WHERE state = 1 AND integration = ?1")?
        .query_row((integration.id,), |row| row.get(0))?;
    Ok(limit.saturating_sub(running) as usize)
}

/// Notes which waiting integrations have something to do.
pub(super) fn promote(connection: &Connection, now: Millis) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE integrations SET ready = 1 WHERE integration IN
             (SELECT integration FROM integrations INDEXED BY integrations_waiting WHERE ready = 0 AND head <= ?1)",
        )?
        .execute((now.0,))?;
    Ok(())
}

/// The ready integrations whose last turn is longest ago.
pub(super) fn next(connection: &Connection, limit: usize) -> Result<Vec<Integration>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        columns!(),
        " FROM integrations INDEXED BY integrations_ready WHERE ready = 1 ORDER BY served LIMIT ?1"
    ))?;
    row::all(&mut statement, (row::count(limit),), read)
}

/// Writes down that an integration had its turn. One that got nothing, as others took the room of a limiter that it shares,
/// and has nothing to do before there is room again, keeps its place: it comes first the next time.
pub(super) fn served(step: &mut Step<'_>, integration: &Integration, got_some: bool) -> Result<()> {
    let head = head(step.connection, integration)?;
    let is_ready = head.is_some_and(|head| head <= step.now.0);
    let turn = if got_some || is_ready { step.next_turn() } else { integration.served };
    step.books.stale.integrations.remove(&integration.id);
    write(step, integration, head, turn)
}

/// When there is something to do first.
pub(super) fn next_due(connection: &Connection) -> Result<Option<Millis>> {
    let mut statement = connection.prepare_cached(
        "SELECT head FROM integrations INDEXED BY integrations_head WHERE head IS NOT NULL ORDER BY head LIMIT 1",
    )?;
    // What is paused until somebody resumes it is nothing to wait for.
    Ok(statement.query_row((), |row| row.get(0)).optional()?.map(Millis).filter(|due| *due < NEVER))
}

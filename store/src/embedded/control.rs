//! control: set what holds an integration's jobs back; and what does.

use rusqlite::{Connection, Row};

use super::step::Step;
use super::{gate, limits, row};
use crate::queue::Control;
use crate::{IntegrationId, Result};

/// Sets it.
pub(super) fn control(step: &mut Step<'_>, integration: IntegrationId, control: &Control) -> Result<()> {
    let before = control_of(step.connection, integration)?;
    step.connection
        .prepare_cached(
            "INSERT INTO integrations (integration, paused, concurrency, lane_concurrency, lane_backlog, limits, lane_fifo)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (integration) DO UPDATE SET paused = ?2, concurrency = ?3, lane_concurrency = ?4,
                 lane_backlog = ?5, limits = ?6, lane_fifo = ?7",
        )?
        .execute((
            integration,
            control.paused,
            control.concurrency,
            control.lane_concurrency,
            control.lane_backlog,
            limits::encode(&control.limits)?,
            control.lane_fifo,
        ))?;
    if control.concurrency.or(control.lane_concurrency).is_some() || control.lane_fifo {
        step.books.limited.insert(integration);
    }
    if control.limits != before.limits {
        gate::open_all(step, integration)?;
    }
    if (control.lane_concurrency, control.lane_fifo) != (before.lane_concurrency, before.lane_fifo) {
        let everywhere = control.lane_fifo != before.lane_fifo;
        let none_may_run = [before.lane_concurrency, control.lane_concurrency].contains(&Some(0));
        touch_lanes(step, integration, everywhere || none_may_run)?;
    }
    step.books.stale.integrations.insert(integration);
    Ok(())
}

/// Another number of jobs may run per lane: of interest where some are, and everywhere if it is or was none.
fn touch_lanes(step: &mut Step<'_>, integration: IntegrationId, all: bool) -> Result<()> {
    let query = if all {
        "SELECT lane FROM lanes WHERE integration = ?1"
    } else {
        "SELECT DISTINCT lane FROM jobs INDEXED BY jobs_running WHERE state = 1 AND integration = ?1"
    };
    let mut statement = step.connection.prepare_cached(query)?;
    for lane in row::all(&mut statement, (integration,), |row| Ok(row.get(0)?))? {
        step.books.stale.lanes.insert((integration, lane));
    }
    Ok(())
}

/// What [`read`] reads, in its order.
macro_rules! columns {
    () => {
        "paused, concurrency, lane_concurrency, lane_backlog, limits, lane_fifo"
    };
}
pub(super) use columns;

/// The control of a row of `columns!()`.
pub(super) fn read(row: &Row<'_>) -> Result<Control> {
    Ok(Control {
        paused: row.get(0)?,
        concurrency: row.get(1)?,
        lane_concurrency: row.get(2)?,
        lane_backlog: row.get(3)?,
        limits: limits::decode(row.get::<_, Option<Vec<u8>>>(4)?.as_deref())?,
        lane_fifo: row.get(5)?,
    })
}

/// Reads it.
pub(super) fn control_of(connection: &Connection, integration: IntegrationId) -> Result<Control> {
    let query = concat!("SELECT ", columns!(), " FROM integrations WHERE integration = ?1");
    let mut statement = connection.prepare_cached(query)?;
    Ok(row::one(&mut statement, (integration,), read)?.unwrap_or_default())
}

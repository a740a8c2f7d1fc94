//! control: set what holds an integration's jobs back; and what does.

use rusqlite::Connection;

use super::step::Step;
use super::{limits, row};
use crate::queue::Control;
use crate::{IntegrationId, Result};

/// Sets it.
pub(super) fn control(step: &mut Step<'_>, integration: IntegrationId, control: &Control) -> Result<()> {
    step.connection
        .prepare_cached(
            "INSERT INTO lanes (integration, paused, concurrency, lane_concurrency, lane_backlog, limits)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (integration) DO UPDATE SET paused = ?2, concurrency = ?3, lane_concurrency = ?4,
                 lane_backlog = ?5, limits = ?6",
        )?
        .execute((
            integration,
            control.paused,
            control.concurrency,
            control.lane_concurrency,
            control.lane_backlog,
            limits::encode(&control.limits)?,
        ))?;
    if control.concurrency.is_some() {
        step.books.limited.insert(integration);
    }
    step.touch(integration);
    Ok(())
}

/// Reads it.
pub(super) fn control_of(connection: &Connection, integration: IntegrationId) -> Result<Control> {
    let mut statement = connection.prepare_cached(
        "SELECT paused, concurrency, lane_concurrency, lane_backlog, limits FROM lanes WHERE integration = ?1",
    )?;
    let control = row::one(&mut statement, (integration,), |row| {
        Ok(Control {
            paused: row.get(0)?,
            concurrency: row.get(1)?,
            lane_concurrency: row.get(2)?,
            lane_backlog: row.get(3)?,
            limits: limits::decode(row.get::<_, Option<Vec<u8>>>(4)?.as_deref())?,
        })
    })?;
    Ok(control.unwrap_or_default())
}

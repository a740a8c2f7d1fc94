//! control: set what holds an integration's jobs back; and what does.

use rusqlite::Connection;

use super::row;
use super::step::Step;
use crate::queue::Control;
use crate::{IntegrationId, Result};

/// Sets it.
pub(super) fn control(step: &mut Step<'_>, integration: IntegrationId, control: Control) -> Result<()> {
    step.connection
        .prepare_cached(
            "INSERT INTO lanes (integration, paused, concurrency) VALUES (?1, ?2, ?3)
             ON CONFLICT (integration) DO UPDATE SET paused = ?2, concurrency = ?3",
        )?
        .execute((integration, control.paused, control.concurrency))?;
    if control.concurrency.is_some() {
        step.books.limited.insert(integration);
    }
    step.touch(integration);
    Ok(())
}

/// Reads it.
pub(super) fn control_of(connection: &Connection, integration: IntegrationId) -> Result<Control> {
    let mut statement = connection.prepare_cached("SELECT paused, concurrency FROM lanes WHERE integration = ?1")?;
    let control =
        row::one(&mut statement, (integration,), |row| Ok(Control { paused: row.get(0)?, concurrency: row.get(1)? }))?;
    Ok(control.unwrap_or_default())
}

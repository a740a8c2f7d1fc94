//! reschedule: give pending jobs another due time.

use super::row;
use super::step::Step;
use crate::body;
use crate::queue::{Job, Move};
use crate::{IntegrationId, Result};

/// Moves what is pending; `false` for what is not.
pub(super) fn reschedule(step: &mut Step<'_>, moves: &[Move]) -> Result<Vec<bool>> {
    moves.iter().map(|wanted| move_one(step, wanted)).collect()
}

fn move_one(step: &mut Step<'_>, wanted: &Move) -> Result<bool> {
    let mut statement = step
        .connection
        .prepare_cached("UPDATE jobs SET due = ?2, closes = ?3 WHERE id = ?1 AND state = 0 RETURNING integration")?;
    let moved = row::one(&mut statement, (wanted.job, wanted.due.0, wanted.closes.map(|closes| closes.0)), |row| {
        Ok(row.get::<_, IntegrationId>(0)?)
    })?;
    let Some(integration) = moved else { return Ok(false) };
    step.touch(integration);
    if wanted.window.is_some() {
        change_window(step, wanted)?;
    }
    Ok(true)
}

fn change_window(step: &Step<'_>, wanted: &Move) -> Result<()> {
    let mut statement =
        step.connection.prepare_cached(concat!("SELECT ", row::columns!(), " FROM jobs WHERE id = ?1"))?;
    let Some(job) = row::one(&mut statement, (wanted.job,), row::job)? else {
        return Ok(());
    };
    let body = body::encode(&Job { window: wanted.window.clone(), ..job })?;
    step.connection.prepare_cached("UPDATE jobs SET body = ?2 WHERE id = ?1")?.execute((wanted.job, body))?;
    Ok(())
}

//! reschedule: give pending jobs another due time.

use super::row;
use super::step::Step;
use crate::queue::{Job, Move};
use crate::{Result, body};

/// Moves what is pending; `false` for what is not.
pub(super) fn reschedule(step: &mut Step<'_>, moves: &[Move]) -> Result<Vec<bool>> {
    moves.iter().map(|wanted| move_one(step, wanted)).collect()
}

/// A job in line leaves it.
fn move_one(step: &mut Step<'_>, wanted: &Move) -> Result<bool> {
    let mut statement =
        step.connection.prepare_cached("SELECT integration, lane, gate FROM jobs WHERE id = ?1 AND state = 0")?;
    let Some(place) = row::one(&mut statement, (wanted.job,), row::short_place)? else {
        return Ok(false);
    };
    step.connection
        .prepare_cached("UPDATE jobs SET due = ?2, closes = ?3, gate = NULL, in_line = 0 WHERE id = ?1")?
        .execute((wanted.job, wanted.due.0, wanted.closes.map(|closes| closes.0)))?;
    step.touch(place);
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

//! replay: make a dead job pending again.

use schedules::Millis;

use super::row;
use super::settle::key_is_taken;
use super::step::Step;
use crate::queue::Edit;
use crate::{JobId, Result, body};

/// Makes it pending with nothing counted, and says so in its cause.
pub(super) fn replay(step: &mut Step<'_>, job: JobId, due: Millis, edit: &Edit) -> Result<bool> {
    if !edit.is_empty() {
        change(step, job, edit)?;
    }
    let mut statement = step.connection.prepare_cached(concat!(
        "UPDATE jobs SET state = 0, due = ?2, closes = NULL, attempt = 0, charged = 0, lost = 0, died = NULL, error = NULL,
             cause = 'replay', schedule = NULL, detached = ",
        key_is_taken!(),
        " WHERE id = ?1 AND state = 2 RETURNING integration, lane, gate"
    ))?;
    let replayed = row::one(&mut statement, (job, due.0), row::short_place)?;
    let Some(place) = replayed else { return Ok(false) };
    step.touch(place);
    Ok(true)
}

/// Writes the changed job, if it is dead.
fn change(step: &Step<'_>, job: JobId, edit: &Edit) -> Result<()> {
    let mut statement = step.connection.prepare_cached(concat!(
        "SELECT ",
        row::columns!(),
        " FROM jobs WHERE id = ?1 AND state = 2"
    ))?;
    let Some(dead) = row::one(&mut statement, (job,), row::job)? else {
        return Ok(());
    };
    let body = body::encode(&edit.of(dead))?;
    step.connection.prepare_cached("UPDATE jobs SET body = ?2 WHERE id = ?1")?.execute((job, body))?;
    Ok(())
}

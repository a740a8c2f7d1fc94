//! import: put records in as they are, and leave alone what is there.

use rusqlite::ErrorCode;

use super::step::Step;
use super::{bucket, control, enqueue, hold, outbox, row};
use crate::queue::{Control, Record, Stored};
use crate::{Error, IntegrationId, Result};

/// Puts records in; the answer is how many were not there.
pub(super) fn import(step: &mut Step<'_>, records: &[Record]) -> Result<u64> {
    let mut new = 0;
    for record in records {
        new += u64::from(import_one(step, record)?);
    }
    Ok(new)
}

fn import_one(step: &mut Step<'_>, record: &Record) -> Result<bool> {
    match record {
        Record::Job(stored) => import_job(step, stored),
        Record::Control { integration, control } => import_control(step, *integration, control),
        Record::Cursor { schedule, cursor } => {
            let mut statement = step.connection.prepare_cached(
                "INSERT INTO cursors (integration, schedule, cursor) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?;
            Ok(statement.execute((schedule.integration, schedule.schedule, cursor.to_text()))? == 1)
        }
        Record::Tick(record) => outbox::add(step.connection, record),
        Record::Idempotency { integration, asked, first, due, replaced } => {
            let answer = (*first, *due, *replaced);
            enqueue::remember(step.connection, "INSERT OR IGNORE INTO", *integration, asked, answer)
        }
        Record::Hold { integration, name, hold: what } => hold::add(step.connection, (*integration, name), *what),
        Record::Bucket { integration, name, state, until } => {
            bucket::add(step.connection, (*integration, name), state, *until)
        }
    }
}

fn import_control(step: &mut Step<'_>, integration: IntegrationId, control: &Control) -> Result<bool> {
    if control::control_of(step.connection, integration)? != Control::default() {
        return Ok(false);
    }
    control::control(step, integration, control)?;
    Ok(true)
}

fn import_job(step: &mut Step<'_>, stored: &Stored) -> Result<bool> {
    let is_new = row::restore(step.connection, stored).map_err(|error| explain(stored, error))?;
    if is_new {
        step.grow()?;
        if stored.died.is_none() {
            step.touch(row::place_of(&stored.job));
        }
    }
    Ok(is_new)
}

/// Its number or its key is another's: they cannot both come from one queue.
fn explain(stored: &Stored, error: rusqlite::Error) -> Error {
    if error.sqlite_error_code() != Some(ErrorCode::ConstraintViolation) {
        return error.into();
    }
    Error::Corrupt(format!(
        "job {} cannot be added: another job has its number of arrival ({}) or its key",
        stored.job.id, stored.arrival
    ))
}

//! enqueue: put jobs in, honouring keys and idempotency keys.

use rusqlite::{Connection, OptionalExtension};
use schedules::{KeyId, Millis};

use super::row;
use super::step::Step;
use crate::queue::{Enqueued, Idempotency, IfExists, NewJob};
use crate::{IntegrationId, JobId, Result};

/// Puts jobs in, one after the other.
pub(super) fn enqueue(step: &mut Step<'_>, jobs: &[NewJob]) -> Result<Vec<Enqueued>> {
    jobs.iter().map(|new| enqueue_one(step, new)).collect()
}

fn enqueue_one(step: &mut Step<'_>, new: &NewJob) -> Result<Enqueued> {
    let Some(idempotency) = &new.idempotency else {
        return insert(step, new);
    };
    let integration = new.job.integration;
    if let Some(answer) = first_answer(step, integration, idempotency)? {
        return Ok(answer);
    }
    let answer = insert(step, new)?;
    match &answer {
        Enqueued::Kept { existing, due } => {
            remember(step.connection, integration, idempotency, *existing, *due, false)?
        }
        Enqueued::Created => remember(step.connection, integration, idempotency, new.job.id, new.job.due, false)?,
        Enqueued::Replaced { .. } => {
            remember(step.connection, integration, idempotency, new.job.id, new.job.due, true)?;
        }
        // Nothing was done that a repetition could do twice.
        Enqueued::Rejected { .. }
        | Enqueued::Repeated { .. }
        | Enqueued::Conflict { .. }
        | Enqueued::Crowded { .. } => {}
    }
    Ok(answer)
}

fn first_answer(step: &Step<'_>, integration: IntegrationId, asked: &Idempotency) -> Result<Option<Enqueued>> {
    let mut statement = step.connection.prepare_cached(
        "SELECT fingerprint, job, due, replaced FROM idempotency WHERE integration = ?1 AND key = ?2 AND until >= ?3",
    )?;
    row::one(&mut statement, (integration, &asked.key, step.now.0), |row| {
        let fingerprint: Vec<u8> = row.get(0)?;
        let first: JobId = row.get(1)?;
        if fingerprint != asked.fingerprint {
            return Ok(Enqueued::Conflict { first });
        }
        Ok(Enqueued::Repeated { first, due: Millis(row.get(2)?), replaced: row.get(3)? })
    })
}

fn remember(
    connection: &Connection,
    integration: IntegrationId,
    asked: &Idempotency,
    job: JobId,
    due: Millis,
    replaced: bool,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO idempotency (integration, key, fingerprint, until, job, due, replaced)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((integration, &asked.key, &asked.fingerprint[..], asked.until.0, job, due.0, replaced))?;
    Ok(())
}

fn insert(step: &mut Step<'_>, new: &NewJob) -> Result<Enqueued> {
    let job = &new.job;
    let identifies = new.if_exists != IfExists::Beside;
    let key = job.key.as_ref().filter(|_| identifies).map(schedules::Key::identity);
    let mut answer = Enqueued::Created;
    if let Some(key) = key
        && !exists(step.connection, job.id)?
        && let Some(pending) = pending(step.connection, job.integration, key)?
    {
        match new.if_exists {
            IfExists::Replace => {
                take_out(step, pending.seq)?;
                answer = Enqueued::Replaced { old: pending.id };
            }
            IfExists::Keep => {
                return Ok(Enqueued::Kept { existing: pending.id, due: pending.due });
            }
            IfExists::Reject => return Ok(Enqueued::Rejected { existing: pending.id }),
            IfExists::Beside => {}
        }
    }
    if row::insert(step.connection, job, key)? {
        step.grow()?;
        step.touch(job.integration);
    }
    Ok(answer)
}

/// Whether the queue holds a job with this id.
fn exists(connection: &Connection, id: JobId) -> Result<bool> {
    Ok(connection.prepare_cached("SELECT 1 FROM jobs WHERE id = ?1")?.exists((id,))?)
}

struct Pending {
    seq: i64,
    id: JobId,
    due: Millis,
}

/// The pending job that has a key.
fn pending(connection: &Connection, integration: IntegrationId, key: KeyId) -> Result<Option<Pending>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, id, due FROM jobs INDEXED BY jobs_key
         WHERE state = 0 AND detached = 0 AND key IS NOT NULL AND integration = ?1 AND key = ?2",
    )?;
    let found = statement.query_row((integration, &key.0[..]), |row| {
        Ok(Pending { seq: row.get(0)?, id: row.get(1)?, due: Millis(row.get(2)?) })
    });
    Ok(found.optional()?)
}

fn take_out(step: &mut Step<'_>, seq: i64) -> Result<()> {
    let gone = step.connection.prepare_cached("DELETE FROM jobs WHERE seq = ?1")?.execute((seq,))?;
    step.shrink(gone);
    Ok(())
}

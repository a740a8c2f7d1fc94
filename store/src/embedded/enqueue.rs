//! enqueue: put jobs in, honouring keys, idempotency keys and the room in lanes.

use rusqlite::{Connection, OptionalExtension};
use schedules::{KeyId, Millis};

use super::row;
use super::step::{Place, Step};
use crate::queue::{Debounce, Enqueued, Idempotency, IfExists, Job, NewJob};
use crate::{IntegrationId, JobId, Result, body};

/// Whether a lane may be too full for a job.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Backlog {
    /// It may.
    Bounded,
    /// The job is taken in any case.
    Open,
}

/// Puts jobs in, one after the other.
pub(super) fn enqueue(step: &mut Step<'_>, jobs: &[NewJob], backlog: Backlog) -> Result<Vec<Enqueued>> {
    jobs.iter().map(|new| enqueue_one(step, new, backlog)).collect()
}

fn enqueue_one(step: &mut Step<'_>, new: &NewJob, backlog: Backlog) -> Result<Enqueued> {
    let Some(idempotency) = &new.idempotency else {
        return insert(step, new, backlog);
    };
    let integration = new.job.integration;
    if let Some(answer) = first_answer(step, integration, idempotency)? {
        return Ok(answer);
    }
    let answer = insert(step, new, backlog)?;
    let first = match &answer {
        Enqueued::Kept { existing, due } => (*existing, *due, false),
        Enqueued::Created => (new.job.id, new.job.due, false),
        Enqueued::Replaced { .. } => (new.job.id, new.job.due, true),
        Enqueued::Pushed { existing, due, .. } => (*existing, *due, false),
        // Nothing was done that a repetition could do twice.
        Enqueued::Rejected { .. }
        | Enqueued::Repeated { .. }
        | Enqueued::Conflict { .. }
        | Enqueued::Crowded { .. } => return Ok(answer),
    };
    remember(step.connection, "INSERT OR REPLACE INTO", integration, idempotency, first)?;
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

/// Keeps a first answer: the job, its due time, and whether it replaced another one. Whether it was written.
pub(super) fn remember(
    connection: &Connection,
    insert: &str,
    integration: IntegrationId,
    asked: &Idempotency,
    (job, due, replaced): (JobId, Millis, bool),
) -> Result<bool> {
    let statement = format!(
        "{insert} idempotency (integration, key, fingerprint, until, job, due, replaced) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    );
    let params = (integration, &asked.key, &asked.fingerprint[..], asked.until.0, job, due.0, replaced);
    Ok(connection.prepare_cached(&statement)?.execute(params)? == 1)
}

fn insert(step: &mut Step<'_>, new: &NewJob, backlog: Backlog) -> Result<Enqueued> {
    let job = &new.job;
    let identifies = new.if_exists != IfExists::Beside;
    let key = job.key.as_ref().filter(|_| identifies).map(schedules::Key::identity);
    if (key.is_some() || job.lane.is_some()) && exists(step.connection, job.id)? {
        return Ok(Enqueued::Created);
    }
    let old = match key {
        Some(key) => pending(step.connection, job.integration, key, new.if_exists == IfExists::Debounce)?,
        None => None,
    };
    match (&old, new.if_exists) {
        (Some(old), IfExists::Keep | IfExists::Singleton) => {
            return Ok(Enqueued::Kept { existing: old.id, due: old.due });
        }
        (Some(old), IfExists::Reject) => return Ok(Enqueued::Rejected { existing: old.id }),
        (None, IfExists::Singleton) => {
            if let Some(key) = key
                && let Some((existing, due)) = running(step.connection, job.integration, key)?
            {
                return Ok(Enqueued::Kept { existing, due });
            }
        }
        _ => {}
    }
    if let (Backlog::Bounded, Some(lane)) = (backlog, job.lane.as_deref())
        && old.as_ref().is_none_or(|old| *old.place.lane != *lane)
        && let Some(limit) = full(step.connection, job.integration, lane)?
    {
        return Ok(Enqueued::Crowded { limit });
    }
    let pushed = old.as_ref().and_then(|old| pushed(old, job));
    let answer = match (&old, &pushed) {
        (None, _) => Enqueued::Created,
        (Some(old), None) => Enqueued::Replaced { old: old.id },
        (Some(old), Some((job, pushes))) => Enqueued::Pushed { existing: old.id, due: job.due, pushes: *pushes },
    };
    if let Some(old) = old {
        take_out(step, old)?;
    }
    let job = pushed.as_ref().map_or(job, |(job, _)| job);
    if row::insert(step.connection, job, key)? {
        step.grow()?;
        step.touch(row::place_of(job));
    }
    Ok(answer)
}

/// How many jobs may be pending in a lane, if as many are.
fn full(connection: &Connection, integration: IntegrationId, lane: &str) -> Result<Option<u32>> {
    let limit = connection
        .prepare_cached("SELECT lane_backlog FROM integrations WHERE integration = ?1")?
        .query_row((integration,), |row| row.get::<_, Option<u32>>(0))
        .optional()?;
    let Some(limit) = limit.flatten() else { return Ok(None) };
    let pending: u32 = connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM jobs INDEXED BY jobs_queue
                                   WHERE state = 0 AND integration = ?1 AND lane = ?2 LIMIT ?3)",
        )?
        .query_row((integration, lane, limit), |row| row.get(0))?;
    Ok((pending >= limit).then_some(limit))
}

/// Whether the queue holds a job with this id.
fn exists(connection: &Connection, id: JobId) -> Result<bool> {
    Ok(connection.prepare_cached("SELECT 1 FROM jobs WHERE id = ?1")?.exists((id,))?)
}

struct Pending {
    seq: i64,
    id: JobId,
    due: Millis,
    place: Place,
    /// If the call may push it: how far, unless it was started.
    debounce: Option<Debounce>,
}

/// The new job in the place of a debounced one, and how often that has been pushed; `None` if it is not debounced.
fn pushed(old: &Pending, job: &Job) -> Option<(Job, u32)> {
    let Debounce { latest, pushes } = old.debounce?;
    let pushes = pushes.saturating_add(1);
    let due = job.due.min(latest);
    // Beyond the latest time the opening is another one: the claim finds it over, and the worker looks for it.
    let closes = if due < job.due { job.closes.map(|_| due) } else { job.closes };
    Some((Job { id: old.id, due, closes, debounce: Some(Debounce { latest, pushes }), ..job.clone() }, pushes))
}

/// A running job that a key names, the oldest of them.
fn running(connection: &Connection, integration: IntegrationId, key: KeyId) -> Result<Option<(JobId, Millis)>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, due FROM jobs INDEXED BY jobs_running WHERE state = 1 AND integration = ?1 AND key = ?2
         ORDER BY id LIMIT 1",
    )?;
    row::one(&mut statement, (integration, &key.0[..]), |row| Ok((row.get(0)?, Millis(row.get(1)?))))
}

/// The pending job that has a key, and whether a call that wants to `push` it may.
fn pending(connection: &Connection, integration: IntegrationId, key: KeyId, push: bool) -> Result<Option<Pending>> {
    let mut statement = connection.prepare_cached(
        "SELECT integration, lane, gate, seq, id, due, attempt, body FROM jobs INDEXED BY jobs_key
         WHERE state = 0 AND detached = 0 AND key IS NOT NULL AND integration = ?1 AND key = ?2",
    )?;
    row::one(&mut statement, (integration, &key.0[..]), |row| {
        let may_be_pushed = push && row.get::<_, u32>(6)? == 0;
        Ok(Pending {
            seq: row.get(3)?,
            id: row.get(4)?,
            due: Millis(row.get(5)?),
            place: row::short_place(row)?,
            debounce: if may_be_pushed {
                body::debounce(row.get_ref(7)?.as_blob().map_err(rusqlite::Error::from)?)?
            } else {
                None
            },
        })
    })
}

fn take_out(step: &mut Step<'_>, old: Pending) -> Result<()> {
    let gone = step.connection.prepare_cached("DELETE FROM jobs WHERE seq = ?1")?.execute((old.seq,))?;
    step.shrink(gone);
    step.touch(old.place);
    Ok(())
}

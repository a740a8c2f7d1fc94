//! The lines at full buckets: a gate per bucket with jobs in line, which opens when the bucket may have room.
//!
//! A job in line is in no lane and costs nothing; its place is by due time, priority and arrival. When its gate opens, the
//! head of the line goes back to its lanes: as many jobs as the bucket has room for. They are charged when they are
//! handed out, so a job that is cancelled, refused or held up on the way costs nothing either, and its gate opens again.
//! Until the last of them has started, or gone, others that come to the bucket queue up: nobody overtakes.

use rusqlite::{Connection, OptionalExtension, Row};
use schedules::Millis;
use schedules::rate::{Bucket, Limit, OnExceed};

use super::bucket::Buckets;
use super::row;
use super::rules::Rules;
use super::step::{Place, Step};
use crate::{IntegrationId, Result, body};

/// At most this many jobs go through a gate at once.
const LET_THROUGH: usize = 64;

/// An open gate: it is also open to a clock that was set back.
const OPEN: Millis = Millis(0);

/// A job in line.
struct Waiting {
    seq: i64,
    lane: Box<str>,
    key: Option<String>,
    closes: Option<i64>,
    weight: u32,
    is_charged: bool,
}

/// When the first gate of an integration opens.
pub(super) fn head(connection: &Connection, integration: IntegrationId) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT at FROM gates INDEXED BY gates_at WHERE is_empty = 0 AND integration = ?1 ORDER BY at LIMIT 1",
    )?;
    Ok(statement.query_row((integration,), |row| row.get(0)).optional()?)
}

/// Whether an integration has any.
pub(super) fn has_any(connection: &Connection, integration: IntegrationId) -> Result<bool> {
    Ok(connection.prepare_cached("SELECT 1 FROM gates WHERE integration = ?1 LIMIT 1")?.exists((integration,))?)
}

/// When the gate at a bucket opens, if there is one.
pub(super) fn opens(connection: &Connection, integration: IntegrationId, name: &str) -> Result<Option<Millis>> {
    let mut statement = connection.prepare_cached("SELECT at FROM gates WHERE integration = ?1 AND name = ?2")?;
    Ok(statement.query_row((integration, name), |row| row.get(0)).optional()?.map(Millis))
}

/// Puts a job in line.
pub(super) fn line_up(step: &Step<'_>, integration: IntegrationId, seq: i64, name: &str, until: Millis) -> Result<()> {
    step.connection.prepare_cached("UPDATE jobs SET gate = ?2, in_line = 1 WHERE seq = ?1")?.execute((seq, name))?;
    step.connection
        .prepare_cached(
            "INSERT INTO gates (integration, name, at, is_empty) VALUES (?1, ?2, ?3, 0)
             ON CONFLICT (integration, name) DO UPDATE SET at = min(at, ?3), is_empty = 0",
        )?
        .execute((integration, name, until.0))?;
    Ok(())
}

/// A job that was let through has started: the gate goes if it was the last.
pub(super) fn passed(step: &Step<'_>, integration: IntegrationId, name: &str) -> Result<()> {
    step.connection
        .prepare_cached(
            "DELETE FROM gates WHERE integration = ?1 AND name = ?2 AND NOT EXISTS
                 (SELECT 1 FROM jobs INDEXED BY jobs_line WHERE gate IS NOT NULL AND integration = ?1 AND gate = ?2)",
        )?
        .execute((integration, name))?;
    Ok(())
}

/// Jobs have left the line, or were let through for nothing: the gate goes if they were the last, and opens otherwise.
pub(super) fn refresh(step: &Step<'_>, integration: IntegrationId, name: &str) -> Result<()> {
    passed(step, integration, name)?;
    let is_empty = line(step.connection, integration, name, 1)?.is_empty();
    set(step, integration, name, OPEN, is_empty)
}

/// All gates of an integration open: its rules have changed.
pub(super) fn open_all(step: &Step<'_>, integration: IntegrationId) -> Result<()> {
    step.connection
        .prepare_cached("UPDATE gates SET at = ?2 WHERE integration = ?1")?
        .execute((integration, OPEN.0))?;
    Ok(())
}

fn set(step: &Step<'_>, integration: IntegrationId, name: &str, at: Millis, is_empty: bool) -> Result<()> {
    step.connection
        .prepare_cached("UPDATE gates SET at = ?3, is_empty = ?4 WHERE integration = ?1 AND name = ?2")?
        .execute((integration, name, at.0, is_empty))?;
    Ok(())
}

/// Opens the gates of an integration that are due until `wanted` jobs have gone through; takes what it opens from `left`.
pub(super) fn open_due(
    step: &mut Step<'_>,
    integration: IntegrationId,
    (rules, buckets): (&Rules, &mut Buckets),
    mut wanted: usize,
    left: &mut usize,
) -> Result<()> {
    while wanted > 0 && *left > 0 {
        let mut statement = step.connection.prepare_cached(
            "SELECT name FROM gates INDEXED BY gates_at WHERE is_empty = 0 AND integration = ?1 AND at <= ?2
             ORDER BY at LIMIT 1",
        )?;
        let due: Option<String> = statement.query_row((integration, step.now.0), |row| row.get(0)).optional()?;
        let Some(name) = due else { break };
        *left -= 1;
        wanted -= open(step, integration, &name, (rules, buckets), wanted.min(LET_THROUGH))?;
    }
    Ok(())
}

/// Lets the head of a line through, at most `most`; the answer is how many.
fn open(
    step: &mut Step<'_>,
    integration: IntegrationId,
    name: &str,
    (rules, buckets): (&Rules, &mut Buckets),
    most: usize,
) -> Result<usize> {
    // One more, to see whether it is the whole line.
    let line = line(step.connection, integration, name, most + 1)?;
    let key = line.first().and_then(|job| job.key.as_deref()).map(body::parse_key).transpose()?;
    let mut is_shut = false;
    let mut room = Room::Endless;
    if let Some(Limit { rule, on_exceed, .. }) = rules.limit_of(key.as_ref(), name) {
        let (state, hold) = buckets.state(step.connection, name, rule.algorithm)?;
        is_shut = hold.ends() > step.now;
        room = match on_exceed {
            OnExceed::Delay => Room::Of(Bucket { hold, ..Bucket::new(*rule, state) }, step.now),
            // Nobody waits for such a bucket but while it is shut.
            OnExceed::Reject if is_shut => Room::None(hold.ends()),
            OnExceed::Reject => Room::Endless,
        };
    }
    let mut through = 0;
    for job in line.iter().take(most) {
        let is_over = job.closes.is_some_and(|closes| closes <= step.now.0);
        let is_free = is_over || (job.is_charged && !is_shut);
        if !is_free && !room.take(job.weight) {
            break;
        }
        let_through(step, integration, job)?;
        through += 1;
    }
    let next_weight = line.get(through).map_or(1, |job| job.weight);
    let mut is_empty = through == line.len();
    let mut next = room.next(next_weight);
    if !is_shut && !is_empty {
        // Those that were charged before take no room: only what was shut has kept them.
        let charged = charged(step.connection, integration, name)?;
        for job in &charged {
            let_through(step, integration, job)?;
        }
        through += charged.len();
        is_empty = !charged.is_empty() && self::line(step.connection, integration, name, 1)?.is_empty();
        next = if charged.len() == LET_THROUGH { OPEN } else { next };
    }
    set(step, integration, name, next, is_empty)?;
    Ok(through.min(most))
}

/// Jobs in line that were charged before.
fn charged(connection: &Connection, integration: IntegrationId, name: &str) -> Result<Vec<Waiting>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, lane, key_text, closes, weight, charged FROM jobs INDEXED BY jobs_line
         WHERE gate IS NOT NULL AND integration = ?1 AND gate = ?2 AND in_line = 1 AND charged = 1 LIMIT ?3",
    )?;
    row::all(&mut statement, (integration, name, row::count(LET_THROUGH)), waiting)
}

fn waiting(row: &Row<'_>) -> Result<Waiting> {
    Ok(Waiting {
        seq: row.get(0)?,
        lane: row.get(1)?,
        key: row.get(2)?,
        closes: row.get(3)?,
        weight: row.get(4)?,
        is_charged: row.get(5)?,
    })
}

fn line(connection: &Connection, integration: IntegrationId, name: &str, limit: usize) -> Result<Vec<Waiting>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, lane, key_text, closes, weight, charged FROM jobs INDEXED BY jobs_line
         WHERE gate IS NOT NULL AND integration = ?1 AND gate = ?2 AND in_line = 1 ORDER BY due, priority DESC, seq LIMIT ?3",
    )?;
    row::all(&mut statement, (integration, name, row::count(limit)), waiting)
}

fn let_through(step: &mut Step<'_>, integration: IntegrationId, job: &Waiting) -> Result<()> {
    step.connection.prepare_cached("UPDATE jobs SET in_line = 0 WHERE seq = ?1")?.execute((job.seq,))?;
    step.touch(Place { integration, lane: job.lane.clone(), gate: None });
    Ok(())
}

/// The room in a bucket, as if those let through were charged.
enum Room {
    Endless,
    Of(Bucket, Millis),
    /// There is none until then.
    None(Millis),
}

impl Room {
    /// Takes a place, if there is one.
    fn take(&mut self, weight: u32) -> bool {
        match self {
            Self::Endless => true,
            Self::None(_) => false,
            Self::Of(bucket, now) => {
                bucket.weight = weight;
                let has_room = bucket.room_at(*now) <= *now;
                if has_room {
                    bucket.state = bucket.charged(*now);
                }
                has_room
            }
        }
    }

    /// When there is a place.
    fn next(&self, weight: u32) -> Millis {
        match self {
            Self::Endless => OPEN,
            Self::None(until) => *until,
            Self::Of(bucket, now) => {
                let opens = Bucket { weight, ..bucket.clone() }.room_at(*now);
                if opens <= *now { OPEN } else { opens }
            }
        }
    }
}

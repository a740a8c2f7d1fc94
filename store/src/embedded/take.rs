//! Taking jobs from one lane: all at once where no limits have to be asked, one by one where they have.

use rusqlite::Row;
use schedules::Millis;

use super::claim::Haul;
use super::lane::{self, First, Lane};
use super::rules::{Answer, Asked};
use super::step::Step;
use super::turn::Turn;
use super::{gate, row};
use crate::queue::{Grant, Leased};
use crate::{Result, body};

/// At most this many jobs are read before they are tested.
const BATCH: usize = 64;

/// A job whose turn it is.
pub(super) struct Candidate {
    seq: i64,
    key: Option<String>,
    closes: Option<Millis>,
    is_charged: bool,
    weight: u32,
    /// The gate it was let through.
    gate: Option<Box<str>>,
}

impl Candidate {
    /// Reads `seq, key_text, closes, charged, gate, weight`.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            key: row.get(1)?,
            closes: row.get::<_, Option<i64>>(2)?.map(Millis),
            is_charged: row.get(3)?,
            gate: row.get(4)?,
            weight: row.get(5)?,
        })
    }
}

/// Leases the first `count` due jobs of a lane; the answer is how many there were.
pub(super) fn take(turn: &mut Turn, step: &mut Step<'_>, lane: &Lane, count: usize, haul: &mut Haul) -> Result<usize> {
    let before = haul.jobs.len();
    let retrying = lane::retrying(step.connection, lane, turn.integration.bounds())?;
    if let Some(retry) = retrying.filter(|_| count > 0) {
        if retry.due > step.now {
            return Ok(0);
        }
        test(turn, step, retry.job, haul)?;
        return Ok(haul.jobs.len() - before);
    }
    let (mut left, mut below) = (count, i64::MAX);
    while left > 0
        && let Some(First { priority, due }) = lane::first(step.connection, lane, below)?
    {
        below = priority;
        if due <= step.now {
            if turn.is_tested {
                take_tested(turn, step, lane, priority, left, haul)?;
            } else {
                take_all(step, lane, priority, left, haul)?;
            }
        }
        left = count - (haul.jobs.len() - before);
    }
    Ok(count - left)
}

/// Leases jobs of one priority without asking anybody.
fn take_all(step: &Step<'_>, lane: &Lane, priority: i64, count: usize, haul: &mut Haul) -> Result<()> {
    let mut statement = step.connection.prepare_cached(concat!(
        "UPDATE jobs SET state = 1, token = random(), lease_until = ?5,
             counted = closes IS NULL OR closes > ?4, attempt = attempt + (closes IS NULL OR closes > ?4),
             charged = charged OR closes IS NULL OR closes > ?4
         WHERE seq IN (SELECT seq FROM jobs INDEXED BY jobs_queue
                       WHERE state = 0 AND integration = ?1 AND lane = ?2 AND in_line = 0 AND priority = ?3 AND due <= ?4
                       ORDER BY due, seq LIMIT ?6)
         RETURNING ",
        row::columns!()
    ))?;
    let until = step.lease_until(haul.lease_ms);
    let params = (lane.integration, &lane.name, priority, step.now.0, until, row::count(count));
    let mut taken = row::all(&mut statement, params, |row| Ok((row.get::<_, i64>(0)?, leased(row, step.now)?)))?;
    // RETURNING has no order of its own.
    taken.sort_by_key(|(seq, leased)| (leased.job.due, *seq));
    haul.jobs.extend(taken.into_iter().map(|(_, leased)| leased));
    Ok(())
}

fn leased(row: &rusqlite::Row<'_>, now: Millis) -> Result<Leased> {
    let leased = row::leased(row)?;
    let grant = if is_over(leased.job.closes, now) { Grant::Closed } else { Grant::Start };
    Ok(Leased { grant, ..leased })
}

fn is_over(closes: Option<Millis>, now: Millis) -> bool {
    closes.is_some_and(|closes| closes <= now)
}

/// Leases jobs of one priority, as far as the limits allow; those that must wait are put in line.
fn take_tested(
    turn: &mut Turn,
    step: &mut Step<'_>,
    lane: &Lane,
    priority: i64,
    count: usize,
    haul: &mut Haul,
) -> Result<()> {
    let most = haul.jobs.len() + count;
    loop {
        let candidates = candidates(step, lane, priority, BATCH.min(most - haul.jobs.len()))?;
        if candidates.is_empty() {
            return Ok(());
        }
        for candidate in candidates {
            if haul.line_up == 0 {
                return Ok(());
            }
            test(turn, step, candidate, haul)?;
        }
    }
}

fn candidates(step: &Step<'_>, lane: &Lane, priority: i64, limit: usize) -> Result<Vec<Candidate>> {
    let mut statement = step.connection.prepare_cached(
        "SELECT seq, key_text, closes, charged, gate, weight FROM jobs INDEXED BY jobs_queue
         WHERE state = 0 AND integration = ?1 AND lane = ?2 AND in_line = 0 AND priority = ?3 AND due <= ?4
         ORDER BY due, seq LIMIT ?5",
    )?;
    let params = (lane.integration, &lane.name, priority, step.now.0, row::count(limit));
    row::all(&mut statement, params, |row| Ok(Candidate::read(row)?))
}

/// Hands one job out, or puts it in line.
fn test(turn: &mut Turn, step: &mut Step<'_>, candidate: Candidate, haul: &mut Haul) -> Result<()> {
    let id = turn.integration.id;
    let mut waits_at = None;
    match ask(turn, step, &candidate)? {
        None => lease(step, candidate.seq, Grant::Closed, haul)?,
        Some(Answer::Refuse(refusal)) => lease(step, candidate.seq, Grant::Refused(refusal), haul)?,
        Some(Answer::Start(charges)) => {
            for charge in charges {
                turn.buckets.charge(charge.bucket, charge.state, charge.rule);
            }
            lease(step, candidate.seq, Grant::Start, haul)?;
            return candidate.gate.map_or(Ok(()), |gate| gate::passed(step, id, &gate));
        }
        Some(Answer::Wait(bucket, until)) => {
            gate::line_up(step, id, candidate.seq, &bucket, until)?;
            haul.line_up -= 1;
            waits_at = Some(bucket);
        }
    }
    // Whoever was let through for nothing leaves the room to those behind.
    if let Some(gate) = candidate.gate.filter(|gate| waits_at.as_deref() != Some(gate)) {
        step.books.stale.lines.insert((id, gate));
    }
    Ok(())
}

/// What the limits say of a job; `None` if its opening is over.
fn ask(turn: &mut Turn, step: &Step<'_>, candidate: &Candidate) -> Result<Option<Answer>> {
    if is_over(candidate.closes, step.now) {
        return Ok(None);
    }
    let key = candidate.key.as_deref().map(body::parse_key).transpose()?;
    if candidate.is_charged {
        return turn.rules.test_charged(step, &mut turn.buckets, key.as_ref()).map(Some);
    }
    let asked = Asked { key: key.as_ref(), weight: candidate.weight, let_through: candidate.gate.is_some() };
    turn.rules.test(step, &mut turn.buckets, asked).map(Some)
}

/// Leases one job.
fn lease(step: &Step<'_>, seq: i64, grant: Grant, haul: &mut Haul) -> Result<()> {
    let mut statement = step.connection.prepare_cached(concat!(
        "UPDATE jobs SET state = 1, token = random(), lease_until = ?2, gate = NULL, counted = ?3,
             attempt = attempt + ?3, charged = max(charged, ?3) WHERE seq = ?1 RETURNING ",
        row::columns!()
    ))?;
    let is_start = grant == Grant::Start;
    let leased = row::one(&mut statement, (seq, step.lease_until(haul.lease_ms), is_start), row::leased)?;
    haul.jobs.extend(leased.map(|leased| Leased { grant, ..leased }));
    Ok(())
}

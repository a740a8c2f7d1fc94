//! prune: forget dead jobs and idempotency keys that are over their age or number, and buckets that are empty.

use super::step::Step;
use super::{adjust, row};
use crate::queue::{Pruned, Pruning, day_of};
use crate::{IntegrationId, Result};

/// Forgets at most `limit` rows: dead jobs by age, then by number, then idempotency keys, then what is over of
/// rate limits.
pub(super) fn prune(step: &mut Step<'_>, pruning: &Pruning) -> Result<Pruned> {
    let mut left = pruning.limit;
    let old = delete(
        step,
        "DELETE FROM jobs WHERE seq IN
             (SELECT seq FROM jobs INDEXED BY jobs_died WHERE state = 2 AND died < ?1 ORDER BY died LIMIT ?2)",
        (pruning.dead_before.0, row::count(left)),
        &mut left,
    )?;
    let many = prune_number(step, pruning.dead_keep, &mut left)?;
    step.shrink(old + many);
    let keys = delete(
        step,
        "DELETE FROM idempotency WHERE (integration, key) IN
             (SELECT integration, key FROM idempotency INDEXED BY idempotency_until WHERE until < ?1 LIMIT ?2)",
        (step.now.0, row::count(left)),
        &mut left,
    )?;
    delete(
        step,
        "DELETE FROM buckets WHERE (integration, name) IN
             (SELECT integration, name FROM buckets INDEXED BY buckets_until WHERE until <= ?1 LIMIT ?2)",
        (step.now.0, row::count(left)),
        &mut left,
    )?;
    prune_holds(step, &mut left)?;
    delete(
        step,
        "DELETE FROM refusals WHERE (integration, day, name) IN
             (SELECT integration, day, name FROM refusals WHERE day < ?1 LIMIT ?2)",
        (day_of(step.now), row::count(left)),
        &mut left,
    )?;
    Ok(Pruned { dead: (old + many) as u64, idempotency: keys as u64 })
}

/// What shut buckets in the past; those in line at them are looked at again.
fn prune_holds(step: &mut Step<'_>, left: &mut usize) -> Result<()> {
    let mut statement = step
        .connection
        .prepare_cached("SELECT integration, name FROM holds WHERE paused = 0 AND until <= ?1 LIMIT ?2")?;
    let over = row::all(&mut statement, (step.now.0, row::count(*left)), |row| {
        Ok((row.get::<_, IntegrationId>(0)?, row.get::<_, String>(1)?))
    })?;
    for (owner, name) in over {
        delete(step, "DELETE FROM holds WHERE integration = ?1 AND name = ?2", (owner, &name), left)?;
        for integration in adjust::waiting_at(step, owner, &name)? {
            step.books.stale.lines.insert((integration, name.as_str().into()));
        }
    }
    Ok(())
}

fn prune_number(step: &Step<'_>, keep: u64, left: &mut usize) -> Result<usize> {
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    let mut statement = step.connection.prepare_cached(
        "SELECT integration, count(*) - ?1 FROM jobs INDEXED BY jobs_dead WHERE state = 2
         GROUP BY integration HAVING count(*) > ?1",
    )?;
    let over = row::all(&mut statement, (keep,), |row| Ok((row.get::<_, IntegrationId>(0)?, row.get::<_, i64>(1)?)))?;
    let mut gone = 0;
    for (integration, surplus) in over {
        gone += delete(
            step,
            "DELETE FROM jobs WHERE seq IN
                 (SELECT seq FROM jobs INDEXED BY jobs_dead WHERE state = 2 AND integration = ?1
                  ORDER BY died, seq LIMIT ?2)",
            (integration, surplus.min(row::count(*left))),
            left,
        )?;
    }
    Ok(gone)
}

fn delete(step: &Step<'_>, statement: &str, params: impl rusqlite::Params, left: &mut usize) -> Result<usize> {
    let gone = step.connection.prepare_cached(statement)?.execute(params)?;
    *left = left.saturating_sub(gone);
    Ok(gone)
}

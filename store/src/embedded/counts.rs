//! counts: how many jobs of each integration are where.

use std::collections::BTreeMap;

use rusqlite::Connection;
use schedules::Millis;

use super::row;
use crate::queue::Counts;
use crate::{IntegrationId, Result};

/// Counts by integration, in the order of their ids.
pub(super) fn counts(connection: &Connection, now: Millis) -> Result<Vec<(IntegrationId, Counts)>> {
    let mut all = BTreeMap::<IntegrationId, Counts>::new();
    let mut pending = connection.prepare_cached(
        "SELECT integration, sum(due > ?1), sum(due <= ?1), min(due), sum(in_line) FROM jobs INDEXED BY jobs_queue
         WHERE state = 0 GROUP BY integration",
    )?;
    for (integration, delayed, ready, first, in_line) in row::all(&mut pending, (now.0,), |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get(3)?, row.get::<_, i64>(4)?))
    })? {
        let counts = all.entry(integration).or_default();
        counts.delayed = delayed.unsigned_abs();
        counts.ready = ready.unsigned_abs();
        counts.in_line = in_line.unsigned_abs();
        counts.oldest_ready = Some(Millis(first)).filter(|due| *due <= now);
    }
    for (integration, running) in count(
        connection,
        "SELECT integration, count(*) FROM jobs INDEXED BY jobs_running WHERE state = 1 GROUP BY integration",
    )? {
        all.entry(integration).or_default().running = running;
    }
    for (integration, dead) in count(
        connection,
        "SELECT integration, count(*) FROM jobs INDEXED BY jobs_dead WHERE state = 2 GROUP BY integration",
    )? {
        all.entry(integration).or_default().dead = dead;
    }
    Ok(all.into_iter().collect())
}

fn count(connection: &Connection, query: &str) -> Result<Vec<(IntegrationId, u64)>> {
    let mut statement = connection.prepare_cached(query)?;
    row::all(&mut statement, (), |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))
}

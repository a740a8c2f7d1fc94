//! survey: how much there is, and a number that changes when the queue is used.

use rusqlite::Connection;
use schedules::Millis;

use super::{control, row};
use crate::Result;
use crate::queue::{Control, Survey};

/// Counts.
pub(super) fn survey(connection: &Connection, now: Millis) -> Result<Survey> {
    let count = |query: &str| -> Result<u64> {
        let count: i64 = connection.prepare_cached(query)?.query_row((), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    };
    let (running, leases_end) = running(connection, now)?;
    Ok(Survey {
        pending: count("SELECT count(*) FROM jobs INDEXED BY jobs_queue WHERE state = 0")?,
        overdue: count("SELECT count(*) FROM jobs INDEXED BY jobs_lease WHERE state = 1")? - running,
        running,
        leases_end,
        dead: count("SELECT count(*) FROM jobs INDEXED BY jobs_died WHERE state = 2")?,
        controls: controls(connection)?,
        cursors: count("SELECT count(*) FROM cursors")?,
        ticks: count("SELECT count(*) FROM outbox")?,
        idempotency: count("SELECT count(*) FROM idempotency")?,
        holds: count("SELECT count(*) FROM holds")?,
        buckets: connection
            .prepare_cached("SELECT count(*) FROM buckets INDEXED BY buckets_until WHERE until > ?1")?
            .query_row((now.0,), |row| row.get::<_, i64>(0))?
            .unsigned_abs(),
        pulse: connection
            .prepare_cached(
                "SELECT (SELECT coalesce(max(seq), 0) FROM jobs) || '/' || (SELECT coalesce(max(served), 0) FROM integrations)",
            )?
            .query_row((), |row| row.get(0))?,
    })
}

/// How many jobs have a lease that lasts, and when the last of them ends.
pub(super) fn running(connection: &Connection, now: Millis) -> Result<(u64, Option<Millis>)> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*), max(lease_until) FROM jobs INDEXED BY jobs_lease WHERE state = 1 AND lease_until > ?1",
    )?;
    let found = statement.query_row((now.0,), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?)))?;
    Ok((found.0.unsigned_abs(), found.1.map(Millis)))
}

/// The integrations that something holds back: few enough to look at each.
fn controls(connection: &Connection) -> Result<u64> {
    let mut statement = connection.prepare_cached(concat!("SELECT ", control::columns!(), " FROM integrations"))?;
    let all = row::all(&mut statement, (), control::read)?;
    Ok(all.iter().filter(|control| **control != Control::default()).count() as u64)
}

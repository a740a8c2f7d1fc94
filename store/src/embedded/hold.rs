//! Buckets of rate limits that are shut, whatever is in them.

use rusqlite::Connection;
use schedules::Millis;
use schedules::rate::Hold;

use super::row;
use crate::{IntegrationId, Result};

/// What shuts a bucket.
pub(super) fn read(connection: &Connection, bucket: (IntegrationId, &str)) -> Result<Hold> {
    let mut statement =
        connection.prepare_cached("SELECT paused, until FROM holds WHERE integration = ?1 AND name = ?2")?;
    let hold = row::one(&mut statement, bucket, |row| Ok(Hold { paused: row.get(0)?, until: Millis(row.get(1)?) }))?;
    Ok(hold.unwrap_or_default())
}

/// Shuts it so; nothing opens it.
pub(super) fn write(connection: &Connection, bucket: (IntegrationId, &str), hold: Hold) -> Result<()> {
    let (integration, name) = bucket;
    if hold == Hold::default() {
        let mut statement = connection.prepare_cached("DELETE FROM holds WHERE integration = ?1 AND name = ?2")?;
        statement.execute(bucket)?;
        return Ok(());
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO holds (integration, name, paused, until) VALUES (?1, ?2, ?3, ?4)")?
        .execute((integration, name, hold.paused, hold.until.0))?;
    Ok(())
}

/// Adds one as it is, unless it is there; whether it was not.
pub(super) fn add(connection: &Connection, (integration, name): (IntegrationId, &str), hold: Hold) -> Result<bool> {
    let mut statement = connection
        .prepare_cached("INSERT OR IGNORE INTO holds (integration, name, paused, until) VALUES (?1, ?2, ?3, ?4)")?;
    Ok(statement.execute((integration, name, hold.paused, hold.until.0))? == 1)
}

/// How many there are.
pub(super) fn count(connection: &Connection) -> Result<u64> {
    let count: i64 = connection.prepare_cached("SELECT count(*) FROM holds")?.query_row((), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

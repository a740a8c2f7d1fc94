//! How many jobs were refused today, by rules and by their buckets.

use rusqlite::{Connection, OptionalExtension};
use schedules::Millis;

use crate::queue::{MAX_REFUSED_KEYS, day_of};
use crate::{IntegrationId, Result};

/// Counts refusals of a rule, and of one bucket if one refused.
pub(super) fn count(
    connection: &Connection,
    now: Millis,
    (owner, rule, bucket): (IntegrationId, &str, Option<&str>),
) -> Result<()> {
    let day = day_of(now);
    let mut keys = 0;
    if let Some(bucket) = bucket {
        let known = connection
            .prepare_cached("UPDATE refusals SET count = count + 1 WHERE integration = ?1 AND day = ?2 AND name = ?3")?
            .execute((owner, day, bucket))?;
        if known == 0 && keys_of(connection, owner, day, rule)? < MAX_REFUSED_KEYS {
            connection
                .prepare_cached("INSERT INTO refusals (integration, day, name, count) VALUES (?1, ?2, ?3, 1)")?
                .execute((owner, day, bucket))?;
            keys = 1;
        }
    }
    connection
        .prepare_cached(
            "INSERT INTO refusals (integration, day, name, count, keys) VALUES (?1, ?2, ?3, 1, ?4)
             ON CONFLICT (integration, day, name) DO UPDATE SET count = count + 1, keys = keys + ?4",
        )?
        .execute((owner, day, rule, keys))?;
    Ok(())
}

fn keys_of(connection: &Connection, owner: IntegrationId, day: i64, rule: &str) -> Result<u64> {
    let keys = connection
        .prepare_cached("SELECT keys FROM refusals WHERE integration = ?1 AND day = ?2 AND name = ?3")?
        .query_row((owner, day, rule), |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(keys.unwrap_or(0).unsigned_abs())
}

/// How many a rule, or a bucket, refused today.
pub(super) fn today(connection: &Connection, now: Millis, owner: IntegrationId, name: &str) -> Result<u64> {
    let count = connection
        .prepare_cached("SELECT count FROM refusals WHERE integration = ?1 AND day = ?2 AND name = ?3")?
        .query_row((owner, day_of(now), name), |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(count.unwrap_or(0).unsigned_abs())
}

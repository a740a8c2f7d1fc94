//! bucket, buckets: how full the buckets of a rate limit are, and who waits at them.

use std::collections::BTreeSet;

use rusqlite::Connection;
use schedules::Millis;
use schedules::rate::{Bucket, Rule, State, is_shared};

use super::{bucket, hold, refusals, row};
use crate::queue::{BucketView, day_of, owner_of};
use crate::{IntegrationId, Result};

/// One bucket, or what is said of a rule as a whole if the name is only the rule's.
pub(super) fn one(
    connection: &Connection,
    integration: IntegrationId,
    name: &str,
    (rule, now): (Rule, Millis),
) -> Result<BucketView> {
    let owner = owner_of(integration, name);
    let state = bucket::load(connection, (owner, name))?.unwrap_or_else(|| State::empty(rule.algorithm));
    let hold = hold::read(connection, (owner, name))?;
    let bucket = Bucket { hold, ..Bucket::new(rule, state) };
    Ok(BucketView {
        level: bucket.level(now),
        opens: bucket.room_at(now),
        hold,
        waiting: waiting(connection, integration, name)?,
        refused: refusals::today(connection, now, owner, name)?,
        name: name.to_owned(),
    })
}

/// The buckets of a rule about which there is something to say, at most about `most`.
pub(super) fn of_rule(
    connection: &Connection,
    integration: IntegrationId,
    rule_name: &str,
    (rule, now, most): (Rule, Millis, usize),
) -> Result<Vec<BucketView>> {
    let owner = owner_of(integration, rule_name);
    // Subjects are JSON objects: names of buckets are between these.
    let (first, last) = (format!("{rule_name}{{"), format!("{rule_name}|"));
    let mut names = BTreeSet::<String>::new();
    for query in [
        "SELECT name FROM buckets WHERE integration = ?1 AND name >= ?2 AND name < ?3 AND until > ?4 LIMIT ?5",
        "SELECT name FROM holds WHERE integration = ?1 AND name >= ?2 AND name < ?3 AND (paused OR until > ?4) LIMIT ?5",
    ] {
        let params = (owner, &first, &last, now.0, row::count(most));
        let mut statement = connection.prepare_cached(query)?;
        names.extend(row::all(&mut statement, params, |row| Ok(row.get::<_, String>(0)?))?);
    }
    let mut refused = connection.prepare_cached(
        "SELECT name FROM refusals WHERE integration = ?1 AND day = ?4 AND name >= ?2 AND name < ?3 LIMIT ?5",
    )?;
    let params = (owner, &first, &last, day_of(now), row::count(most));
    names.extend(row::all(&mut refused, params, |row| Ok(row.get::<_, String>(0)?))?);
    let lines = if is_shared(rule_name) {
        "SELECT name FROM gates WHERE is_empty = 0 AND name >= ?1 AND name < ?2 AND ?3 IS NOT NULL LIMIT ?4"
    } else {
        "SELECT name FROM gates WHERE is_empty = 0 AND name >= ?1 AND name < ?2 AND integration = ?3 LIMIT ?4"
    };
    let params = (&first, &last, integration, row::count(most));
    let mut statement = connection.prepare_cached(lines)?;
    names.extend(row::all(&mut statement, params, |row| Ok(row.get::<_, String>(0)?))?);
    names.iter().take(most).map(|name| one(connection, integration, name, (rule, now))).collect()
}

/// How many jobs wait in line at a bucket.
fn waiting(connection: &Connection, integration: IntegrationId, name: &str) -> Result<u64> {
    let query = if is_shared(name) {
        "SELECT coalesce(sum((SELECT count(*) FROM jobs INDEXED BY jobs_line WHERE gate IS NOT NULL
             AND jobs.integration = gates.integration AND gate = ?2 AND in_line = 1)), 0)
         FROM gates WHERE name = ?2 AND ?1 IS NOT NULL"
    } else {
        "SELECT count(*) FROM jobs INDEXED BY jobs_line
         WHERE gate IS NOT NULL AND integration = ?1 AND gate = ?2 AND in_line = 1"
    };
    let count: i64 = connection.prepare_cached(query)?.query_row((integration, name), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

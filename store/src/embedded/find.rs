//! find and get: single jobs, and the pending jobs that a selector means.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use schedules::Key;

use super::row;
use crate::body;
use crate::queue::{JobView, Selector, State};
use crate::{IntegrationId, JobId, Result};

/// One job.
pub(super) fn get(connection: &Connection, job: JobId) -> Result<Option<JobView>> {
    let mut statement = connection.prepare_cached(concat!("SELECT ", row::columns!(), " FROM jobs WHERE id = ?1"))?;
    row::one(&mut statement, (job,), row::view)
}

/// The pending jobs a selector means, oldest first.
pub(super) fn find(
    connection: &Connection,
    integration: IntegrationId,
    selector: &Selector,
    limit: usize,
) -> Result<Vec<JobView>> {
    let ids = match selector {
        Selector::Job(job) => vec![*job],
        Selector::Match(part) => matching(connection, integration, part, limit)?,
        Selector::Key(key) => {
            let mut statement = connection.prepare_cached(
                "SELECT id FROM jobs WHERE state = 0 AND detached = 0 AND integration = ?1 AND key = ?2 LIMIT ?3",
            )?;
            row::all(&mut statement, (integration, &key.identity().0[..], limit as i64), |row| Ok(row.get(0)?))?
        }
        Selector::All => {
            let mut statement = connection.prepare_cached(
                "SELECT id FROM jobs INDEXED BY jobs_queue WHERE state = 0 AND integration = ?1 ORDER BY id LIMIT ?2",
            )?;
            row::all(&mut statement, (integration, limit as i64), |row| Ok(row.get(0)?))?
        }
    };
    let mut found = Vec::new();
    for id in ids.into_iter().take(limit) {
        found.extend(get(connection, id)?.filter(|it| it.state == State::Pending && it.job.integration == integration));
    }
    Ok(found)
}

/// The ids of the oldest `limit` pending jobs whose key contains `part`.
pub(super) fn matching(
    connection: &Connection,
    integration: IntegrationId,
    part: &Key,
    limit: usize,
) -> Result<Vec<JobId>> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM (
             SELECT id, key_text FROM jobs INDEXED BY jobs_key
             WHERE state = 0 AND detached = 0 AND key IS NOT NULL AND integration = ?1
             UNION ALL
             SELECT id, key_text FROM jobs INDEXED BY jobs_detached
             WHERE state = 0 AND detached = 1 AND integration = ?1)
         WHERE key_contains(key_text, ?2) ORDER BY id LIMIT ?3",
    )?;
    row::all(&mut statement, (integration, part.canonical(), limit as i64), |row| Ok(row.get(0)?))
}

/// Gives a connection the SQL function `key_contains(key, part)`: whether the one canonical key has all fields of the
/// other. Both are compared as the canonical text says it, so that `1.0` is `1`.
pub(super) fn define_key_contains(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("key_contains", 2, flags, |call| {
        let part = call.get_or_create_aux(1, |part| Part::new(part.as_str()?))?;
        match call.get_raw(0).as_str() {
            Ok(key) => part.is_in(key),
            // Jobs without a key.
            Err(_) => Ok(false),
        }
    })
}

/// The fields that a key must contain.
struct Part {
    key: Key,
    /// The canonical text of the longest field: a key without it need not be read.
    fragment: String,
}

impl Part {
    fn new(canonical: &str) -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let key = body::parse_key(canonical)?;
        let mut fragment = String::new();
        for (name, value) in key.fields() {
            let field = body::parse_key(&serde_json::json!({ name: value }).to_string())?;
            let text = field.canonical();
            let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
            if text.len() > fragment.len() {
                fragment = text.to_owned();
            }
        }
        Ok(Self { key, fragment })
    }

    fn is_in(&self, canonical: &str) -> rusqlite::Result<bool> {
        if !canonical.contains(&self.fragment) {
            return Ok(false);
        }
        let key = body::parse_key(canonical).map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
        Ok(key.contains(&self.key))
    }
}

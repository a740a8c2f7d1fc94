//! API keys: only their hashes are kept.

use schedules::Millis;
use schedules::rate::{Algorithm, Rule};

use super::error::{missing, taken};
use super::open::{Change, Row};
use super::row::{Columns, signed, to_json, unreadable};
use super::{ApiKey, Catalog, Scope};
use crate::{Error, Result};

/// The most API keys one workspace may have; to make room, the key that was revoked first is forgotten.
pub const MAX_API_KEYS: u64 = 1_000;

const ADD: &str = "INSERT INTO api_keys (id, workspace, name, hash, prefix, scopes, integrations, origins, created, revoked, \
     publishable, may_match, rate_limit, rate_interval_ms, rate_burst) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
const COUNT_IN: &str = "SELECT COUNT(*) FROM api_keys WHERE workspace = $1";
const FORGET_REVOKED: &str = "DELETE FROM api_keys WHERE id = (SELECT id FROM api_keys \
                              WHERE workspace = $1 AND revoked IS NOT NULL ORDER BY revoked, id LIMIT 1)";

impl Catalog {
    /// Adds an API key. An id or a hash that is known already is [`Error::Exists`]; one more than [`MAX_API_KEYS`], when
    /// none of them is revoked, is [`Error::Full`].
    pub async fn add_api_key(&self, key: ApiKey) -> Result<()> {
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
        let mut change = self.begin().await?;
        make_room(&mut change, &key.workspace).await?;
        sqlx::query(ADD)
            .bind(&key.id)
            .bind(&key.workspace)
            .bind(&key.name)
            .bind(to_hex(&key.hash))
            .bind(&key.prefix)
            .bind(to_json("scopes", &scopes)?)
            .bind(to_json("integrations", &key.integrations)?)
            .bind(to_json("origins", &key.origins)?)
            .bind(key.created.0)
            .bind(key.revoked.map(|at| at.0))
            .bind(i64::from(key.publishable))
            .bind(i64::from(key.may_match))
            .bind(key.rate.map(|rate| i64::from(rate.limit)))
            .bind(key.rate.map(|rate| signed(rate.interval_ms)))
            .bind(key.rate.and_then(|rate| rate.burst).map(i64::from))
            .execute(&mut *change)
            .await
            .map_err(|error| taken(error, || format!("API key {}", key.id)))?;
        Ok(change.commit().await?)
    }
}

async fn make_room(change: &mut Change, workspace: &str) -> Result<()> {
    let count: i64 = sqlx::query_scalar(COUNT_IN).bind(workspace).fetch_one(&mut **change).await?;
    if count < signed(MAX_API_KEYS) {
        return Ok(());
    }
    let forgotten = sqlx::query(FORGET_REVOKED).bind(workspace).execute(&mut **change).await?;
    if forgotten.rows_affected() == 0 {
        return Err(Error::Full { what: "API keys", limit: MAX_API_KEYS });
    }
    Ok(())
}

macro_rules! select {
    () => {
        "SELECT id, workspace, name, hash, prefix, scopes, integrations, origins, created, revoked, publishable, may_match, \
         rate_limit, rate_interval_ms, rate_burst FROM api_keys "
    };
}
const BY_HASH: &str = concat!(select!(), "WHERE hash = $1");
const LIST: &str = concat!(select!(), "WHERE workspace = $1 ORDER BY id DESC");
const REVOKE: &str = "UPDATE api_keys SET revoked = COALESCE(revoked, $2) WHERE id = $1";
const COUNT: &str = "SELECT COUNT(*) FROM api_keys";

impl Catalog {
    /// The API key whose SHA-256 this is; a revoked one is found too, and says so.
    pub async fn api_key_by_hash(&self, hash: &[u8; 32]) -> Result<Option<ApiKey>> {
        let row = sqlx::query(BY_HASH).bind(to_hex(hash)).fetch_optional(self.reader()).await?;
        row.as_ref().map(api_key).transpose()
    }

    /// The API keys of a workspace, newest first; at most [`MAX_API_KEYS`], revoked ones included.
    pub async fn list_api_keys(&self, workspace: &str) -> Result<Vec<ApiKey>> {
        let rows = sqlx::query(LIST).bind(workspace).fetch_all(self.reader()).await?;
        rows.iter().map(api_key).collect()
    }

    /// Revokes an API key; one that is revoked already keeps the time of the first call.
    pub async fn revoke_api_key(&self, id: &str, now: Millis) -> Result<()> {
        let mut change = self.begin().await?;
        let revoked = sqlx::query(REVOKE).bind(id).bind(now.0).execute(&mut *change).await?;
        if revoked.rows_affected() == 0 {
            return Err(missing("API key", id));
        }
        Ok(change.commit().await?)
    }

    /// How many API keys there are in all workspaces, revoked ones included: 0 only before the first was made.
    pub async fn count_api_keys(&self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar(COUNT).fetch_one(self.reader()).await?;
        Ok(count.unsigned_abs())
    }
}

fn api_key(row: &Row) -> Result<ApiKey> {
    let hash = row.text("hash")?;
    let scopes: Vec<String> = row.json("scopes")?;
    let scope = |name: &String| name.parse::<Scope>().map_err(|()| unreadable("scopes", name));
    Ok(ApiKey {
        id: row.text("id")?,
        workspace: row.text("workspace")?,
        name: row.text("name")?,
        hash: from_hex(&hash).ok_or_else(|| unreadable("hash", hash))?,
        prefix: row.text("prefix")?,
        scopes: scopes.iter().map(scope).collect::<Result<_>>()?,
        integrations: row.json("integrations")?,
        origins: row.json("origins")?,
        publishable: row.number::<u8>("publishable")? != 0,
        may_match: row.number::<u8>("may_match")? != 0,
        rate: rate(row)?,
        created: row.millis("created")?,
        revoked: row.maybe_millis("revoked")?,
    })
}

fn rate(row: &Row) -> Result<Option<Rule>> {
    if row.value::<Option<i64>>("rate_limit")?.is_none() {
        return Ok(None);
    }
    let burst = row.value::<Option<i64>>("rate_burst")?;
    Ok(Some(Rule {
        limit: row.number("rate_limit")?,
        interval_ms: row.number("rate_interval_ms")?,
        burst: burst.map(|burst| u32::try_from(burst).map_err(|_| unreadable("rate_burst", burst))).transpose()?,
        algorithm: Algorithm::LeakyBucket,
    }))
}

fn to_hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

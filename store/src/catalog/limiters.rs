//! Limiters: named buckets of rate limits that integrations of a workspace share.

use schedules::Millis;
use schedules::rate::{Algorithm, LimiterId, Rule};

use super::Catalog;
use super::error::missing;
use super::open::Row;
use super::row::{Columns, signed, unreadable};
use crate::{Error, Result};

/// The most limiters of one workspace.
pub const MAX_LIMITERS: u64 = 1_000;

/// A limiter as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limiter {
    /// Its workspace.
    pub workspace: String,
    /// Its name, unique in the workspace.
    pub name: String,
    /// What its buckets are named by.
    pub id: LimiterId,
    /// Its numbers.
    pub rule: Rule,
    /// When it was made.
    pub created: Millis,
    /// When its numbers were set last.
    pub updated: Millis,
}

const PUT: &str = "INSERT INTO limiters (workspace, name, id, most, interval_ms, burst, algorithm, created, updated) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (workspace, name) DO UPDATE SET \
                   most = excluded.most, interval_ms = excluded.interval_ms, burst = excluded.burst, \
                   algorithm = excluded.algorithm, updated = excluded.updated";
const COUNT: &str = "SELECT COUNT(*) FROM limiters WHERE workspace = $1";
const ALL: &str = "SELECT workspace, name, id, most, interval_ms, burst, algorithm, created, updated FROM limiters \
                   ORDER BY workspace, name";
const DELETE: &str = "DELETE FROM limiters WHERE workspace = $1 AND name = $2";

impl Catalog {
    /// Makes a limiter, or sets the numbers of the one that is there, which keeps its id and the time it was made. One more
    /// than [`MAX_LIMITERS`] is [`Error::Full`].
    pub async fn put_limiter(&self, limiter: &Limiter) -> Result<()> {
        let mut change = self.begin_versioned().await?;
        sqlx::query(PUT)
            .bind(&limiter.workspace)
            .bind(&limiter.name)
            .bind(format!("{:032x}", limiter.id.0))
            .bind(i64::from(limiter.rule.limit))
            .bind(signed(limiter.rule.interval_ms))
            .bind(limiter.rule.burst.map(i64::from))
            .bind(algorithm_name(limiter.rule.algorithm))
            .bind(limiter.created.0)
            .bind(limiter.updated.0)
            .execute(&mut *change)
            .await?;
        let count: i64 = sqlx::query_scalar(COUNT).bind(&limiter.workspace).fetch_one(&mut *change).await?;
        if count > signed(MAX_LIMITERS) {
            return Err(Error::Full { what: "limiters", limit: MAX_LIMITERS });
        }
        Ok(change.commit().await?)
    }

    /// Every limiter of every workspace, by name.
    pub async fn all_limiters(&self) -> Result<Vec<Limiter>> {
        let rows = sqlx::query(ALL).fetch_all(self.reader()).await?;
        rows.iter().map(limiter).collect()
    }

    /// Forgets a limiter.
    pub async fn delete_limiter(&self, workspace: &str, name: &str) -> Result<()> {
        let mut change = self.begin_versioned().await?;
        let deleted = sqlx::query(DELETE).bind(workspace).bind(name).execute(&mut *change).await?;
        if deleted.rows_affected() == 0 {
            return Err(missing("limiter", name));
        }
        Ok(change.commit().await?)
    }
}

fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::LeakyBucket => "leaky_bucket",
        Algorithm::SlidingWindow => "sliding_window",
    }
}

fn limiter(row: &Row) -> Result<Limiter> {
    let (id, algorithm) = (row.text("id")?, row.text("algorithm")?);
    let burst = row.value::<Option<i64>>("burst")?;
    Ok(Limiter {
        workspace: row.text("workspace")?,
        name: row.text("name")?,
        id: u128::from_str_radix(&id, 16).map(LimiterId).map_err(|_| unreadable("id", id))?,
        rule: Rule {
            limit: row.number("most")?,
            interval_ms: row.number("interval_ms")?,
            burst: burst.map(|burst| u32::try_from(burst).map_err(|_| unreadable("burst", burst))).transpose()?,
            algorithm: match algorithm.as_str() {
                "leaky_bucket" => Algorithm::LeakyBucket,
                "sliding_window" => Algorithm::SlidingWindow,
                other => return Err(unreadable("algorithm", other)),
            },
        },
        created: row.millis("created")?,
        updated: row.millis("updated")?,
    })
}

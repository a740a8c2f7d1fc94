//! Bringing a database's tables up to date, and the number that tells when its contents changed.

use sqlx::Executor as _;

use super::Catalog;
use super::open::Change;
use crate::{Error, Result};

/// Every step from an empty database to the tables of this version, in order; a released step is never edited.
const MIGRATIONS: [(i64, &str, &str); 8] = [
    (1, "start", include_str!("migrations/0001_start.sql")),
    (2, "packages", include_str!("migrations/0002_packages.sql")),
    (3, "secrets", include_str!("migrations/0003_secrets.sql")),
    (4, "schedules", include_str!("migrations/0004_schedules.sql")),
    (5, "bulk", include_str!("migrations/0005_bulk.sql")),
    (6, "limiters", include_str!("migrations/0006_limiters.sql")),
    (7, "events", include_str!("migrations/0007_events.sql")),
    (8, "publishable_keys", include_str!("migrations/0008_publishable_keys.sql")),
];

const CREATE_LEDGER: &str =
    "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)";
const APPLIED: &str = "SELECT COALESCE(MAX(version), 0) FROM schema_migrations";
const NOTE_APPLIED: &str = "INSERT INTO schema_migrations (version, name) VALUES ($1, $2)";

/// Applies the steps the database has not seen, all in one transaction.
pub(super) async fn migrate(catalog: &Catalog) -> Result<()> {
    let mut change = catalog.begin().await?;
    change.execute(CREATE_LEDGER).await?;
    let applied: i64 = sqlx::query_scalar(APPLIED).fetch_one(&mut *change).await?;
    let newest = MIGRATIONS.last().map_or(0, |(version, ..)| *version);
    if applied > newest {
        return Err(Error::Corrupt(format!(
            "its tables have version {applied} and this program knows versions up to {newest}: run the newer program"
        )));
    }
    for (version, name, sql) in MIGRATIONS.iter().filter(|(version, ..)| *version > applied) {
        sqlx::raw_sql(*sql).execute(&mut *change).await?;
        sqlx::query(NOTE_APPLIED).bind(version).bind(name).execute(&mut *change).await?;
    }
    Ok(change.commit().await?)
}

const VERSION: &str = "SELECT value FROM catalog_version WHERE id = 1";
const RAISE_VERSION: &str = "UPDATE catalog_version SET value = value + 1 WHERE id = 1";

impl Catalog {
    /// A number that grows with every change to an integration, a release or a pause, whichever process makes it.
    pub async fn version(&self) -> Result<u64> {
        let version: i64 = sqlx::query_scalar(VERSION).fetch_one(self.reader()).await?;
        Ok(version.unsigned_abs())
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.version().await.map(|_| ())
    }

    /// Starts a change that raises [`Self::version`]; such changes happen one after the other on every database.
    pub(super) async fn begin_versioned(&self) -> Result<Change> {
        let mut change = self.begin().await?;
        sqlx::query(RAISE_VERSION).execute(&mut *change).await?;
        Ok(change)
    }
}

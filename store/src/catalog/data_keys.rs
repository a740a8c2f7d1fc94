//! Data keys: what secrets are encrypted with, encrypted themselves with a master key that is not known here.

use schedules::Millis;

use super::Catalog;
use super::error::taken;
use super::open::Row;
use super::row::Columns;
use crate::Result;

/// A data key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKey {
    /// Its workspace.
    pub workspace: String,
    /// A ULID: the newest key encrypts what is new.
    pub id: String,
    /// The master key that it is encrypted with.
    pub master: String,
    /// When it was made.
    pub created: Millis,
    /// The encrypted key.
    pub wrapped: String,
}

const ADD: &str = "INSERT INTO data_keys (workspace, id, master, created, wrapped) VALUES ($1, $2, $3, $4, $5)";
const LIST: &str = "SELECT workspace, id, master, created, wrapped FROM data_keys ORDER BY workspace, id";
const REWRAP: &str = "UPDATE data_keys SET master = $4, wrapped = $5 WHERE workspace = $1 AND id = $2 AND wrapped = $3";
const PRUNE: &str = "DELETE FROM data_keys WHERE workspace = $1 \
                     AND id < (SELECT MAX(id) FROM data_keys WHERE workspace = $1) \
                     AND id NOT IN (SELECT data_key FROM secrets WHERE workspace = $1)";

impl Catalog {
    /// Adds a data key.
    pub async fn add_data_key(&self, key: &DataKey) -> Result<()> {
        let mut change = self.begin_secrets().await?;
        sqlx::query(ADD)
            .bind(&key.workspace)
            .bind(&key.id)
            .bind(&key.master)
            .bind(key.created.0)
            .bind(&key.wrapped)
            .execute(&mut *change)
            .await
            .map_err(|error| taken(error, || format!("data key {}", key.id)))?;
        Ok(change.commit().await?)
    }

    /// The data keys of all workspaces, each workspace's oldest first: a handful.
    pub async fn data_keys(&self) -> Result<Vec<DataKey>> {
        let rows = sqlx::query(LIST).fetch_all(self.reader()).await?;
        rows.iter().map(data_key).collect()
    }

    /// Puts a data key under another master key; `false` when it is not encrypted as `was` any more.
    pub async fn rewrap_data_key(&self, key: &DataKey, was: &str) -> Result<bool> {
        let mut change = self.begin_secrets().await?;
        let done = sqlx::query(REWRAP)
            .bind(&key.workspace)
            .bind(&key.id)
            .bind(was)
            .bind(&key.master)
            .bind(&key.wrapped)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// Forgets the data keys that no secret is encrypted with, but for the newest; gives how many.
    pub async fn prune_data_keys(&self, workspace: &str) -> Result<u64> {
        let mut change = self.begin_secrets().await?;
        let pruned = sqlx::query(PRUNE).bind(workspace).execute(&mut *change).await?;
        change.commit().await?;
        Ok(pruned.rows_affected())
    }
}

fn data_key(row: &Row) -> Result<DataKey> {
    Ok(DataKey {
        workspace: row.text("workspace")?,
        id: row.text("id")?,
        master: row.text("master")?,
        created: row.millis("created")?,
        wrapped: row.text("wrapped")?,
    })
}

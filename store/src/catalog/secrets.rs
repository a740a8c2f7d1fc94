//! Secrets: ciphertexts under a workspace, a scope and a name. What they mean is not known here.

use schedules::Millis;

use super::Catalog;
use super::error::missing;
use super::open::{Change, Row};
use super::row::{Columns, signed, to_json, unreadable};
use crate::{Error, IntegrationId, Result};

/// The most secrets of one scope: a run is handed all of them.
pub const MAX_SECRETS_OF_SCOPE: u64 = 200;
/// The most secrets of one workspace, so that all of them fit in memory.
pub const MAX_SECRETS: u64 = 10_000;

/// Whose a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretScope {
    /// Every integration's.
    Workspace,
    /// One integration's.
    Integration(IntegrationId),
}

impl SecretScope {
    /// As it stands in storage: the integration's id, or nothing.
    pub fn text(self) -> String {
        match self {
            Self::Workspace => String::new(),
            Self::Integration(id) => id.to_string(),
        }
    }
}

/// A secret as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// Its workspace.
    pub workspace: String,
    /// Whose it is.
    pub scope: SecretScope,
    /// Its name, unique in its scope.
    pub name: String,
    /// Another one with every value.
    pub version: String,
    /// The data key that its value is encrypted with.
    pub data_key: String,
    /// Whether scripts see a placeholder only.
    pub gateway_only: bool,
    /// The hosts it may be sent to; empty is any.
    pub hosts: Vec<String>,
    /// When it was set first.
    pub created: Millis,
    /// When it was set last.
    pub updated: Millis,
    /// The encrypted value.
    pub sealed: String,
}

const DATA_KEY_EXISTS: &str = "SELECT COUNT(*) FROM data_keys WHERE workspace = $1 AND id = $2";
const INTEGRATION_EXISTS: &str = "SELECT COUNT(*) FROM integrations WHERE workspace = $1 AND id = $2";
const PUT: &str = "INSERT INTO secrets (workspace, scope, name, version, data_key, gateway_only, hosts, created, updated, sealed) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (workspace, scope, name) DO UPDATE SET \
     version = excluded.version, data_key = excluded.data_key, gateway_only = excluded.gateway_only, \
     hosts = excluded.hosts, updated = excluded.updated, sealed = excluded.sealed";
const COUNT_OF_SCOPE: &str = "SELECT COUNT(*) FROM secrets WHERE workspace = $1 AND scope = $2";
const COUNT: &str = "SELECT COUNT(*) FROM secrets WHERE workspace = $1";

impl Catalog {
    /// Sets a secret; one that is there keeps the time it was created. A data key or an integration that is not there
    /// (any more) is [`Error::NotFound`]; one more than [`MAX_SECRETS_OF_SCOPE`] or [`MAX_SECRETS`] is [`Error::Full`].
    pub async fn put_secret(&self, secret: &StoredSecret) -> Result<()> {
        let scope = secret.scope.text();
        let mut change = self.begin_secrets().await?;
        if !exists(&mut change, DATA_KEY_EXISTS, &secret.workspace, &secret.data_key).await? {
            return Err(missing("data key", &secret.data_key));
        }
        let integration = matches!(secret.scope, SecretScope::Integration(_));
        if integration && !exists(&mut change, INTEGRATION_EXISTS, &secret.workspace, &scope).await? {
            return Err(missing("integration", scope));
        }
        sqlx::query(PUT)
            .bind(&secret.workspace)
            .bind(&scope)
            .bind(&secret.name)
            .bind(&secret.version)
            .bind(&secret.data_key)
            .bind(i64::from(secret.gateway_only))
            .bind(to_json("hosts", &secret.hosts)?)
            .bind(secret.created.0)
            .bind(secret.updated.0)
            .bind(&secret.sealed)
            .execute(&mut *change)
            .await?;
        let of_scope: i64 =
            sqlx::query_scalar(COUNT_OF_SCOPE).bind(&secret.workspace).bind(&scope).fetch_one(&mut *change).await?;
        if of_scope > signed(MAX_SECRETS_OF_SCOPE) {
            return Err(Error::Full { what: "secrets", limit: MAX_SECRETS_OF_SCOPE });
        }
        let of_workspace: i64 = sqlx::query_scalar(COUNT).bind(&secret.workspace).fetch_one(&mut *change).await?;
        if of_workspace > signed(MAX_SECRETS) {
            return Err(Error::Full { what: "secrets", limit: MAX_SECRETS });
        }
        Ok(change.commit().await?)
    }
}

async fn exists(change: &mut Change, question: &'static str, workspace: &str, id: &str) -> Result<bool> {
    let count: i64 = sqlx::query_scalar(question).bind(workspace).bind(id).fetch_one(&mut **change).await?;
    Ok(count > 0)
}

const REENCRYPT: &str = "UPDATE secrets SET version = $5, data_key = $6, sealed = $7 \
                         WHERE workspace = $1 AND scope = $2 AND name = $3 AND version = $4";
const DELETE: &str = "DELETE FROM secrets WHERE workspace = $1 AND scope = $2 AND name = $3";
const LIST: &str = "SELECT workspace, scope, name, version, data_key, gateway_only, hosts, created, updated, sealed \
                    FROM secrets WHERE workspace = $1 ORDER BY scope, name";
const VERSION: &str = "SELECT value FROM catalog_version WHERE id = 2";
const RAISE_VERSION: &str = "UPDATE catalog_version SET value = value + 1 WHERE id = 2";

impl Catalog {
    /// Puts the same value under another encryption; `false` when it is not of version `was` any more.
    pub async fn reencrypt_secret(&self, secret: &StoredSecret, was: &str) -> Result<bool> {
        let mut change = self.begin_secrets().await?;
        if !exists(&mut change, DATA_KEY_EXISTS, &secret.workspace, &secret.data_key).await? {
            return Err(missing("data key", &secret.data_key));
        }
        let done = sqlx::query(REENCRYPT)
            .bind(&secret.workspace)
            .bind(secret.scope.text())
            .bind(&secret.name)
            .bind(was)
            .bind(&secret.version)
            .bind(&secret.data_key)
            .bind(&secret.sealed)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// Forgets a secret.
    pub async fn delete_secret(&self, workspace: &str, scope: SecretScope, name: &str) -> Result<()> {
        let mut change = self.begin_secrets().await?;
        let deleted = sqlx::query(DELETE).bind(workspace).bind(scope.text()).bind(name).execute(&mut *change).await?;
        if deleted.rows_affected() == 0 {
            return Err(missing("secret", name));
        }
        Ok(change.commit().await?)
    }

    /// Every secret of a workspace, of all scopes; at most [`MAX_SECRETS`].
    pub async fn secrets(&self, workspace: &str) -> Result<Vec<StoredSecret>> {
        let rows = sqlx::query(LIST).bind(workspace).fetch_all(self.reader()).await?;
        rows.iter().map(secret).collect()
    }

    /// A number that grows with every change to a secret or a data key, whichever process makes it.
    pub async fn secrets_version(&self) -> Result<u64> {
        let version: i64 = sqlx::query_scalar(VERSION).fetch_one(self.reader()).await?;
        Ok(version.unsigned_abs())
    }

    /// Starts a change that raises [`Self::secrets_version`]; such changes happen one after the other.
    pub(super) async fn begin_secrets(&self) -> Result<Change> {
        let mut change = self.begin().await?;
        raise_secrets_version(&mut change).await?;
        Ok(change)
    }
}

/// Tells other processes that secrets have changed.
pub(super) async fn raise_secrets_version(change: &mut Change) -> Result<()> {
    sqlx::query(RAISE_VERSION).execute(&mut **change).await?;
    Ok(())
}

fn secret(row: &Row) -> Result<StoredSecret> {
    let scope = row.text("scope")?;
    let scope = match scope.as_str() {
        "" => SecretScope::Workspace,
        id => SecretScope::Integration(id.parse().map_err(|_| unreadable("scope", id))?),
    };
    Ok(StoredSecret {
        workspace: row.text("workspace")?,
        scope,
        name: row.text("name")?,
        version: row.text("version")?,
        data_key: row.text("data_key")?,
        gateway_only: row.number::<i64>("gateway_only")? != 0,
        hosts: row.json("hosts")?,
        created: row.millis("created")?,
        updated: row.millis("updated")?,
        sealed: row.text("sealed")?,
    })
}

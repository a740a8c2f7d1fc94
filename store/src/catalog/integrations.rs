//! Integrations: made, their drafts saved, paused, listed, deleted.

use schedules::Millis;

use super::error::{missing, taken};
use super::open::Row;
use super::page::{self, Listing, Seek};
use super::row::{Columns, signed, to_json};
use super::secrets::raise_secrets_version;
use super::{Catalog, Draft, Integration, NewIntegration, Pause};
use crate::queue::{Page, PageRequest};
use crate::{Error, IntegrationId, Result};

/// The most integrations one workspace may have, so that a directory of all of them fits in memory.
pub const MAX_INTEGRATIONS: u64 = 10_000;

/// Everything but the draft's files.
macro_rules! head {
    () => {
        "id, workspace, name, description, trigger_name, pause_note, paused_at, latest_major, latest_minor, created, \
         updated, draft_settings, draft_sample"
    };
}

macro_rules! whole {
    () => {
        concat!(head!(), ", draft_files, draft_packages")
    };
}

/// As [`whole`], with no files: a list of drafts could be gigabytes.
macro_rules! listed {
    () => {
        concat!(head!(), ", '{}' AS draft_files, NULL AS draft_packages")
    };
}

const CREATE: &str = concat!(
    "INSERT INTO integrations (id, workspace, name, description, trigger_name, created, updated, draft_settings, \
     draft_sample, draft_files, draft_packages) VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10) RETURNING ",
    whole!()
);
const COUNT: &str = "SELECT COUNT(*) FROM integrations WHERE workspace = $1";

const SAVE_DRAFT: &str = concat!(
    "UPDATE integrations SET description = $2, draft_settings = $3, draft_sample = $4, draft_files = $5, updated = $6, \
     draft_packages = $7 WHERE id = $1 RETURNING ",
    whole!()
);

impl Catalog {
    /// Makes an integration with its first draft. A name that its workspace has already is [`Error::Exists`]; one more
    /// than [`MAX_INTEGRATIONS`] is [`Error::Full`].
    pub async fn create(&self, new: NewIntegration) -> Result<Integration> {
        let files = to_json("draft_files", &new.draft.files)?;
        let mut change = self.begin_versioned().await?;
        let row = sqlx::query(CREATE)
            .bind(new.id.to_string())
            .bind(&new.workspace)
            .bind(&new.name)
            .bind(&new.description)
            .bind(new.trigger.name())
            .bind(new.created.0)
            .bind(&new.draft.settings)
            .bind(&new.draft.sample)
            .bind(files)
            .bind(&new.draft.lock)
            .fetch_one(&mut *change)
            .await
            .map_err(|error| taken(error, || format!("integration {}", new.name)))?;
        let count: i64 = sqlx::query_scalar(COUNT).bind(&new.workspace).fetch_one(&mut *change).await?;
        if count > signed(MAX_INTEGRATIONS) {
            return Err(Error::Full { what: "integrations", limit: MAX_INTEGRATIONS });
        }
        change.commit().await?;
        integration(&row)
    }

    /// Replaces an integration's description and draft.
    pub async fn save_draft(
        &self,
        id: IntegrationId,
        description: &str,
        draft: Draft,
        now: Millis,
    ) -> Result<Integration> {
        let files = to_json("draft_files", &draft.files)?;
        let mut change = self.begin_versioned().await?;
        let row = sqlx::query(SAVE_DRAFT)
            .bind(id.to_string())
            .bind(description)
            .bind(&draft.settings)
            .bind(&draft.sample)
            .bind(files)
            .bind(now.0)
            .bind(&draft.lock)
            .fetch_optional(&mut *change)
            .await?
            .ok_or_else(|| missing("integration", id))?;
        change.commit().await?;
        integration(&row)
    }
}

const PAUSE: &str =
    concat!("UPDATE integrations SET pause_note = $2, paused_at = $3 WHERE id = $1 RETURNING ", whole!());
const DELETE: &str = "DELETE FROM integrations WHERE id = $1";
const DELETE_SECRETS: &str = "DELETE FROM secrets WHERE workspace = (SELECT workspace FROM integrations WHERE id = $1) \
                              AND scope = $1";

impl Catalog {
    /// Pauses an integration, or resumes it with `None`.
    pub async fn set_pause(&self, id: IntegrationId, pause: Option<Pause>) -> Result<Integration> {
        let (note, at) = pause.map(|pause| (pause.note, pause.at.0)).unzip();
        let mut change = self.begin_versioned().await?;
        let row = sqlx::query(PAUSE)
            .bind(id.to_string())
            .bind(note)
            .bind(at)
            .fetch_optional(&mut *change)
            .await?
            .ok_or_else(|| missing("integration", id))?;
        change.commit().await?;
        integration(&row)
    }

    /// Deletes an integration with its releases and secrets; its runs stay until they are pruned.
    pub async fn delete_integration(&self, id: IntegrationId) -> Result<()> {
        let mut change = self.begin_versioned().await?;
        raise_secrets_version(&mut change).await?;
        sqlx::query(DELETE_SECRETS).bind(id.to_string()).execute(&mut *change).await?;
        let deleted = sqlx::query(DELETE).bind(id.to_string()).execute(&mut *change).await?;
        if deleted.rows_affected() == 0 {
            return Err(missing("integration", id));
        }
        Ok(change.commit().await?)
    }
}

const BY_NAME: &str = concat!("SELECT ", whole!(), " FROM integrations WHERE workspace = $1 AND name = $2");
const BY_ID: &str = concat!("SELECT ", whole!(), " FROM integrations WHERE id = $1");
const ALL: &str = concat!("SELECT ", listed!(), " FROM integrations ORDER BY workspace, name");

impl Catalog {
    /// The integration of that name.
    pub async fn integration(&self, workspace: &str, name: &str) -> Result<Option<Integration>> {
        let row = sqlx::query(BY_NAME).bind(workspace).bind(name).fetch_optional(self.reader()).await?;
        row.as_ref().map(integration).transpose()
    }

    /// The integration with that id.
    pub async fn integration_by_id(&self, id: IntegrationId) -> Result<Option<Integration>> {
        let row = sqlx::query(BY_ID).bind(id.to_string()).fetch_optional(self.reader()).await?;
        row.as_ref().map(integration).transpose()
    }

    /// Every integration of every workspace, for a directory in memory; the drafts' files are left out.
    pub async fn all_integrations(&self) -> Result<Vec<Integration>> {
        let rows = sqlx::query(ALL).fetch_all(self.reader()).await?;
        rows.iter().map(integration).collect()
    }

    /// A page of a workspace's integrations, by name; the drafts' files are left out.
    pub async fn list_integrations(&self, workspace: &str, request: PageRequest<String>) -> Result<Page<Integration>> {
        page::page(&ByName { catalog: self, workspace }, request).await
    }
}

/// The integrations of a workspace in the order of their names.
struct ByName<'a> {
    catalog: &'a Catalog,
    workspace: &'a str,
}

macro_rules! between_names {
    () => {
        concat!(
            "SELECT ",
            listed!(),
            " FROM integrations WHERE workspace = $1 AND name > $2 AND ($3 = '' OR name < $3) ORDER BY name "
        )
    };
}
const LIST: &str = concat!(between_names!(), "LIMIT $4");
const LIST_BACKWARDS: &str = concat!(between_names!(), "DESC LIMIT $4");

impl Listing for ByName<'_> {
    type Item = Integration;
    type Cursor = String;

    fn cursor(item: &Integration) -> String {
        item.name.clone()
    }

    async fn read(&self, seek: Seek<String>) -> Result<Vec<Integration>> {
        let rows = sqlx::query(if seek.backwards { LIST_BACKWARDS } else { LIST })
            .bind(self.workspace)
            .bind(seek.after.unwrap_or_default())
            .bind(seek.before.unwrap_or_default())
            .bind(signed(seek.limit))
            .fetch_all(self.catalog.reader())
            .await?;
        rows.iter().map(integration).collect()
    }

    async fn total(&self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar(COUNT).bind(self.workspace).fetch_one(self.catalog.reader()).await?;
        Ok(count.unsigned_abs())
    }
}

fn integration(row: &Row) -> Result<Integration> {
    Ok(Integration {
        id: row.parsed("id")?,
        workspace: row.text("workspace")?,
        name: row.text("name")?,
        description: row.text("description")?,
        trigger: row.parsed("trigger_name")?,
        draft: Draft {
            files: row.json("draft_files")?,
            settings: row.text("draft_settings")?,
            sample: row.text("draft_sample")?,
            lock: row.value("draft_packages")?,
        },
        pause: pause(row)?,
        latest: row.release_number("latest_major", "latest_minor")?,
        created: row.millis("created")?,
        updated: row.millis("updated")?,
    })
}

fn pause(row: &Row) -> Result<Option<Pause>> {
    let Some(at) = row.maybe_millis("paused_at")? else {
        return Ok(None);
    };
    Ok(Some(Pause { note: row.text("pause_note")?, at }))
}

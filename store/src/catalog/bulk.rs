//! Bulk actions: one row each, and a row for every job that it means, with what became of it.

use schedules::Millis;

use super::Catalog;
use super::bulk_model::{Bulk, BulkItem, NewBulk};
use super::open::Row;
use super::row::{Columns, signed};
use crate::{BulkId, Error, Result, kept};

/// The most jobs of one bulk action.
pub const MAX_BULK_JOBS: usize = 100_000;
/// The most bulk actions that are under way at one time.
pub const MAX_BULKS: u64 = 20;

macro_rules! head {
    () => {
        "SELECT id, workspace, integration, action, request, state, created, finished, total, done, skipped, undone, lost \
         FROM bulk_actions "
    };
}

const UNDER_WAY: &str = "SELECT COUNT(*) FROM bulk_actions WHERE state = 'running' OR state = 'undoing'";
const INSERT: &str = "INSERT INTO bulk_actions (id, workspace, integration, action, request, state, created, total, \
                      done, skipped, undone, lost, taken_until) \
                      VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, 0, 0, 0, 0, 0)";
const INSERT_ITEMS: &str = "INSERT INTO bulk_items (bulk, number, job, state) VALUES ";
/// Rows of one statement.
const ROWS: usize = 250;

impl Catalog {
    /// Writes a bulk action down; from then on it is to be gone on with. One more than [`MAX_BULKS`] under way, or more
    /// jobs than [`MAX_BULK_JOBS`], is [`Error::Full`].
    pub async fn start_bulk(&self, new: &NewBulk) -> Result<()> {
        if new.jobs.len() > MAX_BULK_JOBS {
            return Err(Error::Full { what: "jobs of a bulk action", limit: MAX_BULK_JOBS as u64 });
        }
        let mut change = self.begin().await?;
        let under_way: i64 = sqlx::query_scalar(UNDER_WAY).fetch_one(&mut *change).await?;
        if under_way >= signed(MAX_BULKS) {
            return Err(Error::Full { what: "bulk actions under way", limit: MAX_BULKS });
        }
        let id = new.id.to_string();
        sqlx::query(INSERT)
            .bind(&id)
            .bind(&new.workspace)
            .bind(new.integration.to_string())
            .bind(new.action.name())
            .bind(&new.request)
            .bind(new.created.0)
            .bind(signed(new.jobs.len()))
            .execute(&mut *change)
            .await?;
        for (chunk, jobs) in new.jobs.chunks(ROWS).enumerate() {
            // The text is made of constants and numbers alone.
            let sql = sqlx::AssertSqlSafe(format!("{INSERT_ITEMS}{}", placeholders(jobs.len())));
            let mut query = sqlx::query(sql).bind(&id);
            for (place, job) in jobs.iter().enumerate() {
                query = query.bind(signed(chunk * ROWS + place)).bind(job.to_string());
            }
            query.execute(&mut *change).await?;
        }
        Ok(change.commit().await?)
    }
}

/// `($1, $2, $3, 'waiting'), ($1, $4, $5, 'waiting'), …`
fn placeholders(rows: usize) -> String {
    let row = |row: usize| format!("($1, ${}, ${}, 'waiting')", 2 * row + 2, 2 * row + 3);
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

const BY_ID: &str = concat!(head!(), "WHERE workspace = $1 AND id = $2");
const NEWEST: &str = concat!(head!(), "WHERE workspace = $1 ORDER BY id DESC LIMIT $2");
const OPEN: &str = concat!(head!(), "WHERE (state = 'running' OR state = 'undoing') AND taken_until <= $1 ORDER BY id");
const REFUSED: &str = "SELECT number, job, state, reason, NULL AS kept FROM bulk_items WHERE bulk = $1 \
                       AND (state = 'skipped' OR state = 'lost') ORDER BY number LIMIT $2";
const REASONS: &str = "SELECT reason, COUNT(*) AS count FROM bulk_items WHERE bulk = $1 \
                       AND (state = 'skipped' OR state = 'lost') GROUP BY reason ORDER BY reason";

impl Catalog {
    /// One bulk action.
    pub async fn bulk(&self, workspace: &str, id: BulkId) -> Result<Option<Bulk>> {
        let row = sqlx::query(BY_ID).bind(workspace).bind(id.to_string()).fetch_optional(self.reader()).await?;
        row.as_ref().map(bulk).transpose()
    }

    /// The newest bulk actions.
    pub async fn bulks(&self, workspace: &str, limit: usize) -> Result<Vec<Bulk>> {
        let rows = sqlx::query(NEWEST).bind(workspace).bind(signed(limit)).fetch_all(self.reader()).await?;
        rows.iter().map(bulk).collect()
    }

    /// Those that are to be gone on with and that no process works on at `now`.
    pub async fn open_bulks(&self, now: Millis) -> Result<Vec<Bulk>> {
        let rows = sqlx::query(OPEN).bind(now.0).fetch_all(self.reader()).await?;
        rows.iter().map(bulk).collect()
    }

    /// The first jobs that were skipped or could not be put back.
    pub async fn refused_bulk_items(&self, id: BulkId, limit: usize) -> Result<Vec<BulkItem>> {
        let query = sqlx::query(REFUSED).bind(id.to_string()).bind(signed(limit));
        query.fetch_all(self.reader()).await?.iter().map(item).collect()
    }

    /// Why jobs were skipped or could not be put back, and how many for each reason.
    pub async fn bulk_reasons(&self, id: BulkId) -> Result<Vec<(String, u64)>> {
        let rows = sqlx::query(REASONS).bind(id.to_string()).fetch_all(self.reader()).await?;
        let read = |row: &Row| Ok((row.value::<Option<String>>("reason")?.unwrap_or_default(), row.number("count")?));
        rows.iter().map(read).collect()
    }
}

const STOP: &str = "UPDATE bulk_actions SET state = 'stopped', finished = $3 \
                    WHERE workspace = $1 AND id = $2 AND state = 'running'";
const UNDO: &str = "UPDATE bulk_actions SET state = 'undoing' WHERE workspace = $1 AND id = $2 AND action = 'cancel' \
                    AND (state = 'stopped' OR state = 'finished') AND finished >= $3";

impl Catalog {
    /// Ends a running one before its end; `false` if it is not running.
    pub async fn stop_bulk(&self, workspace: &str, id: BulkId, now: Millis) -> Result<bool> {
        let mut change = self.begin().await?;
        let query = sqlx::query(STOP).bind(workspace).bind(id.to_string()).bind(now.0);
        let stopped = query.execute(&mut *change).await?.rows_affected();
        change.commit().await?;
        Ok(stopped > 0)
    }

    /// Has everything that it cancelled put back, if it came to its end at `since` or later.
    pub async fn undo_bulk(&self, workspace: &str, id: BulkId, since: Millis) -> Result<bool> {
        let mut change = self.begin().await?;
        let query = sqlx::query(UNDO).bind(workspace).bind(id.to_string()).bind(since.0);
        let begun = query.execute(&mut *change).await?.rows_affected();
        change.commit().await?;
        Ok(begun > 0)
    }
}

fn bulk(row: &Row) -> Result<Bulk> {
    Ok(Bulk {
        id: row.parsed("id")?,
        workspace: row.text("workspace")?,
        integration: row.parsed("integration")?,
        action: row.parsed("action")?,
        request: row.text("request")?,
        state: row.parsed("state")?,
        created: row.millis("created")?,
        finished: row.maybe_millis("finished")?,
        total: row.number("total")?,
        done: row.number("done")?,
        skipped: row.number("skipped")?,
        undone: row.number("undone")?,
        lost: row.number("lost")?,
    })
}

/// A row of an item.
pub(super) fn item(row: &Row) -> Result<BulkItem> {
    Ok(BulkItem {
        number: row.number("number")?,
        job: row.parsed("job")?,
        state: row.parsed("state")?,
        reason: row.value("reason")?,
        kept: row.value::<Option<String>>("kept")?.as_deref().map(kept::decode).transpose()?,
    })
}

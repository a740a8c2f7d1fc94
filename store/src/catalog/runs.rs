//! The history: runs are recorded in batches, once, and then only read until they are pruned.

use serde::{Deserialize, Serialize};

use super::counters::{self, Tally, tallied};
use super::open::{Change, Db, Row};
use super::page::{self, Listing, Seek};
use super::row::{Columns, signed, to_json};
use super::{Catalog, LogLine, RunFilter, RunRecord};
use crate::queue::{MAX_BATCH, Page, PageRequest};
use crate::{Error, JobId, Result, RunId};

/// A query with values bound to it.
type Query<'q> = sqlx::query::Query<'q, Db, <Db as sqlx::Database>::Arguments>;

/// A log line as it is stored.
#[derive(Deserialize, Serialize)]
struct StoredLine {
    at: u32,
    level: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl RunRecord {
    /// What a run is taken to occupy beside its texts: its other columns and its places in the indexes.
    pub const OVERHEAD_BYTES: u64 = 768;
}

macro_rules! head {
    () => {
        "id, workspace, integration, integration_name, job, release_major, release_minor, cause, attempt, outcome, \
         queued, due, started, finished, bytes, job_key, error, result"
    };
}

const INSERT: &str = concat!("INSERT INTO runs (", head!(), ", logs) VALUES ");
const ONCE: &str = concat!(" ON CONFLICT (id) DO NOTHING RETURNING ", tallied!());
/// Columns of a row.
const COLUMNS: usize = 19;
/// Rows of one statement: 608 values, below the least limit of any database (999), and few enough distinct texts of
/// the statement that all stay prepared.
const ROWS: usize = 32;

impl Catalog {
    /// Records runs, at most [`MAX_BATCH`]; one whose id is known already is left as it is.
    pub async fn record(&self, runs: Vec<RunRecord>) -> Result<()> {
        if runs.len() > MAX_BATCH {
            return Err(Error::TooMany { what: "recording runs", limit: MAX_BATCH });
        }
        let logs = runs.iter().map(stored_logs).collect::<Result<Vec<_>>>()?;
        let mut change = self.begin().await?;
        let mut tally = Tally::default();
        for (runs, logs) in runs.chunks(ROWS).zip(logs.chunks(ROWS)) {
            tally.count(&insert(&mut change, runs, logs).await?)?;
        }
        counters::add(&mut change, &tally).await?;
        Ok(change.commit().await?)
    }
}

/// Inserts rows; returns the counted columns of those that were new.
async fn insert(change: &mut Change, runs: &[RunRecord], logs: &[String]) -> Result<Vec<Row>> {
    // The text is made of constants and numbers alone.
    let sql = sqlx::AssertSqlSafe(format!("{INSERT}{}{ONCE}", placeholders(runs.len())));
    let bound = runs.iter().zip(logs).fold(sqlx::query(sql), |query, (run, logs)| bind(query, run, logs));
    Ok(bound.fetch_all(&mut **change).await?)
}

/// `($1, …, $19), ($20, …, $38), …`
fn placeholders(rows: usize) -> String {
    let row = |row: usize| {
        let numbers: Vec<String> = (1..=COLUMNS).map(|column| format!("${}", row * COLUMNS + column)).collect();
        format!("({})", numbers.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

fn bind<'q>(query: Query<'q>, run: &RunRecord, logs: &str) -> Query<'q> {
    query
        .bind(run.id.to_string())
        .bind(run.workspace.clone())
        .bind(run.integration.to_string())
        .bind(run.integration_name.clone())
        .bind(run.job.to_string())
        .bind(run.release.map(|release| i64::from(release.major)))
        .bind(run.release.map(|release| i64::from(release.minor)))
        .bind(run.cause.to_string())
        .bind(i64::from(run.attempt))
        .bind(run.outcome.name())
        .bind(run.queued.0)
        .bind(run.due.0)
        .bind(run.started.map(|at| at.0))
        .bind(run.finished.0)
        .bind(signed(bytes(run, logs)))
        .bind(run.key.clone())
        .bind(run.error.clone())
        .bind(run.result.clone())
        .bind(logs.to_owned())
}

fn bytes(run: &RunRecord, logs: &str) -> u64 {
    let texts = [&run.key, &run.error, &run.result].into_iter().flatten().map(|text| text.len() as u64);
    RunRecord::OVERHEAD_BYTES + logs.len() as u64 + texts.sum::<u64>()
}

fn stored_logs(run: &RunRecord) -> Result<String> {
    let line = |line: &LogLine| StoredLine {
        at: line.at_ms,
        level: line.level.clone(),
        message: line.message.clone(),
        detail: line.detail.clone(),
    };
    to_json("logs", &run.logs.iter().map(line).collect::<Vec<_>>())
}

const BY_ID: &str = concat!("SELECT ", head!(), ", logs FROM runs WHERE id = $1");
const LATEST_OF: &str =
    concat!("SELECT ", head!(), ", logs FROM runs WHERE job = $1 ORDER BY finished DESC, id DESC LIMIT 1");

impl Catalog {
    /// The run with that id, with its log.
    pub async fn run(&self, id: RunId) -> Result<Option<RunRecord>> {
        let row = sqlx::query(BY_ID).bind(id.to_string()).fetch_optional(self.reader()).await?;
        row.as_ref().map(run).transpose()
    }

    /// The run of a job that finished last, with its log.
    pub async fn latest_run_of(&self, job: JobId) -> Result<Option<RunRecord>> {
        let row = sqlx::query(LATEST_OF).bind(job.to_string()).fetch_optional(self.reader()).await?;
        row.as_ref().map(run).transpose()
    }

    /// A page of a workspace's runs, newest id first; their logs are left out.
    pub async fn list_runs(
        &self,
        workspace: &str,
        filter: RunFilter,
        request: PageRequest<RunId>,
    ) -> Result<Page<RunRecord>> {
        page::page(&Filtered { catalog: self, workspace, filter }, request).await
    }
}

/// The runs of a workspace that pass a filter, from the highest id down.
pub(super) struct Filtered<'a> {
    pub catalog: &'a Catalog,
    pub workspace: &'a str,
    pub filter: RunFilter,
}

const LIST: &str = concat!("SELECT ", head!(), ", '[]' AS logs FROM runs WHERE ");
const AFTER: &str = " AND id < $7";
const BEFORE: &str = " AND id > $8";
const BETWEEN: &str = " AND id > $8 AND id || '' < $7";
const NEWEST_FIRST: &str = " ORDER BY id DESC LIMIT $9";
const OLDEST_FIRST: &str = " ORDER BY id LIMIT $9";
const COUNT: &str = "SELECT COUNT(*) FROM runs WHERE ";
const SUM: &str = "SELECT CAST(COALESCE(SUM(runs), 0) AS BIGINT) FROM run_counters WHERE ";

impl Filtered<'_> {
    /// The conditions in force. The narrowest comparison is left bare, for the planner to find its index; the others
    /// are of an expression, so that none of them tempts it to another index. `by_age` calls the times the narrowest.
    fn conditions(&self, by_age: bool) -> String {
        let RunFilter { integration, outcome, job, from, to } = &self.filter;
        let mut narrowed = by_age || job.is_some();
        let mut sql = if narrowed { "workspace || '' = $1" } else { "workspace = $1" }.to_owned();
        let narrowing = [
            (job.is_some(), " AND job = $4", " AND job = $4"),
            (integration.is_some(), " AND integration = $2", " AND integration || '' = $2"),
            (outcome.is_some(), " AND outcome = $3", " AND outcome || '' = $3"),
        ];
        for (_, bare, wrapped) in narrowing.into_iter().filter(|(wanted, ..)| *wanted) {
            sql.push_str(if narrowed { wrapped } else { bare });
            narrowed = true;
        }
        sql.push_str(if from.is_some() { " AND finished >= $5" } else { "" });
        sql.push_str(if to.is_some() { " AND finished < $6" } else { "" });
        sql
    }

    /// The statement of [`Listing::read`], with one range of ids at most: SQLite's planner takes any range for a narrow
    /// one, and two for narrower than an integration.
    pub fn list_sql(&self, seek: &Seek<RunId>) -> String {
        let bounds = match (&seek.after, &seek.before) {
            (None, None) => "",
            (Some(_), None) => AFTER,
            (None, Some(_)) => BEFORE,
            (Some(_), Some(_)) => BETWEEN,
        };
        let order = if seek.backwards { OLDEST_FIRST } else { NEWEST_FIRST };
        format!("{LIST}{}{bounds}{order}", self.conditions(false))
    }

    /// The statement of [`Listing::total`]: from the counters, unless the filter names what they do not tell apart.
    pub fn total_sql(&self) -> String {
        let RunFilter { job, from, to, .. } = &self.filter;
        let timed = from.is_some() || to.is_some();
        let table = if job.is_some() || timed { COUNT } else { SUM };
        format!("{table}{}", self.conditions(timed && job.is_none()))
    }

    /// A query on constants, with the values of the conditions bound; those not in force are bound and not used.
    pub fn query(&self, sql: String) -> Query<'static> {
        let RunFilter { integration, outcome, job, from, to } = &self.filter;
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(self.workspace.to_owned())
            .bind(integration.map(|id| id.to_string()))
            .bind(outcome.map(|outcome| outcome.name()))
            .bind(job.map(|id| id.to_string()))
            .bind(from.map(|at| at.0))
            .bind(to.map(|at| at.0))
    }
}

impl Listing for Filtered<'_> {
    type Item = RunRecord;
    type Cursor = RunId;

    fn cursor(item: &RunRecord) -> RunId {
        item.id
    }

    async fn read(&self, seek: Seek<RunId>) -> Result<Vec<RunRecord>> {
        let rows = self
            .query(self.list_sql(&seek))
            .bind(seek.after.map(|id| id.to_string()))
            .bind(seek.before.map(|id| id.to_string()))
            .bind(signed(seek.limit))
            .fetch_all(self.catalog.reader())
            .await?;
        rows.iter().map(run).collect()
    }

    async fn total(&self) -> Result<u64> {
        let row = self.query(self.total_sql()).fetch_one(self.catalog.reader()).await?;
        let total: i64 = sqlx::Row::try_get(&row, 0)?;
        Ok(total.unsigned_abs())
    }
}

fn run(row: &Row) -> Result<RunRecord> {
    let lines: Vec<StoredLine> = row.json("logs")?;
    let line =
        |line: StoredLine| LogLine { at_ms: line.at, level: line.level, message: line.message, detail: line.detail };
    Ok(RunRecord {
        id: row.parsed("id")?,
        job: row.parsed("job")?,
        integration: row.parsed("integration")?,
        workspace: row.text("workspace")?,
        integration_name: row.text("integration_name")?,
        release: row.release_number("release_major", "release_minor")?,
        cause: row.parsed("cause")?,
        attempt: row.number("attempt")?,
        outcome: row.parsed("outcome")?,
        queued: row.millis("queued")?,
        due: row.millis("due")?,
        started: row.maybe_millis("started")?,
        finished: row.millis("finished")?,
        key: row.value("job_key")?,
        result: row.value("result")?,
        error: row.value("error")?,
        logs: lines.into_iter().map(line).collect(),
    })
}

//! Schedules: put under a name, changed, paused, listed; and the revisions they had.

use schedules::Millis;

use super::error::missing;
use super::open::{Change, Row};
use super::page::{self, Listing, Seek};
use super::row::{Columns, signed};
use super::{Catalog, Pause};
use crate::queue::{MAX_BATCH, Page, PageRequest, ScheduleRef};
use crate::{Error, IntegrationId, Result, ScheduleId};

/// The most schedules one integration may have.
pub const MAX_SCHEDULES: u64 = 200_000;

/// A schedule as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSchedule {
    /// Which it is.
    pub id: ScheduleRef,
    /// Its name, unique in its integration.
    pub name: String,
    /// The number of its last change; those of all schedules and backfills are one sequence.
    pub changed: u64,
    /// The number of its revision, from 1.
    pub revision: u32,
    /// When the revision began.
    pub since: Millis,
    /// Whether it is paused, and who said so.
    pub pause: Option<(Pause, String)>,
    /// When the last pause ended.
    pub resumed: Option<Millis>,
    /// How many ticks in a row have failed for good.
    pub failures: u32,
    /// When it was made.
    pub created: Millis,
    /// When it was put last.
    pub updated: Millis,
    /// When it was deleted.
    pub deleted: Option<Millis>,
    /// What its author says of it.
    pub note: String,
    /// The key of its jobs, as JSON text.
    pub key: Option<String>,
    /// The recurrence and the rules, as JSON text.
    pub spec: String,
    /// Fields of the payload of its jobs, as JSON text.
    pub payload: Option<String>,
}

/// What is put under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutSchedule {
    /// Which it will be, if the name is new.
    pub id: ScheduleRef,
    /// Its name.
    pub name: String,
    /// What its author says of it.
    pub note: String,
    /// The key of its jobs, as JSON text.
    pub key: Option<String>,
    /// The recurrence and the rules, as JSON text, always written in the same way.
    pub spec: String,
    /// Fields of the payload of its jobs, as JSON text.
    pub payload: Option<String>,
}

/// What was in force from a time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number, from 1.
    pub revision: u32,
    /// When it began.
    pub since: Millis,
    /// The recurrence and the rules, as JSON text.
    pub spec: String,
}

/// Which schedules of an integration to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScheduleFilter {
    /// All.
    #[default]
    All,
    /// Those that are paused.
    Paused,
    /// Those whose last tick failed for good.
    Failing,
}

macro_rules! columns {
    () => {
        "id, integration, name, changed, revision, since, pause_note, paused_at, paused_by, resumed, failures, created, \
         updated, deleted, note, job_key, spec, payload"
    };
}

const RAISE: &str = "UPDATE catalog_version SET value = value + 1 WHERE id = 3 RETURNING value";

/// Starts a change to schedules; the number is that of the change.
pub(super) async fn begin(catalog: &Catalog) -> Result<(Change, i64)> {
    let mut change = catalog.begin().await?;
    let number = sqlx::query_scalar(RAISE).fetch_one(&mut *change).await?;
    Ok((change, number))
}

const INTEGRATION: &str = "SELECT COUNT(*) FROM integrations WHERE id = $1";
const BY_NAME: &str =
    concat!("SELECT ", columns!(), " FROM schedules WHERE integration = $1 AND name = $2 AND deleted IS NULL");
const COUNT: &str = "SELECT COUNT(*) FROM schedules WHERE integration = $1 AND deleted IS NULL";
const INSERT: &str = concat!(
    "INSERT INTO schedules (id, integration, name, changed, revision, since, failures, created, updated, note, job_key, \
     spec, payload) VALUES ($1, $2, $3, $4, 1, $5, 0, $5, $5, $6, $7, $8, $9) RETURNING ",
    columns!()
);
const UPDATE: &str = concat!(
    "UPDATE schedules SET changed = $2, updated = $3, note = $4, job_key = $5, payload = $6, \
     revision = CASE WHEN spec = $7 THEN revision ELSE revision + 1 END, \
     since = CASE WHEN spec = $7 THEN since ELSE $3 END, spec = $7 WHERE id = $1 RETURNING ",
    columns!()
);
const NOTE_REVISION: &str = "INSERT INTO schedule_revisions (schedule, revision, since, spec) VALUES ($1, $2, $3, $4) \
                             ON CONFLICT (schedule, revision) DO NOTHING";

impl Catalog {
    /// Makes a schedule, or changes the one that has the name; another `spec` is a new revision, which begins `now`. The
    /// same again changes nothing. The answer says whether it was made. One more than [`MAX_SCHEDULES`] is
    /// [`Error::Full`]; an integration that is not there is [`Error::NotFound`].
    pub async fn put_schedule(&self, put: &PutSchedule, now: Millis) -> Result<(StoredSchedule, bool)> {
        let integration = put.id.integration.to_string();
        let (mut change, number) = begin(self).await?;
        let there: i64 = sqlx::query_scalar(INTEGRATION).bind(&integration).fetch_one(&mut *change).await?;
        if there == 0 {
            return Err(missing("integration", &integration));
        }
        let known = sqlx::query(BY_NAME).bind(&integration).bind(&put.name).fetch_optional(&mut *change).await?;
        let known = known.as_ref().map(schedule).transpose()?;
        let made = known.is_none();
        let row = match known {
            Some(known) => {
                let is_same = (&known.note, &known.key, &known.payload, &known.spec)
                    == (&put.note, &put.key, &put.payload, &put.spec);
                if is_same {
                    return Ok((known, false));
                }
                // A revision begins after the one before.
                let since = if known.spec == put.spec { now } else { now.max(known.since) };
                sqlx::query(UPDATE)
                    .bind(known.id.schedule.to_string())
                    .bind(number)
                    .bind(since.0)
                    .bind(&put.note)
                    .bind(&put.key)
                    .bind(&put.payload)
                    .bind(&put.spec)
                    .fetch_one(&mut *change)
                    .await?
            }
            None => {
                let count: i64 = sqlx::query_scalar(COUNT).bind(&integration).fetch_one(&mut *change).await?;
                if count >= signed(MAX_SCHEDULES) {
                    return Err(Error::Full { what: "schedules", limit: MAX_SCHEDULES });
                }
                sqlx::query(INSERT)
                    .bind(put.id.schedule.to_string())
                    .bind(&integration)
                    .bind(&put.name)
                    .bind(number)
                    .bind(now.0)
                    .bind(&put.note)
                    .bind(&put.key)
                    .bind(&put.spec)
                    .bind(&put.payload)
                    .fetch_one(&mut *change)
                    .await?
            }
        };
        let stored = schedule(&row)?;
        sqlx::query(NOTE_REVISION)
            .bind(stored.id.schedule.to_string())
            .bind(i64::from(stored.revision))
            .bind(stored.since.0)
            .bind(&stored.spec)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok((stored, made))
    }
}

const PAUSE: &str = concat!(
    "UPDATE schedules SET changed = $2, pause_note = $3, paused_at = $4, paused_by = $5 \
     WHERE id = $1 AND deleted IS NULL RETURNING ",
    columns!()
);
const RESUME: &str = concat!(
    "UPDATE schedules SET changed = $2, pause_note = NULL, paused_at = NULL, paused_by = NULL, failures = 0, \
     resumed = CASE WHEN paused_at IS NULL THEN resumed ELSE $3 END WHERE id = $1 AND deleted IS NULL RETURNING ",
    columns!()
);
const DELETE: &str = "UPDATE schedules SET changed = $2, deleted = $3 WHERE id = $1 AND deleted IS NULL";
const RESUME_ALL: &str = "UPDATE schedules SET changed = $2, resumed = $3 WHERE integration = $1 AND deleted IS NULL";

impl Catalog {
    /// Pauses a schedule; `by` is who.
    pub async fn pause_schedule(&self, id: ScheduleId, pause: &Pause, by: &str) -> Result<StoredSchedule> {
        let (mut change, number) = begin(self).await?;
        let row = sqlx::query(PAUSE)
            .bind(id.to_string())
            .bind(number)
            .bind(&pause.note)
            .bind(pause.at.0)
            .bind(by)
            .fetch_optional(&mut *change)
            .await?
            .ok_or_else(|| missing("schedule", id))?;
        change.commit().await?;
        schedule(&row)
    }

    /// Lets it fire again, from `now` on; failures count from 0.
    pub async fn resume_schedule(&self, id: ScheduleId, now: Millis) -> Result<StoredSchedule> {
        let (mut change, number) = begin(self).await?;
        let row = sqlx::query(RESUME)
            .bind(id.to_string())
            .bind(number)
            .bind(now.0)
            .fetch_optional(&mut *change)
            .await?
            .ok_or_else(|| missing("schedule", id))?;
        change.commit().await?;
        schedule(&row)
    }

    /// Notes that the pause of a whole integration ends `now`, for each of its schedules.
    pub async fn resume_schedules_of(&self, integration: IntegrationId, now: Millis) -> Result<()> {
        let (mut change, number) = begin(self).await?;
        sqlx::query(RESUME_ALL).bind(integration.to_string()).bind(number).bind(now.0).execute(&mut *change).await?;
        Ok(change.commit().await?)
    }

    /// Deletes a schedule; its name is free, its ledger stays until it is pruned. `false` if there is none.
    pub async fn delete_schedule(&self, id: ScheduleId, now: Millis) -> Result<bool> {
        let (mut change, number) = begin(self).await?;
        let done = sqlx::query(DELETE).bind(id.to_string()).bind(number).bind(now.0).execute(&mut *change).await?;
        change.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}

const FAILED: &str = "UPDATE schedules SET failures = failures + 1, changed = $2 WHERE id = $1 AND deleted IS NULL";
const SUCCEEDED: &str = "UPDATE schedules SET failures = 0, changed = $2 WHERE id = $1 AND failures > 0";

impl Catalog {
    /// Counts how ticks ended, in their order: `true` for good.
    pub async fn count_ends(&self, ends: &[(ScheduleId, bool)]) -> Result<()> {
        let (mut change, number) = begin(self).await?;
        let mut changed = 0;
        for (schedule, succeeded) in ends {
            let done = sqlx::query(if *succeeded { SUCCEEDED } else { FAILED })
                .bind(schedule.to_string())
                .bind(number)
                .execute(&mut *change)
                .await?;
            changed += done.rows_affected();
        }
        // Mostly all goes well, and nothing is to be written.
        if changed == 0 { Ok(()) } else { Ok(change.commit().await?) }
    }
}

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM schedules WHERE id = $1");
const CHANGED: &str =
    concat!("SELECT ", columns!(), " FROM schedules WHERE changed > $1 ORDER BY changed, id LIMIT $2");
const CHANGED_WITH: &str =
    concat!("SELECT ", columns!(), " FROM schedules WHERE changed = $1 AND id > $2 ORDER BY id LIMIT $3");
const REVISIONS: &str = "SELECT revision, since, spec FROM schedule_revisions WHERE schedule = $1 ORDER BY revision";
const REVISION: &str = "SELECT revision, since, spec FROM schedule_revisions WHERE schedule = $1 AND revision = $2";
const FORGOTTEN: &str = "SELECT id, integration FROM schedules WHERE deleted < $1 ORDER BY deleted LIMIT $2";
const FORGET: &str = "DELETE FROM schedules WHERE id = $1 AND deleted IS NOT NULL";

impl Catalog {
    /// The schedule of that name.
    pub async fn schedule(&self, integration: IntegrationId, name: &str) -> Result<Option<StoredSchedule>> {
        let query = sqlx::query(BY_NAME).bind(integration.to_string()).bind(name);
        query.fetch_optional(self.reader()).await?.as_ref().map(schedule).transpose()
    }

    /// The schedule with that id, deleted or not.
    pub async fn schedule_by_id(&self, id: ScheduleId) -> Result<Option<StoredSchedule>> {
        let row = sqlx::query(BY_ID).bind(id.to_string()).fetch_optional(self.reader()).await?;
        row.as_ref().map(schedule).transpose()
    }

    /// The schedules whose last change comes after the place `after` (its number, and the id of the last one read that
    /// has it), about [`MAX_BATCH`] of them, in the order of changes.
    pub async fn changed_schedules(&self, after: (u64, Option<ScheduleId>)) -> Result<Vec<StoredSchedule>> {
        let (number, id) = after;
        let mut rows = Vec::new();
        if let Some(id) = id {
            let query = sqlx::query(CHANGED_WITH).bind(signed(number)).bind(id.to_string()).bind(signed(MAX_BATCH));
            rows = query.fetch_all(self.reader()).await?;
        }
        if rows.is_empty() {
            rows = sqlx::query(CHANGED).bind(signed(number)).bind(signed(MAX_BATCH)).fetch_all(self.reader()).await?;
        }
        rows.iter().map(schedule).collect()
    }

    /// Every revision of a schedule, oldest first.
    pub async fn revisions(&self, id: ScheduleId) -> Result<Vec<Revision>> {
        let rows = sqlx::query(REVISIONS).bind(id.to_string()).fetch_all(self.reader()).await?;
        rows.iter().map(revision).collect()
    }

    /// One revision of a schedule.
    pub async fn revision(&self, id: ScheduleId, number: u32) -> Result<Option<Revision>> {
        let query = sqlx::query(REVISION).bind(id.to_string()).bind(i64::from(number));
        query.fetch_optional(self.reader()).await?.as_ref().map(revision).transpose()
    }

    /// Schedules that were deleted before this time, at most [`MAX_BATCH`].
    pub async fn long_deleted_schedules(&self, before: Millis) -> Result<Vec<ScheduleRef>> {
        let rows = sqlx::query(FORGOTTEN).bind(before.0).bind(signed(MAX_BATCH)).fetch_all(self.reader()).await?;
        rows.iter().map(reference).collect()
    }

    /// Forgets deleted schedules for good, with their revisions and backfills.
    pub async fn forget_schedules(&self, schedules: &[ScheduleRef]) -> Result<()> {
        let mut change = self.begin().await?;
        for schedule in schedules {
            sqlx::query(FORGET).bind(schedule.schedule.to_string()).execute(&mut *change).await?;
        }
        Ok(change.commit().await?)
    }

    /// A page of an integration's schedules, by name.
    pub async fn list_schedules(
        &self,
        integration: IntegrationId,
        filter: ScheduleFilter,
        request: PageRequest<String>,
    ) -> Result<Page<StoredSchedule>> {
        page::page(&ByName { catalog: self, integration, filter }, request).await
    }
}

struct ByName<'a> {
    catalog: &'a Catalog,
    integration: IntegrationId,
    filter: ScheduleFilter,
}

impl ByName<'_> {
    fn narrowed(&self) -> &'static str {
        match self.filter {
            ScheduleFilter::All => "",
            ScheduleFilter::Paused => " AND paused_at IS NOT NULL",
            ScheduleFilter::Failing => " AND failures > 0",
        }
    }
}

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM schedules WHERE integration = $1 AND deleted IS NULL AND name > $2 AND ($3 = '' OR name < $3)"
);

impl Listing for ByName<'_> {
    type Item = StoredSchedule;
    type Cursor = String;

    fn cursor(item: &StoredSchedule) -> String {
        item.name.clone()
    }

    async fn read(&self, seek: Seek<String>) -> Result<Vec<StoredSchedule>> {
        let order = if seek.backwards { "name DESC" } else { "name" };
        // The text is made of constants alone.
        let sql = sqlx::AssertSqlSafe(format!("{LIST}{} ORDER BY {order} LIMIT $4", self.narrowed()));
        let rows = sqlx::query(sql)
            .bind(self.integration.to_string())
            .bind(seek.after.unwrap_or_default())
            .bind(seek.before.unwrap_or_default())
            .bind(signed(seek.limit))
            .fetch_all(self.catalog.reader())
            .await?;
        rows.iter().map(schedule).collect()
    }

    async fn total(&self) -> Result<u64> {
        let sql = sqlx::AssertSqlSafe(format!("{COUNT}{}", self.narrowed()));
        let query = sqlx::query_scalar(sql).bind(self.integration.to_string());
        let count: i64 = query.fetch_one(self.catalog.reader()).await?;
        Ok(count.unsigned_abs())
    }
}

fn reference(row: &Row) -> Result<ScheduleRef> {
    Ok(ScheduleRef { integration: row.parsed("integration")?, schedule: row.parsed("id")? })
}

fn revision(row: &Row) -> Result<Revision> {
    Ok(Revision { revision: row.number("revision")?, since: row.millis("since")?, spec: row.text("spec")? })
}

fn schedule(row: &Row) -> Result<StoredSchedule> {
    let pause = match row.maybe_millis("paused_at")? {
        Some(at) => Some((Pause { note: row.text("pause_note")?, at }, row.text("paused_by")?)),
        None => None,
    };
    Ok(StoredSchedule {
        id: reference(row)?,
        name: row.text("name")?,
        changed: row.number("changed")?,
        revision: row.number("revision")?,
        since: row.millis("since")?,
        pause,
        resumed: row.maybe_millis("resumed")?,
        failures: row.number("failures")?,
        created: row.millis("created")?,
        updated: row.millis("updated")?,
        deleted: row.maybe_millis("deleted")?,
        note: row.text("note")?,
        key: row.value("job_key")?,
        spec: row.text("spec")?,
        payload: row.value("payload")?,
    })
}

//! The ledger of ticks: what became of each, written once and read in the order of nominal times.

use schedules::Millis;

use super::Catalog;
use super::open::Row;
use super::page::{self, Listing, Seek};
use super::row::{Columns, signed, unreadable};
use crate::queue::{MAX_BATCH, Page, PageRequest, TickRecord, Verdict};
use crate::{JobId, Result, ScheduleId};

const INSERT: &str = "INSERT INTO ticks (schedule, first_tick, job, last_tick, tick_count, verdict, reason, cause, \
                      effective, revision, recorded, integration) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
                      ON CONFLICT (schedule, first_tick, job) DO NOTHING";

macro_rules! columns {
    () => {
        "schedule, first_tick, job, last_tick, tick_count, verdict, reason, cause, effective, revision, recorded, \
         integration"
    };
}

/// The place of a record in its list: newest tick first.
pub type TickPlace = (Millis, String);

impl Catalog {
    /// Writes records; those that are there stay as they are.
    pub async fn record_ticks(&self, records: &[TickRecord]) -> Result<()> {
        let mut change = self.begin().await?;
        for record in records {
            let (verdict, reason) = record.verdict.words();
            sqlx::query(INSERT)
                .bind(record.schedule.schedule.to_string())
                .bind(record.first.0)
                .bind(record.job.map(|job| job.to_string()).unwrap_or_default())
                .bind(record.last.0)
                .bind(record.count.map(signed))
                .bind(verdict)
                .bind(reason)
                .bind(record.cause.map(|cause| cause.to_string()))
                .bind(record.effective.map(|at| at.0))
                .bind(i64::from(record.revision))
                .bind(record.recorded.0)
                .bind(record.schedule.integration.to_string())
                .execute(&mut *change)
                .await?;
        }
        Ok(change.commit().await?)
    }
}

const BETWEEN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM ticks WHERE schedule = $1 AND (first_tick, job) > ($2, $3) AND first_tick <= $4 \
     ORDER BY first_tick, job LIMIT $5"
);
const LAST_BEFORE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM ticks WHERE schedule = $1 AND first_tick < $2 AND last_tick >= $2 ORDER BY first_tick DESC, job DESC LIMIT 1"
);
const PRUNE: &str = "DELETE FROM ticks WHERE (schedule, first_tick, job) IN \
                     (SELECT schedule, first_tick, job FROM ticks WHERE recorded < $1 ORDER BY recorded LIMIT $2)";
const COUNT_OLD: &str = "SELECT recorded FROM ticks ORDER BY recorded DESC LIMIT 1 OFFSET $1";

impl Catalog {
    /// Records of a schedule after a place (time of the first tick and job) whose first tick is at most `until`, in order,
    /// at most [`MAX_BATCH`].
    pub async fn ticks_between(
        &self,
        schedule: ScheduleId,
        after: (Millis, Option<JobId>),
        until: Millis,
    ) -> Result<Vec<TickRecord>> {
        let (at, job) = after;
        let rows = sqlx::query(BETWEEN)
            .bind(schedule.to_string())
            .bind(at.0)
            .bind(job.map(|job| job.to_string()).unwrap_or_default())
            .bind(until.0)
            .bind(signed(MAX_BATCH))
            .fetch_all(self.reader())
            .await?;
        rows.iter().map(record).collect()
    }

    /// The record of several ticks that begins before a time and reaches it.
    pub async fn tick_range_over(&self, schedule: ScheduleId, at: Millis) -> Result<Option<TickRecord>> {
        let query = sqlx::query(LAST_BEFORE).bind(schedule.to_string()).bind(at.0);
        query.fetch_optional(self.reader()).await?.as_ref().map(record).transpose()
    }

    /// Forgets records that were made before `before`, and of more than `max_count` the oldest; at most `limit` rows.
    pub async fn prune_ticks(&self, before: Millis, max_count: u64, limit: usize) -> Result<u64> {
        let bound: Option<i64> =
            sqlx::query_scalar(COUNT_OLD).bind(signed(max_count)).fetch_optional(self.reader()).await?;
        let before = bound.map_or(before, |bound| before.max(Millis(bound + 1)));
        let mut change = self.begin().await?;
        let done = sqlx::query(PRUNE).bind(before.0).bind(signed(limit)).execute(&mut *change).await?;
        change.commit().await?;
        Ok(done.rows_affected())
    }

    /// A page of a schedule's records, newest tick first.
    pub async fn list_ticks(&self, schedule: ScheduleId, request: PageRequest<TickPlace>) -> Result<Page<TickRecord>> {
        page::page(&Newest { catalog: self, schedule }, request).await
    }
}

struct Newest<'a> {
    catalog: &'a Catalog,
    schedule: ScheduleId,
}

macro_rules! within {
    () => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM ticks WHERE schedule = $1 AND (first_tick, job) < ($2, $3) AND (first_tick, job) > ($4, $5) \
             ORDER BY first_tick "
        )
    };
}
const LIST: &str = concat!(within!(), "DESC, job DESC LIMIT $6");
const LIST_BACKWARDS: &str = concat!(within!(), ", job LIMIT $6");
const COUNT: &str = "SELECT COUNT(*) FROM ticks WHERE schedule = $1";

impl Listing for Newest<'_> {
    type Item = TickRecord;
    type Cursor = TickPlace;

    fn cursor(item: &TickRecord) -> TickPlace {
        (item.first, item.job.map(|job| job.to_string()).unwrap_or_default())
    }

    async fn read(&self, seek: Seek<TickPlace>) -> Result<Vec<TickRecord>> {
        let (newest, oldest) = ((Millis(i64::MAX), String::new()), (Millis(i64::MIN), String::new()));
        let (before, after) = (seek.after.unwrap_or(newest), seek.before.unwrap_or(oldest));
        let rows = sqlx::query(if seek.backwards { LIST_BACKWARDS } else { LIST })
            .bind(self.schedule.to_string())
            .bind(before.0.0)
            .bind(before.1)
            .bind(after.0.0)
            .bind(after.1)
            .bind(signed(seek.limit))
            .fetch_all(self.catalog.reader())
            .await?;
        rows.iter().map(record).collect()
    }

    async fn total(&self) -> Result<u64> {
        let query = sqlx::query_scalar(COUNT).bind(self.schedule.to_string());
        let count: i64 = query.fetch_one(self.catalog.reader()).await?;
        Ok(count.unsigned_abs())
    }
}

fn record(row: &Row) -> Result<TickRecord> {
    let (verdict, reason) = (row.text("verdict")?, row.text("reason")?);
    let cause: Option<String> = row.value("cause")?;
    let job = row.text("job")?;
    let count: Option<i64> = row.value("tick_count")?;
    Ok(TickRecord {
        schedule: crate::queue::ScheduleRef {
            integration: row.parsed("integration")?,
            schedule: row.parsed("schedule")?,
        },
        first: row.millis("first_tick")?,
        last: row.millis("last_tick")?,
        count: count.map(i64::unsigned_abs),
        verdict: Verdict::from_words(&verdict, &reason)
            .ok_or_else(|| unreadable("verdict", format!("{verdict}/{reason}")))?,
        job: if job.is_empty() { None } else { Some(row.parsed("job")?) },
        cause: cause.map(|cause| cause.parse().map_err(|()| unreadable("cause", cause))).transpose()?,
        effective: row.maybe_millis("effective")?,
        revision: row.number("revision")?,
        recorded: row.millis("recorded")?,
    })
}

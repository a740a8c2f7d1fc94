//! Rows of the table `jobs`: how one is written, and how one is read back.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, Statement};
use schedules::{Key, KeyId, Millis};

use super::step::Place;
use crate::body::{self, Columns};
use crate::queue::{Cause, Grant, Job, JobView, Lease, Leased, State, Stored};
use crate::{Error, IntegrationId, JobId, Result, ScheduleId};

/// What [`view`] and [`leased`] read, in their order; `seq` is the first.
macro_rules! columns {
    () => {
        "seq, id, integration, state, cause, priority, due, attempt, lost, token, lease_until, died, key_text, error, body, \
         closes, lane, charged, gate, in_line, weight"
    };
}
pub(super) use columns;

/// The lane of jobs without one; no JSON text is empty.
pub(super) const NO_LANE: &str = "";

macro_rules! id_column {
    ($type:ty) => {
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.to_bytes().to_vec()))
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
                Ok(<$type>::from_bytes(bytes))
            }
        }
    };
}
id_column!(JobId);
id_column!(IntegrationId);
id_column!(ScheduleId);

/// The schedule whose overlap rules look at a job.
fn overlaps_in(job: &Job) -> Option<ScheduleId> {
    job.is_tick().then(|| job.schedule().schedule)
}

/// Adds a pending job; `false` if a job has its id already.
pub(super) fn insert(connection: &Connection, job: &Job, key: Option<KeyId>) -> Result<bool> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO jobs (id, integration, state, cause, schedule, priority, due, closes, lane, key, key_text, body, weight)
         VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (id) DO NOTHING",
    )?;
    let added = statement.execute((
        &job.id.to_bytes()[..],
        &job.integration.to_bytes()[..],
        cause_name(job.cause),
        overlaps_in(job),
        job.priority,
        job.due.0,
        job.closes.map(|closes| closes.0),
        lane_of(job),
        key.as_ref().map(|key| &key.0[..]),
        job.key.as_ref().map(|key| key.canonical()),
        body::encode(job)?,
        job.weight,
    ))?;
    Ok(added == 1)
}

/// Adds a job that another queue held; `false` if one has its id already.
pub(super) fn restore(connection: &Connection, stored: &Stored) -> rusqlite::Result<bool> {
    let Stored { job, .. } = stored;
    let mut statement = connection.prepare_cached(
        "INSERT INTO jobs (seq, id, integration, state, cause, schedule, priority, due, closes, lane, key, key_text, body,
                           attempt, lost, charged, detached, died, error, weight)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
         ON CONFLICT (id) DO NOTHING",
    )?;
    let key = job.key.as_ref().filter(|_| stored.keyed).map(Key::identity);
    let body = body::encode(job).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let added = statement.execute(rusqlite::params![
        i64::try_from(stored.arrival).unwrap_or(i64::MAX),
        job.id,
        job.integration,
        if stored.died.is_some() { 2 } else { 0 },
        cause_name(job.cause),
        overlaps_in(job),
        job.priority,
        job.due.0,
        job.closes.map(|closes| closes.0),
        lane_of(job),
        key.as_ref().map(|key| &key.0[..]),
        job.key.as_ref().map(Key::canonical),
        body,
        stored.attempts,
        stored.lost,
        stored.charged,
        stored.detached,
        stored.died.map(|died| died.0),
        stored.error.as_deref(),
        job.weight,
    ])?;
    Ok(added == 1)
}

fn cause_name(cause: Cause) -> &'static str {
    Cause::ALL.iter().find(|(each, _)| *each == cause).map_or("", |(_, name)| name)
}

fn state(number: i64) -> Result<State> {
    match number {
        0 => Ok(State::Pending),
        1 => Ok(State::Running),
        2 => Ok(State::Dead),
        other => Err(Error::Corrupt(format!("a job is in state {other}"))),
    }
}

/// The job of a row of `columns!()`.
pub(super) fn job(row: &Row<'_>) -> Result<Job> {
    let id: JobId = row.get(1)?;
    let cause = row.get_ref(4)?.as_str().ok().and_then(|name| name.parse().ok());
    let columns = Columns {
        id,
        integration: row.get(2)?,
        cause: cause.ok_or_else(|| Error::Corrupt(format!("job {id}: its cause is unknown")))?,
        priority: row.get(5)?,
        weight: row.get(20)?,
        due: Millis(row.get(6)?),
        closes: row.get::<_, Option<i64>>(15)?.map(Millis),
        lane: row.get::<_, Option<Box<str>>>(16)?.filter(|lane| **lane != *NO_LANE),
        debounce: None,
    };
    let key = row.get_ref(12)?.as_str_or_null().map_err(|error| Error::Corrupt(error.to_string()))?;
    let bytes = row.get_ref(14)?.as_blob().map_err(|error| Error::Corrupt(error.to_string()))?;
    body::decode(columns, key, bytes)
}

/// Everything a row of `columns!()` says.
pub(super) fn view(row: &Row<'_>) -> Result<JobView> {
    Ok(JobView {
        job: job(row)?,
        state: state(row.get(3)?)?,
        attempt: row.get(7)?,
        lost: row.get(8)?,
        charged: row.get(17)?,
        delayed_by_limit: row.get(19)?,
        lease_until: row.get::<_, Option<i64>>(10)?.map(Millis),
        died: row.get::<_, Option<i64>>(11)?.map(Millis),
        error: row.get::<_, Option<String>>(13)?.map(Into::into),
    })
}

/// A row of `columns!()` that was just leased, to be started.
pub(super) fn leased(row: &Row<'_>) -> Result<Leased> {
    let job = job(row)?;
    let lease = Lease { job: job.id, token: row.get::<_, i64>(9)?.cast_unsigned() };
    Ok(Leased { job, lease, attempt: row.get(7)?, lost: row.get(8)?, grant: Grant::Start })
}

/// Where the job of a row of `columns!()` waits, or waited.
pub(super) fn place(row: &Row<'_>) -> Result<Place> {
    Ok(Place { integration: row.get(2)?, lane: row.get(16)?, gate: row.get(18)? })
}

/// Where a job that is put in waits.
pub(super) fn place_of(job: &Job) -> Place {
    Place { integration: job.integration, lane: lane_of(job).into(), gate: None }
}

/// The lane of a job, as the file has it.
fn lane_of(job: &Job) -> &str {
    job.lane.as_deref().unwrap_or(NO_LANE)
}

/// A row of `integration, lane, gate`.
pub(super) fn short_place(row: &Row<'_>) -> Result<Place> {
    Ok(Place { integration: row.get(0)?, lane: row.get(1)?, gate: row.get(2)? })
}

/// A number of rows, for SQL.
pub(super) fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Runs a statement and reads each of its rows.
pub(super) fn all<T>(
    statement: &mut Statement<'_>,
    params: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut rows = statement.query(params)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(read(row)?);
    }
    Ok(out)
}

/// Runs a statement and reads its row, if there is one.
pub(super) fn one<T>(
    statement: &mut Statement<'_>,
    params: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

//! Backfills: ticks of the past that an operator asked for, and how far they are.

use schedules::Millis;

use super::open::Row;
use super::row::{Columns, signed, unreadable};
use super::{Catalog, timetable};
use crate::queue::ScheduleRef;
use crate::{Error, Result, ScheduleId};

/// The most backfills of one schedule that are kept; the oldest that have ended go.
pub const MAX_BACKFILLS: u64 = 100;

/// Where a backfill is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackfillState {
    /// Ticks are left to be fired.
    Running,
    /// All are fired.
    Done,
    /// Somebody stopped it.
    Stopped,
}

impl BackfillState {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Running, "running"), (Self::Done, "done"), (Self::Stopped, "stopped")];

    /// As it is stored and shown.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }
}

/// A backfill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// Its id: its ticks are those of a schedule of their own.
    pub id: ScheduleRef,
    /// The schedule whose ticks they are.
    pub of: ScheduleId,
    /// The first tick is at or after this time.
    pub from: Millis,
    /// The last tick is at or before this time.
    pub to: Millis,
    /// What happens to a tick while an earlier one is still there: `queue` or `allow`.
    pub overlap: String,
    /// How many ticks there are.
    pub total: u64,
    /// How many are fired.
    pub fired: u64,
    /// Where it is.
    pub state: BackfillState,
    /// When it was asked for.
    pub created: Millis,
    /// When it ended.
    pub ended: Option<Millis>,
}

macro_rules! columns {
    () => {
        "id, schedule, integration, from_tick, to_tick, overlap, total, fired, state, created, ended"
    };
}

const INSERT: &str = "INSERT INTO backfills (id, schedule, integration, changed, from_tick, to_tick, overlap, total, fired, \
                      state, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 'running', $9)";
const COUNT: &str = "SELECT COUNT(*) FROM backfills WHERE schedule = $1";
const DROP_OLDEST: &str = "DELETE FROM backfills WHERE id IN (SELECT id FROM backfills WHERE schedule = $1 \
                           AND state <> 'running' ORDER BY id LIMIT 1)";
const PROGRESS: &str = "UPDATE backfills SET fired = $2, changed = $3 WHERE id = $1";
const END: &str = concat!(
    "UPDATE backfills SET state = $2, changed = $3, ended = $4 WHERE id = $1 AND state = 'running' RETURNING ",
    columns!()
);
const RUNNING: &str = concat!("SELECT ", columns!(), " FROM backfills WHERE state = 'running' ORDER BY id LIMIT $1");
const OF: &str = concat!("SELECT ", columns!(), " FROM backfills WHERE schedule = $1 ORDER BY id DESC");

impl Catalog {
    /// Notes a backfill that begins. [`MAX_BACKFILLS`] that run are [`Error::Full`].
    pub async fn add_backfill(&self, new: &Backfill) -> Result<()> {
        let (mut change, number) = timetable::begin(self).await?;
        let of = new.of.to_string();
        let count: i64 = sqlx::query_scalar(COUNT).bind(&of).fetch_one(&mut *change).await?;
        if count >= signed(MAX_BACKFILLS)
            && sqlx::query(DROP_OLDEST).bind(&of).execute(&mut *change).await?.rows_affected() == 0
        {
            return Err(Error::Full { what: "backfills", limit: MAX_BACKFILLS });
        }
        sqlx::query(INSERT)
            .bind(new.id.schedule.to_string())
            .bind(&of)
            .bind(new.id.integration.to_string())
            .bind(number)
            .bind(new.from.0)
            .bind(new.to.0)
            .bind(&new.overlap)
            .bind(signed(new.total))
            .bind(new.created.0)
            .execute(&mut *change)
            .await?;
        Ok(change.commit().await?)
    }

    /// Notes how many of its ticks are fired.
    pub async fn note_backfill(&self, id: ScheduleId, fired: u64) -> Result<()> {
        let (mut change, number) = timetable::begin(self).await?;
        sqlx::query(PROGRESS).bind(id.to_string()).bind(signed(fired)).bind(number).execute(&mut *change).await?;
        Ok(change.commit().await?)
    }

    /// Ends a backfill that runs; `None` if it does not.
    pub async fn end_backfill(&self, id: ScheduleId, state: BackfillState, now: Millis) -> Result<Option<Backfill>> {
        let (mut change, number) = timetable::begin(self).await?;
        let query = sqlx::query(END).bind(id.to_string()).bind(state.name()).bind(number).bind(now.0);
        let row = query.fetch_optional(&mut *change).await?;
        change.commit().await?;
        row.as_ref().map(backfill).transpose()
    }

    /// Backfills that run, at most `limit`.
    pub async fn running_backfills(&self, limit: usize) -> Result<Vec<Backfill>> {
        let rows = sqlx::query(RUNNING).bind(signed(limit)).fetch_all(self.reader()).await?;
        rows.iter().map(backfill).collect()
    }

    /// The backfills of a schedule, newest first.
    pub async fn backfills(&self, of: ScheduleId) -> Result<Vec<Backfill>> {
        let rows = sqlx::query(OF).bind(of.to_string()).fetch_all(self.reader()).await?;
        rows.iter().map(backfill).collect()
    }
}

fn backfill(row: &Row) -> Result<Backfill> {
    let state = row.text("state")?;
    let known = BackfillState::ALL.iter().find(|(_, name)| *name == state).map(|(state, _)| *state);
    Ok(Backfill {
        id: ScheduleRef { integration: row.parsed("integration")?, schedule: row.parsed("id")? },
        of: row.parsed("schedule")?,
        from: row.millis("from_tick")?,
        to: row.millis("to_tick")?,
        overlap: row.text("overlap")?,
        total: row.number("total")?,
        fired: row.number("fired")?,
        state: known.ok_or_else(|| unreadable("state", state))?,
        created: row.millis("created")?,
        ended: row.maybe_millis("ended")?,
    })
}

//! Replays of events: one row each; what is left to do is read from the event log.

use schedules::Millis;

use super::Catalog;
use super::event_model::{EventReplay, ReplayState};
use super::open::Row;
use super::row::{Columns, signed};
use crate::{Error, EventPlace, ReplayId, Result};

/// The most replays that are under way at one time.
pub const MAX_REPLAYS: u64 = 20;

macro_rules! head {
    () => {
        "SELECT id, workspace, integration, request, state, created, finished, after_place, last_place, due, total, done, skipped \
         FROM event_replays "
    };
}

const UNDER_WAY: &str = "SELECT COUNT(*) FROM event_replays WHERE state = 'running'";
const INSERT: &str = "INSERT INTO event_replays (id, workspace, integration, request, state, created, finished, after_place, \
                      last_place, due, total, done, skipped, taken_until) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0)";
const BY_ID: &str = concat!(head!(), "WHERE workspace = $1 AND id = $2");
const NEWEST: &str = concat!(head!(), "WHERE workspace = $1 ORDER BY id DESC LIMIT $2");
const OPEN: &str = concat!(head!(), "WHERE state = 'running' AND taken_until <= $1 ORDER BY id");

impl Catalog {
    /// Writes a replay down; from then on it is to be gone on with. One more than [`MAX_REPLAYS`] under way is
    /// [`Error::Full`].
    pub async fn start_replay(&self, replay: &EventReplay) -> Result<()> {
        let mut change = self.begin().await?;
        let under_way: i64 = sqlx::query_scalar(UNDER_WAY).fetch_one(&mut *change).await?;
        if under_way >= signed(MAX_REPLAYS) {
            return Err(Error::Full { what: "replays of events under way", limit: MAX_REPLAYS });
        }
        sqlx::query(INSERT)
            .bind(replay.id.to_string())
            .bind(&replay.workspace)
            .bind(replay.integration.to_string())
            .bind(&replay.request)
            .bind(replay.state.name())
            .bind(replay.created.0)
            .bind(replay.finished.map(|at| at.0))
            .bind(replay.after.to_string())
            .bind(replay.until.to_string())
            .bind(replay.due.0)
            .bind(signed(replay.total))
            .bind(signed(replay.done))
            .bind(signed(replay.skipped))
            .execute(&mut *change)
            .await?;
        Ok(change.commit().await?)
    }

    /// One replay.
    pub async fn replay(&self, workspace: &str, id: ReplayId) -> Result<Option<EventReplay>> {
        let row = sqlx::query(BY_ID).bind(workspace).bind(id.to_string()).fetch_optional(self.reader()).await?;
        row.as_ref().map(replay).transpose()
    }

    /// The newest replays.
    pub async fn replays(&self, workspace: &str, limit: usize) -> Result<Vec<EventReplay>> {
        let rows = sqlx::query(NEWEST).bind(workspace).bind(signed(limit)).fetch_all(self.reader()).await?;
        rows.iter().map(replay).collect()
    }

    /// Those that are to be gone on with and that no process works on at `now`.
    pub async fn open_replays(&self, now: Millis) -> Result<Vec<EventReplay>> {
        let rows = sqlx::query(OPEN).bind(now.0).fetch_all(self.reader()).await?;
        rows.iter().map(replay).collect()
    }
}

const TAKE: &str =
    "UPDATE event_replays SET taken_until = $2 WHERE id = $1 AND state = 'running' AND taken_until <= $3";
const RELEASE: &str = "UPDATE event_replays SET taken_until = 0 WHERE id = $1 AND taken_until = $2";
const ADVANCE: &str = "UPDATE event_replays SET after_place = $3, due = $4, done = done + $5, skipped = skipped + $6 \
                       WHERE id = $1 AND after_place = $2";
const END: &str =
    "UPDATE event_replays SET state = $3, finished = $4 WHERE workspace = $1 AND id = $2 AND state = 'running'";
const FORGET: &str = "DELETE FROM event_replays WHERE state <> 'running' AND finished < $1";

/// A step of a replay: up to which place, when the next job is due, and what became of the events.
#[derive(Clone, Copy, Debug)]
pub struct ReplayStep {
    /// Everything up to this place has had its turn.
    pub after: EventPlace,
    /// When the next job is due.
    pub due: Millis,
    /// How many jobs were made.
    pub done: u64,
    /// How many events were left out.
    pub skipped: u64,
}

impl Catalog {
    /// Takes it until `until`, if it is running and nobody has it at `now`: one process at a time works on it.
    pub async fn take_replay(&self, id: ReplayId, now: Millis, until: Millis) -> Result<bool> {
        let mut change = self.begin().await?;
        let query = sqlx::query(TAKE).bind(id.to_string()).bind(until.0).bind(now.0);
        let taken = query.execute(&mut *change).await?.rows_affected();
        change.commit().await?;
        Ok(taken > 0)
    }

    /// Leaves it to others, if it was taken until `until`.
    pub async fn release_replay(&self, id: ReplayId, until: Millis) -> Result<()> {
        let mut change = self.begin().await?;
        sqlx::query(RELEASE).bind(id.to_string()).bind(until.0).execute(&mut *change).await?;
        Ok(change.commit().await?)
    }

    /// Writes a step down that was made from `from`; nothing, if another process made it.
    pub async fn advance_replay(&self, id: ReplayId, from: EventPlace, step: ReplayStep) -> Result<()> {
        let mut change = self.begin().await?;
        sqlx::query(ADVANCE)
            .bind(id.to_string())
            .bind(from.to_string())
            .bind(step.after.to_string())
            .bind(step.due.0)
            .bind(signed(step.done))
            .bind(signed(step.skipped))
            .execute(&mut *change)
            .await?;
        Ok(change.commit().await?)
    }

    /// Ends a running one: `false` if it is not running.
    pub async fn end_replay(&self, workspace: &str, id: ReplayId, state: ReplayState, now: Millis) -> Result<bool> {
        let mut change = self.begin().await?;
        let query = sqlx::query(END).bind(workspace).bind(id.to_string()).bind(state.name()).bind(now.0);
        let ended = query.execute(&mut *change).await?.rows_affected();
        change.commit().await?;
        Ok(ended > 0)
    }

    /// Forgets replays that ended before this time.
    pub async fn prune_replays(&self, before: Millis) -> Result<()> {
        let mut change = self.begin().await?;
        sqlx::query(FORGET).bind(before.0).execute(&mut *change).await?;
        Ok(change.commit().await?)
    }
}

fn replay(row: &Row) -> Result<EventReplay> {
    Ok(EventReplay {
        id: row.parsed("id")?,
        workspace: row.text("workspace")?,
        integration: row.parsed("integration")?,
        request: row.text("request")?,
        state: row.parsed("state")?,
        created: row.millis("created")?,
        finished: row.maybe_millis("finished")?,
        after: row.parsed("after_place")?,
        until: row.parsed("last_place")?,
        due: row.millis("due")?,
        total: row.number("total")?,
        done: row.number("done")?,
        skipped: row.number("skipped")?,
    })
}

//! Going on with a bulk action: whose turn it is, which jobs come next, and what became of them.

use schedules::Millis;

use super::Catalog;
use super::bulk::item;
use super::bulk_model::{BulkItem, BulkItemState, BulkState, Judged};
use super::open::Change;
use super::row::signed;
use crate::queue::{Job, MAX_BATCH};
use crate::{BulkId, Result, kept};

const TAKE: &str = "UPDATE bulk_actions SET taken_until = $3 WHERE id = $1 AND state = $2 AND taken_until <= $4";
const RELEASE: &str = "UPDATE bulk_actions SET taken_until = 0 WHERE id = $1 AND taken_until = $2";
const NEXT: &str = "SELECT number, job, state, reason, kept FROM bulk_items WHERE bulk = $1 \
                    AND (state = $2 OR state = $3) ORDER BY number LIMIT $4";

impl Catalog {
    /// Takes it until `until`, if it is in this state and nobody has it at `now`: one process at a time works on it.
    pub async fn take_bulk(&self, id: BulkId, state: BulkState, now: Millis, until: Millis) -> Result<bool> {
        let mut change = self.begin().await?;
        let query = sqlx::query(TAKE).bind(id.to_string()).bind(state.name()).bind(until.0).bind(now.0);
        let taken = query.execute(&mut *change).await?.rows_affected();
        change.commit().await?;
        Ok(taken > 0)
    }

    /// Leaves it to others, if it was taken until `until`.
    pub async fn release_bulk(&self, id: BulkId, until: Millis) -> Result<()> {
        let mut change = self.begin().await?;
        sqlx::query(RELEASE).bind(id.to_string()).bind(until.0).execute(&mut *change).await?;
        Ok(change.commit().await?)
    }

    /// The first jobs in one of two states, at most `limit` (and [`MAX_BATCH`]).
    pub async fn next_bulk_items(
        &self,
        id: BulkId,
        in_state: [BulkItemState; 2],
        limit: usize,
    ) -> Result<Vec<BulkItem>> {
        let [one, other] = in_state.map(BulkItemState::name);
        let query = sqlx::query(NEXT).bind(id.to_string()).bind(one).bind(other).bind(signed(limit.min(MAX_BATCH)));
        query.fetch_all(self.reader()).await?.iter().map(item).collect()
    }
}

const KEEP: &str = "UPDATE bulk_items SET state = 'kept', kept = $3 WHERE bulk = $1 AND number = $2 \
                    AND (state = 'waiting' OR state = 'kept')";
const JUDGE: &str = "UPDATE bulk_items SET state = $3, reason = $4, \
                     kept = CASE WHEN $3 = 'done' THEN kept ELSE NULL END WHERE bulk = $1 AND number = $2 AND state <> $3";
const COUNT: &str = "UPDATE bulk_actions SET done = done + $2, skipped = skipped + $3, undone = undone + $4, \
                     lost = lost + $5 WHERE id = $1";
const FINISH: &str = "UPDATE bulk_actions SET state = $3, finished = $4 WHERE id = $1 AND state = $2";

impl Catalog {
    /// Keeps jobs that are about to be cancelled, by their numbers.
    pub async fn keep_bulk_items(&self, id: BulkId, jobs: &[(u64, Job)]) -> Result<()> {
        let mut change = self.begin().await?;
        for (number, job) in jobs {
            let query = sqlx::query(KEEP).bind(id.to_string()).bind(signed(*number)).bind(kept::encode(job)?);
            query.execute(&mut *change).await?;
        }
        Ok(change.commit().await?)
    }

    /// Writes down what became of jobs, and counts it.
    pub async fn judge_bulk_items(&self, id: BulkId, judged: &[Judged]) -> Result<()> {
        let mut change = self.begin().await?;
        let mut counts = [0_i64; 4];
        for it in judged {
            if write(&mut change, id, it).await? {
                let place = match it.state {
                    BulkItemState::Done => 0,
                    BulkItemState::Skipped => 1,
                    BulkItemState::Back => 2,
                    BulkItemState::Lost => 3,
                    BulkItemState::Waiting | BulkItemState::Kept => continue,
                };
                counts[place] += 1;
            }
        }
        let query = counts.iter().fold(sqlx::query(COUNT).bind(id.to_string()), |query, count| query.bind(*count));
        query.execute(&mut *change).await?;
        Ok(change.commit().await?)
    }

    /// Every job has had its turn: from one state into another.
    pub async fn finish_bulk(&self, id: BulkId, was: BulkState, is: BulkState, now: Millis) -> Result<()> {
        let mut change = self.begin().await?;
        let query = sqlx::query(FINISH).bind(id.to_string()).bind(was.name()).bind(is.name()).bind(now.0);
        query.execute(&mut *change).await?;
        Ok(change.commit().await?)
    }
}

async fn write(change: &mut Change, id: BulkId, judged: &Judged) -> Result<bool> {
    let query = sqlx::query(JUDGE)
        .bind(id.to_string())
        .bind(signed(judged.number))
        .bind(judged.state.name())
        .bind(judged.reason);
    Ok(query.execute(&mut **change).await?.rows_affected() > 0)
}

const FORGET_KEPT: &str = "UPDATE bulk_items SET kept = NULL WHERE kept IS NOT NULL AND bulk IN \
                           (SELECT id FROM bulk_actions WHERE state <> 'running' AND state <> 'undoing' AND finished < $1)";
const FORGET_ITEMS: &str = "DELETE FROM bulk_items WHERE bulk IN \
                            (SELECT id FROM bulk_actions WHERE state <> 'running' AND state <> 'undoing' AND finished < $1)";
const FORGET: &str = "DELETE FROM bulk_actions WHERE state <> 'running' AND state <> 'undoing' AND finished < $1";

impl Catalog {
    /// Forgets the jobs kept for an undo by actions that ended before `undo_before`, and actions that ended before
    /// `before`.
    pub async fn prune_bulks(&self, undo_before: Millis, before: Millis) -> Result<()> {
        let mut change = self.begin().await?;
        sqlx::query(FORGET_KEPT).bind(undo_before.0).execute(&mut *change).await?;
        sqlx::query(FORGET_ITEMS).bind(before.0).execute(&mut *change).await?;
        sqlx::query(FORGET).bind(before.0).execute(&mut *change).await?;
        Ok(change.commit().await?)
    }
}

//! cancel: take pending jobs out.

use schedules::{Key, KeyId};

use super::step::Step;
use super::{find, row};
use crate::queue::{Cancelled, Job, MAX_BATCH};
use crate::{IntegrationId, JobId, Result};

/// What a cancellation means, once its candidates are known.
pub(super) enum Target {
    /// The job with this key.
    Key(KeyId),
    /// The job with this id.
    Job(JobId),
    /// Those of these jobs that are still pending; `more` says whether there were others.
    Found {
        /// What [`find::matching`] found.
        candidates: Vec<JobId>,
        /// Whether it left some out.
        more: bool,
    },
    /// All.
    All,
}

/// The candidates for cancelling what contains `part`: found beside the writer, since it reads every key.
pub(super) fn candidates(connection: &rusqlite::Connection, integration: IntegrationId, part: &Key) -> Result<Target> {
    let mut candidates = find::matching(connection, integration, part, MAX_BATCH + 1)?;
    let more = candidates.len() > MAX_BATCH;
    candidates.truncate(MAX_BATCH);
    Ok(Target::Found { candidates, more })
}

/// Takes out what is pending.
pub(super) fn cancel(step: &mut Step<'_>, integration: IntegrationId, target: &Target) -> Result<Cancelled> {
    let cancelled = match target {
        Target::Key(key) => Cancelled { jobs: by_key(step, integration, *key)?, more: false },
        Target::Job(job) => Cancelled { jobs: by_id(step, integration, *job)?, more: false },
        Target::Found { candidates, more } => {
            let found = candidates.iter().map(|job| by_id(step, integration, *job)).collect::<Result<Vec<_>>>()?;
            Cancelled { jobs: found.into_iter().flatten().collect(), more: *more }
        }
        Target::All => every(step, integration)?,
    };
    step.shrink(cancelled.jobs.len());
    Ok(cancelled)
}

/// Runs a statement that deletes; what it deleted.
fn delete(step: &mut Step<'_>, statement: &str, params: impl rusqlite::Params) -> Result<Vec<Job>> {
    let mut statement = step.connection.prepare_cached(statement)?;
    let gone = row::all(&mut statement, params, |row| Ok((row::job(row)?, row::place(row)?)))?;
    let take_out = |(job, place)| {
        step.touch(place);
        job
    };
    Ok(gone.into_iter().map(take_out).collect())
}

fn by_key(step: &mut Step<'_>, integration: IntegrationId, key: KeyId) -> Result<Vec<Job>> {
    let statement = concat!(
        "DELETE FROM jobs WHERE state = 0 AND detached = 0 AND integration = ?1 AND key = ?2 RETURNING ",
        row::columns!()
    );
    delete(step, statement, (integration, &key.0[..]))
}

fn by_id(step: &mut Step<'_>, integration: IntegrationId, job: JobId) -> Result<Vec<Job>> {
    let statement =
        concat!("DELETE FROM jobs WHERE id = ?2 AND state = 0 AND integration = ?1 RETURNING ", row::columns!());
    delete(step, statement, (integration, job))
}

fn every(step: &mut Step<'_>, integration: IntegrationId) -> Result<Cancelled> {
    let statement = concat!(
        "DELETE FROM jobs WHERE seq IN
             (SELECT seq FROM jobs INDEXED BY jobs_queue WHERE state = 0 AND integration = ?1 LIMIT ?2)
         RETURNING ",
        row::columns!()
    );
    let jobs = delete(step, statement, (integration, row::count(MAX_BATCH)))?;
    let more = step
        .connection
        .prepare_cached("SELECT 1 FROM jobs INDEXED BY jobs_queue WHERE state = 0 AND integration = ?1 LIMIT 1")?
        .exists((integration,))?;
    Ok(Cancelled { jobs, more })
}

//! revoke: take the running ticks of an integration out.

use super::row;
use super::step::Step;
use crate::queue::Job;
use crate::{IntegrationId, Result};

/// Takes them out; whoever runs them holds nothing any more.
pub(super) fn revoke(step: &mut Step<'_>, integration: IntegrationId) -> Result<Vec<Job>> {
    let mut statement = step.connection.prepare_cached(concat!(
        "DELETE FROM jobs WHERE seq IN
             (SELECT seq FROM jobs INDEXED BY jobs_tick WHERE tick IS NOT NULL AND integration = ?1 AND state = 1)
         RETURNING ",
        row::columns!()
    ))?;
    let jobs = row::all(&mut statement, (integration,), row::job)?;
    step.shrink(jobs.len());
    step.free_slot(integration);
    Ok(jobs)
}

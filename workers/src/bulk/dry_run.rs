//! What a bulk action would do.

use store::JobId;
use store::catalog::BulkAction;
use store::queue::{Inspect, JobView};

use super::request::state_for;
use crate::{Entry, Result, Services};

/// How many jobs a dry run shows.
pub const SAMPLES: usize = 10;

/// What a bulk action would do.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// How many jobs it means.
    pub count: u64,
    /// The first of them that are there.
    pub samples: Vec<JobView>,
}

/// Looks at the jobs an action means.
pub(super) async fn dry_run(services: &Services, entry: &Entry, action: BulkAction, jobs: &[JobId]) -> Result<DryRun> {
    let mut samples = Vec::new();
    for job in jobs.iter().take(SAMPLES) {
        let found = services.queue.get(*job).await?;
        samples.extend(found.filter(|view| view.state == state_for(action) && view.job.integration == entry.id));
    }
    Ok(DryRun { count: jobs.len() as u64, samples })
}

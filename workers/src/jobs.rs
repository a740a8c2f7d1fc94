//! What an operator does with single jobs: delete; `explain` tells why one does not run, `dead` replays.

use store::JobId;
use store::queue::{Inspect, JobView, Queue, Selector, State};

use crate::invoke;
use crate::services::to_the_end;
use crate::{Error, Result, Services};

/// Takes a pending job out, or forgets a dead one; a running one is left alone.
pub async fn delete(services: &Services, job: JobId) -> Result<()> {
    let view = view(services, job).await?;
    let done = match view.state {
        State::Running => false,
        State::Dead => services.queue.discard(vec![job]).await? > 0,
        State::Pending => match services.directory.by_id(view.job.integration) {
            Some(entry) => to_the_end(invoke::take_out(services.clone(), entry, Selector::Job(job))).await? > 0,
            None => !services.queue.cancel(view.job.integration, Selector::Job(job)).await?.jobs.is_empty(),
        },
    };
    if done {
        Ok(())
    } else {
        Err(Error::conflict("job_running", format!("job {job} is running; it cannot be deleted")))
    }
}

pub(crate) async fn view(services: &Services, job: JobId) -> Result<JobView> {
    services
        .queue
        .get(job)
        .await?
        .ok_or_else(|| Error::no_job(format!("{job} in the queue; its runs tell how it ended")))
}

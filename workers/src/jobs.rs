//! What an operator does with single jobs: replay, delete, and ask why one does not run.

use schedules::{Millis, Window};
use store::JobId;
use store::queue::{Inspect, JobView, Queue, Selector, State};

use crate::services::to_the_end;
use crate::{Entry, Error, Result, Services, invoke};

/// Makes a dead job pending again, with all its attempts.
pub async fn replay(services: &Services, job: JobId) -> Result<()> {
    let view = view(services, job).await?;
    if view.state != State::Dead {
        return Err(Error::conflict("job_not_dead", format!("job {job} is not dead; only dead jobs can be replayed")));
    }
    if services.queue.replay(job, services.clock.now()).await? { Ok(()) } else { Err(Error::no_job(job)) }
}

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

/// Why a job is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// `pending`, `running` or `dead`.
    pub state: &'static str,
    /// A stable code and a sentence for each thing that matters, the most important one first.
    pub reasons: Vec<(&'static str, String)>,
    /// When it will start, as far as that is known.
    pub next: Option<Millis>,
}

/// Says why a job is where it is, and when it will move.
pub async fn explain(services: &Services, job: JobId) -> Result<Explanation> {
    let view = view(services, job).await?;
    let entry = services.directory.by_id(view.job.integration);
    let control = services.queue.control_of(view.job.integration).await?;
    let counts = services.queue.counts().await?;
    let running = counts.iter().find(|(id, _)| *id == view.job.integration).map_or(0, |(_, counts)| counts.running);
    Ok(reasons(&view, entry.as_deref(), control.paused, control.concurrency, running, services.clock.now()))
}

async fn view(services: &Services, job: JobId) -> Result<JobView> {
    services
        .queue
        .get(job)
        .await?
        .ok_or_else(|| Error::no_job(format!("{job} in the queue; its runs tell how it ended")))
}

fn reasons(
    view: &JobView,
    entry: Option<&Entry>,
    paused: bool,
    concurrency: Option<u32>,
    running: u64,
    now: Millis,
) -> Explanation {
    let mut reasons = Vec::new();
    match view.state {
        State::Running => {
            let until = view.lease_until.map(Millis::to_rfc3339).unwrap_or_default();
            reasons.push(("running", format!("attempt {} is running; its lease lasts until {until}", view.attempt)));
            return Explanation { state: "running", reasons, next: None };
        }
        State::Dead => {
            let error = view.error.as_deref().unwrap_or("unknown");
            reasons.push(("dead", format!("attempt {} was the last one and failed: {error}", view.attempt)));
            return Explanation { state: "dead", reasons, next: None };
        }
        State::Pending => {}
    }
    let name = entry.map_or("its integration", |entry| &*entry.name);
    if paused {
        reasons.push(("paused", format!("{name} is paused; the job starts when it is resumed")));
    }
    if let Some(limit) = concurrency.filter(|limit| running >= u64::from(*limit)) {
        reasons.push(("concurrency", format!("{running} of {limit} jobs of {name} are running")));
    }
    if view.job.due > now {
        let due = view.job.due.to_rfc3339();
        let code = if view.attempt > 0 { "retry_backoff" } else { "not_due" };
        reasons.push((code, format!("it is due at {due}")));
    }
    let window = view.job.window.as_ref().and_then(|spec| Window::parse(spec).ok());
    if let Some(window) = window.filter(|window| !window.is_open(view.job.due.max(now))) {
        let opens = window.next_open(view.job.due.max(now)).map(Millis::to_rfc3339).unwrap_or_default();
        reasons.push(("window_closed", format!("its window is closed until {opens}")));
    }
    if reasons.is_empty() {
        reasons.push(("ready", "it is due and waits for a free worker".into()));
    }
    let next = (!paused).then_some(view.job.due.max(now));
    Explanation { state: "pending", reasons, next }
}

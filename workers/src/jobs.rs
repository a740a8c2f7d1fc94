//! What an operator does with single jobs: delete, and ask why one does not run.

use schedules::{Millis, Window};
use store::JobId;
use store::queue::{Control, Inspect, JobFilter, JobView, PageRequest, Queue, Selector, State};

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

/// How many running jobs are looked at for one in the lane of a job.
const RUNNING: usize = 100;

/// Says why a job is where it is, and when it will move.
pub async fn explain(services: &Services, job: JobId) -> Result<Explanation> {
    let view = view(services, job).await?;
    let integration = view.job.integration;
    let entry = services.directory.by_id(integration);
    let control = services.queue.control_of(integration).await?;
    let counts = services.queue.counts().await?;
    let running = counts.iter().find(|(id, _)| *id == integration).map_or(0, |(_, counts)| counts.running);
    let beside = if control.lane_concurrency.is_some() { beside(services, &view).await? } else { 0 };
    let name = entry.as_ref().map_or("its integration", |entry| &*entry.name);
    Ok(reasons(&view, name, &control, (running, beside), services.clock.now()))
}

/// How many jobs of its lane are running.
async fn beside(services: &Services, view: &JobView) -> Result<u64> {
    let Some(lane) = &view.job.lane else { return Ok(0) };
    let filter = JobFilter { integration: Some(view.job.integration), state: Some(State::Running), selector: None };
    let page = PageRequest { first: RUNNING, after: None, before: None };
    let running = services.queue.list(filter, page).await?.items;
    Ok(running.iter().filter(|running| running.job.lane.as_ref() == Some(lane)).count() as u64)
}

pub(crate) async fn view(services: &Services, job: JobId) -> Result<JobView> {
    services
        .queue
        .get(job)
        .await?
        .ok_or_else(|| Error::no_job(format!("{job} in the queue; its runs tell how it ended")))
}

/// `running`: how many jobs of the integration are, and how many of its lane.
fn reasons(view: &JobView, name: &str, control: &Control, running: (u64, u64), now: Millis) -> Explanation {
    match view.state {
        State::Running => {
            let until = view.lease_until.map(Millis::to_rfc3339).unwrap_or_default();
            let reason = format!("attempt {} is running; its lease lasts until {until}", view.attempt);
            return Explanation { state: "running", reasons: vec![("running", reason)], next: None };
        }
        State::Dead => {
            let error = view.error.as_deref().unwrap_or("unknown");
            let reason = format!("attempt {} was the last one and failed: {error}", view.attempt);
            return Explanation { state: "dead", reasons: vec![("dead", reason)], next: None };
        }
        State::Pending => {}
    }
    let mut reasons: Vec<_> = held(view, name, control, running).chain(not_yet(view, now)).collect();
    if reasons.is_empty() {
        reasons.push(("ready", "it is due and waits for a free worker".into()));
    }
    let known = !control.paused && !view.delayed_by_limit;
    Explanation { state: "pending", reasons, next: known.then_some(view.job.due.max(now)) }
}

/// What holds a job back, whatever the time.
fn held(
    view: &JobView,
    name: &str,
    control: &Control,
    (running, beside): (u64, u64),
) -> impl Iterator<Item = (&'static str, String)> {
    let paused = control.paused.then(|| ("paused", format!("{name} is paused; the job starts when it is resumed")));
    let full = control.concurrency.filter(|limit| running >= u64::from(*limit));
    let full = full.map(|limit| ("concurrency", format!("{running} of {limit} jobs of {name} are running")));
    let lane = view.job.lane.as_ref().zip(control.lane_concurrency.filter(|limit| beside >= u64::from(*limit)));
    let lane = lane.map(|(lane, limit)| ("concurrency", format!("{beside} of {limit} jobs with {lane} are running")));
    let line = || ("rate_limit", format!("it waits in line for room in a rate limit of {name}"));
    [paused, full, lane, view.delayed_by_limit.then(line)].into_iter().flatten()
}

/// For what time it waits.
fn not_yet(view: &JobView, now: Millis) -> impl Iterator<Item = (&'static str, String)> {
    let due = view.job.due;
    let code = if view.attempt > 0 { "retry_backoff" } else { "not_due" };
    let early = (due > now).then(|| (code, format!("it is due at {}", due.to_rfc3339())));
    let window = view.job.window.as_ref().and_then(|spec| Window::parse(spec).ok());
    let closed = window.filter(|window| !window.is_open(due.max(now))).map(|window| {
        let opens = window.next_open(due.max(now)).map(Millis::to_rfc3339).unwrap_or_default();
        ("window_closed", format!("its window is closed until {opens}"))
    });
    [early, closed].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use store::IntegrationId;
    use store::queue::{Cause, Job};

    use super::*;
    use crate::world::{self, NOW};

    fn pending(part: impl Fn(&mut JobView)) -> JobView {
        let job = Job { lane: Some(r#"{"email":"a"}"#.into()), ..world::job(IntegrationId::new(NOW), Cause::Manual) };
        let mut view = JobView {
            job,
            state: State::Pending,
            attempt: 0,
            lost: 0,
            charged: false,
            delayed_by_limit: false,
            lease_until: None,
            died: None,
            error: None,
        };
        part(&mut view);
        view
    }

    #[test]
    fn a_pending_job_says_what_it_waits_for() {
        let control = Control { concurrency: Some(4), lane_concurrency: Some(1), ..Control::default() };
        let check = |view: &JobView, control: &Control, running, codes: &[&str], next: Option<Millis>| {
            let explained = reasons(view, "hello", control, running, NOW);
            let found: Vec<&str> = explained.reasons.iter().map(|(code, _)| *code).collect();
            assert_eq!((&*found, explained.next), (codes, next));
        };
        let ready = pending(|_| {});
        check(&ready, &control, (0, 0), &["ready"], Some(NOW));
        check(&ready, &control, (4, 0), &["concurrency"], Some(NOW));
        check(&ready, &control, (3, 1), &["concurrency"], Some(NOW));
        check(&ready, &Control { paused: true, ..control.clone() }, (0, 0), &["paused"], None);
        check(&pending(|view| view.delayed_by_limit = true), &control, (0, 0), &["rate_limit"], None);
        let later = NOW.after(5);
        check(&pending(|view| view.job.due = later), &control, (0, 0), &["not_due"], Some(later));
    }
}

//! Give pending jobs another due time; payload and attempts stay.

use schedules::{Millis, Window, due};
use serde_json::Value;
use store::queue::{Inspect, Job, JobFilter, JobView, MAX_BATCH, Move, PageRequest, Queue, Selector, State};
use store::{IntegrationId, JobId};

use super::{Opening, Target, request};
use crate::{Error, Result, Services, jobs};

/// A job replaced between our look and our write is looked up again, this often.
const TRIES: usize = 5;
/// How many jobs a list gives at one time.
const PAGE: usize = 100;

/// The jobs that moved, with their new due times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rescheduled {
    /// Job and due time, oldest job first.
    pub jobs: Vec<(JobId, Millis)>,
}

/// Moves every pending job that the key or the match means; none is `job_not_found`.
pub async fn reschedule(services: &Services, target: &Target, body: Value) -> Result<Rescheduled> {
    let request = request::reschedule(body)?;
    let entry = target.entry(services).await?;
    let due = due::resolve(request.when, services.clock.now(), services.options.horizon_ms)?;
    let moving = Moving { services, integration: entry.id, due, window: request.window.as_ref() };
    let mut moved = Rescheduled::default();
    let mut newest = None;
    for _ in 0..TRIES {
        let mut found = services.queue.find(entry.id, request.selector.clone(), MAX_BATCH).await?;
        newest = newest.or((found.len() == MAX_BATCH).then(|| found.last().map(|view| view.job.id)).flatten());
        found.retain(|view| moved.jobs.iter().all(|(job, _)| *job != view.job.id));
        if moving.shift(&found, &mut moved).await? {
            break;
        }
    }
    if let (Some(newest), Selector::Match(_)) = (newest, &request.selector) {
        moving.rest(request.selector.clone(), newest, &mut moved).await?;
    }
    if moved.jobs.is_empty() {
        return Err(Error::no_job(format!("of {} pending under this key", entry.name)));
    }
    moved.jobs.sort();
    moved.jobs.dedup();
    Ok(moved)
}

/// Moves one pending job, by its id: what a body without `key` and `match` asks for.
pub async fn reschedule_job(services: &Services, job: JobId, body: Value) -> Result<Millis> {
    let (when, window) = request::reschedule_job(body)?;
    let due = due::resolve(when, services.clock.now(), services.options.horizon_ms)?;
    let view = jobs::view(services, job).await?;
    let conflict = || {
        Error::conflict(
            "job_not_pending",
            format!("job {job} is not pending; only pending jobs can be given another time"),
        )
    };
    if view.state != State::Pending {
        return Err(conflict());
    }
    let to = to_move(&view.job, due, window.as_ref())?;
    let due = to.due;
    match services.queue.reschedule(vec![to]).await?.first() {
        Some(true) => Ok(due),
        _ => Err(conflict()),
    }
}

/// One call's work.
struct Moving<'a> {
    services: &'a Services,
    integration: IntegrationId,
    due: Millis,
    window: Option<&'a Window>,
}

impl Moving<'_> {
    /// Moves jobs; whether all of them were still there.
    async fn shift(&self, found: &[JobView], moved: &mut Rescheduled) -> Result<bool> {
        let moves: Vec<Move> =
            found.iter().map(|view| to_move(&view.job, self.due, self.window)).collect::<Result<_>>()?;
        let done = self.services.queue.reschedule(moves.clone()).await?;
        moved.jobs.extend(moves.iter().zip(&done).filter(|(_, done)| **done).map(|(to, _)| (to.job, to.due)));
        Ok(done.iter().all(|done| *done))
    }

    /// Moves what is newer than `last`: a look gives the oldest jobs only, and moving them does not take them out of it.
    async fn rest(&self, selector: Selector, last: JobId, moved: &mut Rescheduled) -> Result<()> {
        let filter =
            JobFilter { integration: Some(self.integration), state: Some(State::Pending), selector: Some(selector) };
        let mut after = None;
        loop {
            let page = PageRequest { first: PAGE, after, before: None };
            let mut page = self.services.queue.list(filter.clone(), page).await?;
            after = page.items.last().map(|view| view.job.id);
            page.items.retain(|view| view.job.id > last);
            self.shift(&page.items, moved).await?;
            if !page.has_next || after.is_none_or(|oldest| oldest <= last) {
                return Ok(());
            }
        }
    }
}

/// A move of a job to `due`: its own window holds unless the call names another one.
pub(crate) fn to_move(job: &Job, due: Millis, window: Option<&Window>) -> Result<Move> {
    let own = job.window.as_ref().map(Window::parse).transpose()?;
    let Opening { due, closes } = Opening::find(window.or(own.as_ref()), due, job.jitter_ms, job.id)?;
    Ok(Move { job: job.id, due, closes, window: window.map(|window| window.spec().clone()) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::catalog::Trigger;

    use super::*;
    use crate::invoke::schedule;
    use crate::world::{NOW, World};

    #[tokio::test]
    async fn a_match_moves_more_jobs_than_one_batch_holds() {
        let world = World::open().await;
        world.released("many", Trigger::Experience, &json!({})).await;
        let target: Target = "many".parse().expect("a name");
        let jobs = MAX_BATCH + 2 * PAGE + 1;
        for n in 0..jobs {
            let body = json!({ "key": { "all": 1, "n": n }, "delay": "1h" });
            schedule(&world.services, &target, body, None).await.expect("scheduled");
        }
        let body = json!({ "match": { "all": 1 }, "delay": "2h" });
        let moved = reschedule(&world.services, &target, body).await.expect("moved");
        assert_eq!(moved.jobs.len(), jobs);
        assert!(moved.jobs.iter().all(|(_, due)| *due == NOW.after(7_200_000)));
    }
}

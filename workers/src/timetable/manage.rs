//! Put, look at, list, pause, resume, run and delete a schedule.

use std::sync::Arc;

use schedules::Millis;
use store::catalog::{Pause, ScheduleFilter, StoredSchedule};
use store::queue::{Cause, Cursor, Inspect, Page, PageRequest, Queue, ScheduleRef};
use store::{IntegrationId, JobId, ScheduleId};

use super::written::{name, name_of_its_own};
use super::{Known, OWN, Written, sync_own};
use crate::duties::ticks::Ticks;
use crate::invoke;
use crate::services::to_the_end;
use crate::{Entry, Error, Event, Result, Services};

const MAX_NOTE_BYTES: usize = 1_024;

/// The integration and one of its schedules.
pub(super) async fn find(
    services: &Services,
    integration: &str,
    schedule: &str,
) -> Result<(Arc<Entry>, StoredSchedule)> {
    let entry = entry(services, integration).await?;
    let name = name(schedule)?;
    if name == OWN {
        // It may be newer than what a scheduler has seen.
        sync_own(services, &entry).await?;
    }
    let found = services.catalog.schedule(entry.id, name).await?;
    let stored = found.ok_or_else(|| Error::NotFound {
        code: "schedule_not_found",
        message: format!("{integration} has no schedule {name:?}"),
    })?;
    Ok((entry, stored))
}

async fn entry(services: &Services, name: &str) -> Result<Arc<Entry>> {
    services.directory.find(name).await?.ok_or_else(|| Error::no_integration(name))
}

/// Makes a schedule, or changes the one with that name; the answer says whether it was made. An edit fires nothing.
pub async fn put(
    services: &Services,
    integration: &str,
    schedule: &str,
    written: Written,
) -> Result<(StoredSchedule, bool)> {
    let name = name_of_its_own(schedule)?;
    let entry = entry(services, integration).await?;
    let now = services.clock.now();
    let id = ScheduleRef { integration: entry.id, schedule: ScheduleId::new(now) };
    Ok(services.catalog.put_schedule(&written.named(id, name), now).await?)
}

/// A schedule, and where it is.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The schedule.
    pub stored: StoredSchedule,
    /// Where it is; `None` before it begins.
    pub cursor: Option<Cursor>,
    /// The nominal time of its next tick; `None` when it is over or paused.
    pub next: Option<Millis>,
}

impl Shown {
    fn of(stored: StoredSchedule, cursor: Option<Cursor>) -> Self {
        let known = Known::read(stored.clone()).ok().filter(|_| stored.pause.is_none());
        let at = cursor.unwrap_or(Cursor::at(stored.since));
        let next = known.and_then(|known| known.of(None).next(at));
        Self { stored, cursor, next }
    }
}

/// One schedule.
pub async fn show(services: &Services, integration: &str, schedule: &str) -> Result<Shown> {
    let (_, stored) = find(services, integration, schedule).await?;
    let cursor = cursor(services, stored.id).await?;
    Ok(Shown::of(stored, cursor))
}

pub(super) async fn cursor(services: &Services, id: ScheduleRef) -> Result<Option<Cursor>> {
    Ok(services.queue.cursors(vec![id]).await?.pop().flatten())
}

/// A page of an integration's schedules, by name.
pub async fn list(
    services: &Services,
    integration: &str,
    filter: ScheduleFilter,
    page: PageRequest<String>,
) -> Result<Page<Shown>> {
    let entry = entry(services, integration).await?;
    let Page { items, has_next, has_previous, total } = services.catalog.list_schedules(entry.id, filter, page).await?;
    let cursors = services.queue.cursors(items.iter().map(|stored| stored.id).collect()).await?;
    Ok(Page {
        items: items.into_iter().zip(cursors).map(|(stored, cursor)| Shown::of(stored, cursor)).collect(),
        has_next,
        has_previous,
        total,
    })
}

/// Holds a schedule: its ticks are skipped until it is resumed. `by` is who says so.
pub async fn pause(
    services: &Services,
    integration: &str,
    schedule: &str,
    note: String,
    by: &str,
) -> Result<StoredSchedule> {
    if note.len() > MAX_NOTE_BYTES {
        return Err(Error::invalid("note", "out_of_range", format!("must be at most {MAX_NOTE_BYTES} bytes")));
    }
    let (_, stored) = find(services, integration, schedule).await?;
    let pause = Pause { note, at: services.clock.now() };
    Ok(services.catalog.pause_schedule(stored.id.schedule, &pause, by).await?)
}

/// Lets it fire again; the ticks of the pause are not made up for.
pub async fn resume(services: &Services, integration: &str, schedule: &str) -> Result<StoredSchedule> {
    let (_, stored) = find(services, integration, schedule).await?;
    Ok(services.catalog.resume_schedule(stored.id.schedule, services.clock.now()).await?)
}

/// Deletes a schedule; ticks that are queued already still run.
pub async fn delete(services: &Services, integration: &str, schedule: &str) -> Result<()> {
    name_of_its_own(schedule)?;
    let (_, stored) = find(services, integration, schedule).await?;
    services.catalog.delete_schedule(stored.id.schedule, services.clock.now()).await?;
    Ok(())
}

/// Queues a job as a tick of now would be, beside the schedule: it counts for no rule of it.
pub async fn run(services: &Services, integration: &str, schedule: &str) -> Result<JobId> {
    let (entry, stored) = find(services, integration, schedule).await?;
    let known = Known::read(stored)?;
    to_the_end(run_now(services.clone(), entry, known)).await
}

async fn run_now(services: Services, entry: Arc<Entry>, known: Known) -> Result<JobId> {
    let now = services.clock.now();
    let lane = lane(&services, &entry, &known).await?;
    let of = known.of(lane.as_deref());
    let make = Ticks { of: of.id, recurrence: &known.schedule.recurrence, made_of: of.made_of, now };
    let mut new = make.tick(JobId::new(now), now, Cause::Manual);
    (new.job.due, new.job.tick) = (now, None);
    let id = new.job.id;
    services.queue.enqueue(vec![new]).await?;
    services.events.emit(Event::JobQueued { integration: entry.name.clone(), cause: Cause::Manual, n: 1 });
    Ok(id)
}

/// The lane of a schedule's ticks.
pub(crate) async fn lane(services: &Services, entry: &Entry, known: &Known) -> Result<Option<Box<str>>> {
    if known.key().is_none() {
        return Ok(None);
    }
    let version = services.directory.version(entry, None).await?;
    let lanes = version.as_ref().and_then(|version| version.settings.concurrency.lanes.as_ref());
    Ok(invoke::lane(lanes, known.key(), store::queue::IfExists::Beside))
}

/// Every schedule of an integration that is resumed now skips the ticks of the pause.
pub(crate) async fn integration_resumes(services: &Services, integration: IntegrationId) -> Result<()> {
    Ok(services.catalog.resume_schedules_of(integration, services.clock.now()).await?)
}

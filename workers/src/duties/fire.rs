//! Fires the schedules: queues the ticks that are due, tells of those that are not, and knows when the next is.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use schedules::Millis;
use store::catalog::{Outcome, ReleaseNumber, Trigger};
use store::queue::{Fired, Inspect, Job, NewJob, Queue};
use store::{IntegrationId, JobId};

use super::ticks::{self, Due};
use crate::settings::Schedule;
use crate::worker::record::job_ended;
use crate::{Entry, Error, Event, Result, Services};

pub(crate) async fn run(services: Services) -> Result<Option<Millis>> {
    let now = services.clock.now();
    let mut known = services.upcoming.take();
    let (mut upcoming, mut failed) = (HashMap::new(), None);
    for entry in services.directory.all() {
        let (Trigger::Recurring, false, Some(release)) = (entry.trigger, entry.paused, entry.latest) else { continue };
        // Nothing is due before the next tick that this same release had, so nothing needs to be asked.
        let next = match known.remove(&entry.id) {
            Some((of, next)) if of == release && next.is_none_or(|next| next > now) => Ok(next),
            _ => fire_released(&services, &entry).await,
        };
        match next {
            Ok(next) => drop(upcoming.insert(entry.id, (release, next))),
            // One schedule that cannot be read must not hold up those after it.
            Err(error) => failed = failed.or(Some(Error::Unavailable(format!("{}: {error}", entry.name)))),
        }
    }
    let earliest = upcoming.values().filter_map(|(_, next)| *next).min();
    services.upcoming.put(upcoming);
    failed.map_or(Ok(earliest), Err)
}

async fn fire_released(services: &Services, entry: &Entry) -> Result<Option<Millis>> {
    let Some(version) = services.directory.version(entry, None).await? else { return Ok(None) };
    match &version.settings.schedule {
        Some(schedule) => fire(services, entry, schedule).await,
        None => Ok(None),
    }
}

type Next = HashMap<IntegrationId, (ReleaseNumber, Option<Millis>)>;

/// When each schedule is due next, so that a second with nothing due costs no look into the queue. It may be lost at
/// any time: the cursors in the queue are what counts.
#[derive(Default)]
pub(crate) struct Upcoming(Mutex<Next>);

impl Upcoming {
    fn take(&self) -> Next {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, next: Next) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

/// Fires what is due of one schedule; answers when the next tick is.
async fn fire(services: &Services, entry: &Entry, schedule: &Schedule) -> Result<Option<Millis>> {
    let now = services.clock.now();
    let cursor = services.queue.cursor(entry.id).await?;
    let Some(Due { firing, passed_over, missed }) = ticks::due(entry.id, schedule, cursor, now, || JobId::new(now))
    else {
        return Ok(cursor.and_then(|cursor| schedule.recurrence.next(cursor)));
    };
    let (ticks, to) = (firing.ticks.clone(), firing.to);
    match services.queue.fire(firing).await? {
        Fired::Queued { revoked: jobs } => {
            revoked(services, entry, &jobs, now).await;
            for tick in &ticks {
                let (integration, cause) = (entry.name.clone(), tick.job.cause);
                services.events.emit(Event::JobQueued { integration, cause, n: 1 });
            }
            skipped(services, entry, &passed_over, now).await;
        }
        Fired::Skipped => skipped(services, entry, &[passed_over, ticks].concat(), now).await,
        Fired::Lost { .. } => {}
    }
    if let Some(missed) = missed {
        let until = missed.to_rfc3339();
        tracing::warn!(integration = &*entry.name, until, "ticks were missed and are not made up for");
        services.events.emit(Event::TickSkipped { integration: entry.name.clone() });
    }
    Ok(schedule.recurrence.next(to))
}

async fn skipped(services: &Services, entry: &Entry, ticks: &[NewJob], now: Millis) {
    for tick in ticks {
        services.recorder.record(job_ended(entry, &tick.job, Outcome::SkippedOverlap, now)).await;
        services.events.emit(Event::TickSkipped { integration: entry.name.clone() });
    }
}

/// Ends the runs of these jobs that are runs of this process; one of another process learns it from its next renewal.
async fn revoked(services: &Services, entry: &Entry, jobs: &[Job], now: Millis) {
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    services.leases.revoked(&ids);
    for job in jobs {
        services.recorder.record(job_ended(entry, job, Outcome::Cancelled, now)).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::catalog::RunFilter;
    use store::queue::{Claim, PageRequest};

    use super::*;
    use crate::world::World;

    const MINUTE: i64 = 60_000;

    /// The ticks of an integration that wait to run.
    async fn ready(world: &World, entry: &Entry) -> u64 {
        let counts = world.services.queue.counts().await.expect("counts");
        counts.iter().find(|(id, _)| *id == entry.id).map_or(0, |(_, counts)| counts.ready)
    }

    async fn every_minute(world: &World, name: &str) -> std::sync::Arc<Entry> {
        world.released(name, Trigger::Recurring, &json!({ "schedule": { "every": "minute" } })).await
    }

    #[tokio::test]
    async fn a_release_that_cannot_be_read_holds_up_no_other_schedule() {
        let world = World::open().await;
        let before = every_minute(&world, "a-before").await;
        world.released("b-broken", Trigger::Recurring, &json!({ "colour": 1 })).await;
        let after = every_minute(&world, "c-after").await;
        assert!(run(world.services.clone()).await.is_err(), "it is told");
        world.clock.advance(MINUTE);
        assert!(run(world.services.clone()).await.is_err(), "it is told");
        assert_eq!((ready(&world, &before).await, ready(&world, &after).await), (1, 1));
    }

    /// How many of four ticks that are on time together are queued.
    async fn check_overlap(overlap: &str, expected: u64) {
        let world = World::open().await;
        let settings = json!({ "schedule": { "every": "10s", "overlap": overlap } });
        let entry = world.released("late", Trigger::Recurring, &settings).await;
        run(world.services.clone()).await.expect("the cursor is set");
        world.clock.advance(40_000);
        run(world.services.clone()).await.expect("the ticks are fired");
        assert_eq!(ready(&world, &entry).await, expected, "{overlap}");
        world.services.recorder.flush().await;
        let filter = RunFilter { outcome: Some(Outcome::SkippedOverlap), ..RunFilter::default() };
        let page = PageRequest { first: 10, after: None, before: None };
        let skipped = world.services.catalog.list_runs("default", filter, page).await.expect("runs");
        assert_eq!(skipped.total, 4 - expected, "{overlap}: what is not queued is recorded");
    }

    #[tokio::test]
    async fn a_run_that_the_next_tick_ends_is_ended_here_and_recorded() {
        let world = World::open().await;
        let services = &world.services;
        let settings = json!({ "schedule": { "every": "minute", "overlap": "cancel_running" } });
        let entry = world.released("long", Trigger::Recurring, &settings).await;
        run(services.clone()).await.expect("the cursor is set");
        world.clock.advance(MINUTE);
        run(services.clone()).await.expect("the first tick is fired");
        let claimed = services.queue.claim(Claim { limit: 1, lease_ms: 300_000 }).await.expect("claimed");
        let running = claimed.jobs.first().expect("the first tick");
        let held = services.leases.hold(running.lease);
        world.clock.advance(MINUTE);
        run(services.clone()).await.expect("the second tick is fired");
        assert!(held.token.is_cancelled());
        services.recorder.flush().await;
        let record = services.catalog.latest_run_of(running.job.id).await.expect("a look").expect("a record");
        assert_eq!((record.outcome, ready(&world, &entry).await), (Outcome::Cancelled, 1));
    }

    #[tokio::test]
    async fn ticks_that_come_together_do_not_overlap_either() {
        check_overlap("skip", 1).await;
        check_overlap("cancel_running", 1).await;
        check_overlap("queue", 4).await;
        check_overlap("allow", 4).await;
    }
}

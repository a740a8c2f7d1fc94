//! Fires the schedules: queues the ticks that are due, tells of those that are not, and knows when the next is.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use schedules::Millis;
use store::catalog::Outcome;
use store::queue::{Fired, Job, NewJob, Queue};
use store::{IntegrationId, JobId};

use super::ticks::{self, Due};
use crate::settings::Overlap;
use crate::timetable::{self, Slot, Wake};
use crate::worker::record::job_ended;
use crate::{Entry, Error, Event, Result, Services};

/// How many schedules are fired at the same time: the stores group their calls.
const AT_ONCE: usize = 256;
/// Steps of one schedule at one time.
const STEPS: usize = 8;
/// How long until a schedule is looked at again that could not be fired.
pub(crate) const AGAIN_MS: i64 = 1_000;
/// The longest pause between two looks at a tick that waits for an earlier one.
const LONGEST_WAIT_MS: i64 = 15_000;

pub(crate) async fn run(services: Services) -> Result<Option<Millis>> {
    let mut book = services.book.open().await;
    // Read before the schedules are: who is seen to be resumed has noted the pause in its schedules, and an integration
    // that is not seen by the next time is gone.
    services.directory.refresh().await?;
    let all = services.directory.all();
    let entries: HashMap<IntegrationId, Arc<Entry>> = all.iter().map(|entry| (entry.id, entry.clone())).collect();
    let mut failed = None;
    for entry in &all {
        let Some(latest) = entry.latest.filter(|_| !timetable::has_no_own(entry)) else { continue };
        if book.synced.get(&entry.id) == Some(&latest) {
            continue;
        }
        match timetable::sync_own(&services, entry).await {
            Ok(_) => drop(book.synced.insert(entry.id, latest)),
            // One schedule that cannot be read must not hold up those after it.
            Err(error) => failed = failed.or(Some(Error::Unavailable(format!("{}: {error}", entry.name)))),
        }
    }
    book.synced.retain(|id, _| entries.contains_key(id));
    book.refresh(&services).await?;
    let now = services.clock.now();
    book.release(&entries, now);
    let looks = book.due(now).into_iter().map(|slot| {
        let entry = entries.get(&slot.known.id().integration).cloned();
        look(&services, entry, slot)
    });
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    while let Some((slot, outcome)) = looks.next().await {
        book.put(slot);
        failed = failed.or(outcome.err());
    }
    drop(looks);
    let earliest = book.earliest();
    failed.map_or(Ok(earliest), Err)
}

/// Fires what is due of one schedule, and says when to look at it again.
async fn look(services: &Services, entry: Option<Arc<Entry>>, mut slot: Slot) -> (Slot, Result<()>) {
    let now = services.clock.now();
    let Some(entry) = entry.filter(|entry| !entry.paused && entry.latest.is_some()) else {
        slot.wake = Wake::Held;
        return (slot, Ok(()));
    };
    if slot.known.stored.pause.is_some() {
        slot.wake = Wake::Never;
        return (slot, Ok(()));
    }
    match fire(services, &entry, &mut slot).await {
        Ok(wake) => {
            slot.wake = wake;
            (slot, Ok(()))
        }
        Err(error) => {
            slot.wake = Wake::At(now.after(AGAIN_MS));
            let what = format!("{}, schedule {}: {error}", entry.name, slot.known.stored.name);
            (slot, Err(Error::Unavailable(what)))
        }
    }
}

async fn fire(services: &Services, entry: &Arc<Entry>, slot: &mut Slot) -> Result<Wake> {
    slot.known.look_back(services, slot.cursor).await?;
    let lane = timetable::lane(services, entry, &slot.known).await?;
    for _ in 0..STEPS {
        let now = services.clock.now();
        let of = slot.known.of(lane.as_deref());
        let Some(due) = ticks::due(&of, slot.cursor, now, || JobId::new(now)) else {
            let next = slot.cursor.and_then(|cursor| of.next(cursor));
            // It has begun another revision, of which this process will hear soon.
            let next = next.map(|next| if next <= now { now.after(AGAIN_MS) } else { next });
            return Ok(next.map_or(Wake::Never, Wake::At));
        };
        let waits = of.schedule.overlap == Overlap::Queue && !due.firing.ticks.is_empty();
        let (queued, skipped) = (due.firing.cursor_if_queued(), due.firing.cursor_if_skipped());
        match fire_due(services, entry, due).await? {
            Fired::Queued { .. } => {
                (slot.cursor, slot.waited) = (Some(queued), 0);
                if waits {
                    let next = of.next(queued).map(|next| next.max(now.after(AGAIN_MS)));
                    return Ok(next.map_or(Wake::Never, Wake::At));
                }
            }
            Fired::Skipped => {
                slot.cursor = Some(skipped);
                if waits {
                    slot.waited += 1;
                    return Ok(Wake::At(now.after(pause_ms(slot.waited))));
                }
            }
            Fired::Lost { cursor } => {
                slot.cursor = cursor;
                slot.known.look_back(services, cursor).await?;
            }
        }
    }
    Ok(Wake::At(services.clock.now().after(1)))
}

/// How long until a tick is looked at again that has waited so often for an earlier one to end.
pub(crate) fn pause_ms(waited: u32) -> i64 {
    AGAIN_MS.saturating_mul(i64::from(waited)).min(LONGEST_WAIT_MS)
}

/// Asks the queue to fire, and tells of what became of it.
async fn fire_due(services: &Services, entry: &Arc<Entry>, due: Due) -> Result<Fired> {
    let Due { firing, passed_over, missed } = due;
    let (ticks, waits) = (firing.ticks.clone(), firing.records_if_skipped.is_empty());
    let now = services.clock.now();
    let fired = services.queue.fire(firing).await?;
    match &fired {
        Fired::Queued { revoked: jobs } => {
            revoked(services, entry, jobs, now).await;
            for tick in &ticks {
                let (integration, cause) = (entry.name.clone(), tick.job.cause);
                services.events.emit(Event::JobQueued { integration, cause, n: 1 });
            }
            skipped(services, entry, &passed_over, now).await;
        }
        Fired::Skipped if waits => return Ok(fired),
        Fired::Skipped => skipped(services, entry, &[passed_over, ticks].concat(), now).await,
        Fired::Lost { .. } => return Ok(fired),
    }
    if let Some(missed) = missed {
        let until = missed.to_rfc3339();
        tracing::warn!(integration = &*entry.name, until, "ticks were missed and are not made up for");
        services.events.emit(Event::TickSkipped { integration: entry.name.clone() });
    }
    Ok(fired)
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
    use store::catalog::{RunFilter, Trigger};
    use store::queue::{Claim, Inspect, PageRequest};

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

    /// How many of four ticks that are on time together are queued, and how many skipped.
    async fn check_overlap(overlap: &str, queued: u64, skips: u64) {
        let world = World::open().await;
        let settings = json!({ "schedule": { "every": "10s", "overlap": overlap } });
        let entry = world.released("late", Trigger::Recurring, &settings).await;
        run(world.services.clone()).await.expect("the cursor is set");
        world.clock.advance(40_000);
        run(world.services.clone()).await.expect("the ticks are fired");
        assert_eq!(ready(&world, &entry).await, queued, "{overlap}");
        world.services.recorder.flush().await;
        let filter = RunFilter { outcome: Some(Outcome::SkippedOverlap), ..RunFilter::default() };
        let page = PageRequest { first: 10, after: None, before: None };
        let skipped = world.services.catalog.list_runs("default", filter, page).await.expect("runs");
        assert_eq!(skipped.total, skips, "{overlap}: what is skipped is recorded");
    }

    #[tokio::test]
    async fn ticks_that_wait_run_one_after_the_other() {
        let world = World::open().await;
        let services = &world.services;
        let settings = json!({ "schedule": { "every": "10s", "overlap": "queue", "catchup": "none" } });
        world.released("slow", Trigger::Recurring, &settings).await;
        run(services.clone()).await.expect("the cursor is set");
        for _ in 0..20 {
            world.clock.advance(10_000);
            run(services.clone()).await.expect("the ticks are looked at");
        }
        let mut nominals = Vec::new();
        while nominals.len() < 20 {
            let claimed = services.queue.claim(Claim { limit: 10, lease_ms: 300_000 }).await.expect("claimed").jobs;
            assert_eq!(claimed.len(), 1, "after {nominals:?}");
            nominals.push(claimed[0].job.tick.expect("a tick").nominal);
            let next = store::queue::Next::Remove;
            services
                .queue
                .settle(vec![store::queue::Settlement { lease: claimed[0].lease, next }])
                .await
                .expect("settled");
            world.clock.advance(LONGEST_WAIT_MS / 100);
            while services.queue.counts().await.expect("counts").is_empty() && nominals.len() < 20 {
                world.clock.advance(1_000);
                run(services.clone()).await.expect("the next is fired");
            }
        }
        let wanted: Vec<Millis> = (1..=20).map(|n| crate::world::NOW.after(n * 10_000)).collect();
        assert_eq!(nominals, wanted, "those that waited for more than a minute are not missed");
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
        check_overlap("skip", 1, 3).await;
        check_overlap("cancel_running", 1, 3).await;
        check_overlap("queue", 1, 0).await;
        check_overlap("allow", 4, 0).await;
    }
}

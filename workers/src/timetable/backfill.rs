//! Backfills: the ticks of a stretch of the past, fired now with an overlap rule of their own. A backfill is a schedule
//! of its own to the queue: its cursor is its progress.

use std::sync::Arc;

use futures_util::future::join_all;
use schedules::recurrence::Recurrence;
use schedules::{Millis, due};
use serde::Deserialize;
use serde_json::Value;
use store::catalog::{Backfill, BackfillState};
use store::queue::{Cause, Fired, Firing, IfBusy, NewJob, Queue, ScheduleRef, TickRecord, Verdict};
use store::{JobId, ScheduleId};

use super::manage::{self, cursor, find};
use super::{Known, known};
use crate::duties::ticks::Ticks;
use crate::{Entry, Error, Event, Result, Services, wire};

/// The most ticks of one backfill.
const MAX_TICKS: u64 = 100_000;
/// The most backfills that are looked at in one go.
const AT_ONCE: usize = 100;
/// Ticks that are queued in one step, if they need not wait for each other.
const STEP: usize = 100;
/// Steps of one backfill at one time, so that others get their turn.
const STEPS: usize = 20;
/// How long until a tick that waits for an earlier one is tried again.
const AGAIN_MS: i64 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    from: Value,
    to: Value,
    #[serde(default)]
    overlap: Overlap,
}

/// What happens to a tick of a backfill while an earlier one is still there.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Overlap {
    #[default]
    Queue,
    Allow,
}

/// How many ticks a stretch has. Errors: none, or too many.
fn planned(recurrence: &Recurrence, from: Millis, to: Millis) -> Result<u64> {
    let first = recurrence.next(from.after(-1)).filter(|first| *first <= to);
    let Some(first) = first else {
        return Err(Error::invalid("from", "empty_range", "the schedule has no tick between `from` and `to`"));
    };
    match recurrence.count(first, to, MAX_TICKS) {
        Some(count) if count <= MAX_TICKS => Ok(count),
        _ => {
            let message = format!("the schedule has more than {MAX_TICKS} ticks in there; backfill a shorter stretch");
            Err(Error::invalid("from", "out_of_range", message))
        }
    }
}

/// Asks for the ticks of `{from, to, overlap?}`, bounds included, whatever became of them the first time.
pub async fn backfill(services: &Services, integration: &str, schedule: &str, body: Value) -> Result<Backfill> {
    let Asked { from, to, overlap } = wire::read("", body)?;
    let (from, to) = (due::parse_instant("from", &from)?, due::parse_instant("to", &to)?);
    let now = services.clock.now();
    if to > now {
        return Err(Error::invalid("to", "out_of_range", "must not be in the future: those ticks fire by themselves"));
    }
    let (entry, stored) = find(services, integration, schedule).await?;
    let total = planned(&known::parse(&stored.spec)?.recurrence, from, to)?;
    let new = Backfill {
        id: ScheduleRef { integration: entry.id, schedule: ScheduleId::new(now) },
        of: stored.id.schedule,
        from,
        to,
        overlap: match overlap {
            Overlap::Queue => "queue".into(),
            Overlap::Allow => "allow".into(),
        },
        total,
        fired: 0,
        state: BackfillState::Running,
        created: now,
        ended: None,
    };
    services.catalog.add_backfill(&new).await?;
    Ok(new)
}

/// The backfills of a schedule, newest first.
pub async fn backfills(services: &Services, integration: &str, schedule: &str) -> Result<Vec<Backfill>> {
    let (_, stored) = find(services, integration, schedule).await?;
    Ok(services.catalog.backfills(stored.id.schedule).await?)
}

/// Stops a backfill; ticks that are queued already still run.
pub async fn stop_backfill(services: &Services, integration: &str, schedule: &str, id: ScheduleId) -> Result<Backfill> {
    let (_, stored) = find(services, integration, schedule).await?;
    let known = services.catalog.backfills(stored.id.schedule).await?;
    let Some(found) = known.into_iter().find(|backfill| backfill.id.schedule == id) else {
        let message = format!("{schedule} has no backfill {id}");
        return Err(Error::NotFound { code: "backfill_not_found", message });
    };
    match services.catalog.end_backfill(id, BackfillState::Stopped, services.clock.now()).await? {
        Some(stopped) => Ok(stopped),
        None => Err(Error::conflict("backfill_ended", format!("backfill {id} is {}", found.state.name()))),
    }
}

/// Fires what can be fired of the backfills that run; answers when it is wanted again, if that is soon.
pub(crate) async fn fire_backfills(services: &Services) -> Result<Option<Millis>> {
    let running = services.catalog.running_backfills(AT_ONCE).await?;
    let mut again = None;
    for outcome in join_all(running.iter().map(|backfill| fire_some(services, backfill))).await {
        again = again.max(outcome?);
    }
    Ok(again)
}

async fn fire_some(services: &Services, backfill: &Backfill) -> Result<Option<Millis>> {
    let now = services.clock.now();
    let Some(entry) = services.directory.by_id(backfill.id.integration) else { return Ok(None) };
    if entry.paused || entry.latest.is_none() {
        return Ok(None);
    }
    let stored = services.catalog.schedule_by_id(backfill.of).await?.filter(|stored| stored.deleted.is_none());
    let Some(stored) = stored else {
        services.catalog.end_backfill(backfill.id.schedule, BackfillState::Stopped, now).await?;
        return Ok(None);
    };
    let known = Known::read(stored)?;
    let lane = manage::lane(services, &entry, &known).await?;
    for _ in 0..STEPS {
        let from = cursor(services, backfill.id).await?;
        let after = from.map_or(backfill.from.after(-1), |from| from.nominal);
        let one_by_one = backfill.overlap == "queue";
        let step = if one_by_one { 1 } else { STEP };
        let nominals = known.schedule.recurrence.between(after, backfill.to, step);
        let Some(last) = nominals.last().copied() else {
            services.catalog.end_backfill(backfill.id.schedule, BackfillState::Done, now).await?;
            services.queue.forget_schedules(vec![backfill.id]).await?;
            return Ok(None);
        };
        let made_of = known.of(lane.as_deref()).made_of;
        let make = Ticks { of: backfill.id, recurrence: &known.schedule.recurrence, made_of, now };
        let ticks: Vec<NewJob> = nominals.iter().map(|at| at_once(&make, *at)).collect();
        let count = ticks.len() as u64;
        let firing = Firing {
            revision: known.stored.revision,
            if_busy: if one_by_one { IfBusy::Wait } else { IfBusy::Queue },
            records: ticks.iter().map(|tick| record(backfill.id, tick, known.stored.revision, now)).collect(),
            ticks,
            ..Firing::new(backfill.id, from, last)
        };
        let fired = firing.cursor_if_queued().fired;
        match services.queue.fire(firing).await? {
            Fired::Queued { .. } => tell(services, &entry, backfill, (count, fired)).await?,
            Fired::Skipped => return Ok(Some(now.after(AGAIN_MS))),
            Fired::Lost { .. } => return Ok(None),
        }
    }
    Ok(Some(now.after(1)))
}

async fn tell(services: &Services, entry: &Arc<Entry>, backfill: &Backfill, (n, fired): (u64, u64)) -> Result<()> {
    services.events.emit(Event::JobQueued { integration: entry.name.clone(), cause: Cause::Backfill, n });
    Ok(services.catalog.note_backfill(backfill.id.schedule, fired).await?)
}

/// A tick of the past that is due now.
fn at_once(make: &Ticks<'_>, nominal: Millis) -> NewJob {
    let mut new = make.tick(JobId::new(make.now), nominal, Cause::Backfill);
    new.job.due = make.now;
    new
}

fn record(schedule: ScheduleRef, new: &NewJob, revision: u32, now: Millis) -> TickRecord {
    let nominal = new.job.tick.map_or(now, |tick| tick.nominal);
    TickRecord {
        schedule,
        first: nominal,
        last: nominal,
        count: Some(1),
        verdict: Verdict::Fired,
        job: Some(new.job.id),
        cause: Some(Cause::Backfill),
        effective: Some(new.job.due),
        revision,
        recorded: now,
    }
}

//! Going on with replays, some events at a time. A step that a process died in is made again by another one; the queue
//! knows the jobs that it had made.

use schedules::Millis;
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::catalog::{EventReplay, LoggedEvent, ReplayState, ReplayStep};
use store::queue::{Cause, Enqueued, Idempotency, IfExists, NewJob, Queue};

use super::request::Noted;
use super::start::filter;
use crate::events::intake::job;
use crate::events::matching::{made, wanted};
use crate::events::{Checked, DUPLICATE_MS, Subscriber, Wanted};
use crate::{Error, Event, Result, Services};

/// Events of one step.
const BATCH: usize = 200;
/// Steps of one replay before another has its turn.
const STEPS: usize = 20;
/// For how long a process takes a replay; a step takes much less.
const TAKEN_MS: i64 = 60_000;
/// Jobs are made this long before they are due, at most: so a stop is felt, and a slow replay does not fill the queue.
const AHEAD_MS: i64 = 5_000;
/// The pause after the queue was full.
const FULL_MS: i64 = 1_000;

/// Goes on with every replay that nobody works on; answers when it is wanted again.
pub(crate) async fn go_on(services: &Services) -> Result<Option<Millis>> {
    let mut next = None::<Millis>;
    for replay in services.catalog.open_replays(services.clock.now()).await? {
        if let Some(at) = turn(services, &replay).await? {
            next = Some(next.map_or(at, |known| known.min(at)));
        }
    }
    Ok(next)
}

/// Some steps of one replay; when there is more to do.
async fn turn(services: &Services, replay: &EventReplay) -> Result<Option<Millis>> {
    let mut replay = replay.clone();
    for _ in 0..STEPS {
        let now = services.clock.now();
        if replay.due > now.after(AHEAD_MS) {
            return Ok(Some(replay.due.after(-AHEAD_MS)));
        }
        let until = now.after(TAKEN_MS);
        // A step at a time, so that a stop is noticed before the next one.
        if !services.catalog.take_replay(replay.id, now, until).await? {
            return Ok(None);
        }
        let step = step(services, &replay, now).await;
        services.catalog.release_replay(replay.id, until).await?;
        match step {
            Ok(Some(step)) => replay = EventReplay { after: step.after, due: step.due, ..replay },
            Ok(None) => return Ok(None),
            Err(Error::Busy { message, .. }) => {
                tracing::warn!(replay.id = %replay.id, message, "a replay waits for room in the queue");
                return Ok(Some(now.after(FULL_MS)));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(services.clock.now()))
}

/// What becomes of an event in a replay.
pub(super) enum Choice {
    /// A job is made of this.
    Job(Box<Checked>, Wanted),
    /// It is left out.
    Skip,
}

/// Whether an event is replayed, and as what.
pub(super) fn choose(noted: &Noted, subscriber: &Subscriber, logged: &LoggedEvent) -> Choice {
    let Some(events) = &subscriber.events else { return Choice::Skip };
    let patterns = noted.patterns();
    let types = patterns.as_ref().unwrap_or(&events.types);
    if !types.iter().any(|pattern| pattern.means(&logged.kind)) {
        return Choice::Skip;
    }
    let Some(event) = marked(logged) else { return Choice::Skip };
    let wanted = if noted.filter { wanted(events, &event) } else { made(events, &event.body) };
    wanted.map_or(Choice::Skip, |wanted| Choice::Job(Box::new(event), wanted))
}

/// The event of a log entry, with the mark of a replay.
fn marked(logged: &LoggedEvent) -> Option<Checked> {
    let mut body: Value = serde_json::from_str(&logged.body).ok()?;
    body.get_mut("meta")?.as_object_mut()?.insert("replayed".into(), true.into());
    let text = body.to_string();
    let (id, kind) = (logged.event.clone(), logged.kind.clone());
    Some(Checked { id, kind, source: logged.source.clone(), ts: logged.occurred, body, text })
}

/// Makes the next jobs; `None` at the end.
async fn step(services: &Services, replay: &EventReplay, now: Millis) -> Result<Option<ReplayStep>> {
    let noted: Noted = serde_json::from_str(&replay.request).map_err(|error| {
        Error::Unavailable(format!("replay {}: what was asked for cannot be read: {error}", replay.id))
    })?;
    let subscriptions = services.subscriptions.open(services).await?;
    let entry = services.directory.by_id(replay.integration);
    let Some(subscriber) = entry.as_ref().and_then(|entry| subscriptions.of_name(&entry.name)) else {
        end(services, replay, ReplayState::Stopped, now).await?;
        return Ok(None);
    };
    let stretch = (replay.after, replay.until);
    let events = services.catalog.next_events(&replay.workspace, &filter(&noted, subscriber), stretch, BATCH).await?;
    if events.is_empty() {
        end(services, replay, ReplayState::Finished, now).await?;
        return Ok(None);
    }
    let start = replay.due.max(now);
    let (mut jobs, mut looked, mut after) = (Vec::new(), 0_u64, replay.after);
    for logged in &events {
        let due = noted.rate().map_or(start, |rate| start.after(rate.after_ms(jobs.len() as u64)));
        if due > now.after(AHEAD_MS) {
            break;
        }
        looked += 1;
        after = logged.place;
        if let Choice::Job(event, wanted) = choose(&noted, subscriber, logged) {
            jobs.push(new_job(replay, subscriber, (logged, &event), wanted, (due, now)));
        }
    }
    let due = noted.rate().map_or(start, |rate| start.after(rate.after_ms(jobs.len() as u64)));
    let answers = if jobs.is_empty() { Vec::new() } else { services.queue.enqueue(jobs).await? };
    let refused = answers.iter().filter(|answer| matches!(answer, Enqueued::Crowded { .. })).count() as u64;
    let fresh = answers.iter().filter(|answer| matches!(answer, Enqueued::Created)).count() as u64;
    let integration = subscriber.entry.name.clone();
    if fresh > 0 {
        services.events.emit(Event::JobQueued { integration, cause: Cause::Replay, n: fresh });
    }
    let done = answers.len() as u64 - refused;
    let step = ReplayStep { after, due, done, skipped: looked - done };
    services.catalog.advance_replay(replay.id, replay.after, step).await?;
    Ok(Some(step))
}

/// The same step once more, as after a death in the middle of it.
#[cfg(test)]
pub(super) async fn step_again(services: &Services, replay: &EventReplay) {
    let now = services.clock.now();
    step(services, replay, now).await.expect("a step");
}

async fn end(services: &Services, replay: &EventReplay, state: ReplayState, now: Millis) -> Result<()> {
    services.catalog.end_replay(&replay.workspace, replay.id, state, now).await?;
    tracing::info!(replay.id = %replay.id, %state, "a replay of events came to its end");
    Ok(())
}

fn new_job(
    replay: &EventReplay,
    subscriber: &Subscriber,
    (logged, event): (&LoggedEvent, &Checked),
    wanted: Wanted,
    (due, now): (Millis, Millis),
) -> NewJob {
    let job = job(subscriber, (&event.body, &event.text), wanted, (Cause::Replay, due, now));
    let key = format!("replay:{}:{}", replay.id, logged.place);
    let fingerprint = Sha256::digest(&key).into();
    let idempotency = Some(Idempotency { key, fingerprint, until: now.after(DUPLICATE_MS) });
    NewJob { job, if_exists: IfExists::Beside, idempotency }
}

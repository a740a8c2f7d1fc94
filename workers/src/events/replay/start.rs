//! Starting a replay: which stretch of the log it means is settled here, the rest is the duty's business.

use std::sync::Arc;

use serde_json::Value;
use store::catalog::{EventFilter, EventReplay, EventTypes, ReplayState};
use store::{EventPlace, ReplayId};
use ulid::Ulid;

use super::request::{self, Noted, Request};
use super::work::{Choice, choose};
use crate::events::{Subscriber, Subscriptions};
use crate::settings::TypePattern;
use crate::{Entry, Error, Result, Services};

/// How many events a dry run shows.
pub const SAMPLES: usize = 10;
/// How many events a dry run looks at.
const LOOKED_AT: u64 = 10_000;
/// How many it reads at a time.
const PAGE: usize = 500;

/// The answer to a call.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It was asked for a dry run: nothing is made.
    DryRun(DryRun),
    /// It is under way.
    Started(EventReplay),
}

/// What a replay would do.
#[derive(Clone, Debug, Default)]
pub struct DryRun {
    /// How many events the stretch has.
    pub total: u64,
    /// How many of them were looked at, from the oldest on.
    pub looked_at: u64,
    /// How many of those would make a job.
    pub matched: u64,
    /// The ids of the first of those.
    pub samples: Vec<String>,
}

/// Starts a replay, or says what it would do. `may` says whether the caller may start an integration.
pub async fn start(services: &Services, body: Value, may: impl FnOnce(&str) -> bool) -> Result<Answer> {
    let now = services.clock.now();
    let Request { integration, noted, dry_run } = request::read(body, now)?;
    let found = services.directory.find(&integration).await?;
    let entry = found.filter(|entry| may(&entry.name)).ok_or_else(|| Error::no_integration(&integration))?;
    let subscriptions = services.subscriptions.open(services).await?;
    let subscriber = subscriber(&subscriptions, &entry)?;
    let replay = EventReplay {
        id: ReplayId::new(now),
        workspace: entry.workspace.to_string(),
        integration: entry.id,
        request: serde_json::to_string(&noted).unwrap_or_default(),
        state: ReplayState::Running,
        created: now,
        finished: None,
        after: EventPlace(Ulid::nil()),
        // What comes in from now on is not meant.
        until: EventPlace(Ulid::from_parts(u64::try_from(now.0).unwrap_or(0), u128::MAX)),
        due: now,
        total: 0,
        done: 0,
        skipped: 0,
    };
    let filter = filter(&noted, subscriber);
    let stretch = (replay.after, replay.until);
    let total = services.catalog.count_events(&replay.workspace, &filter, stretch).await?;
    let replay = EventReplay { total, ..replay };
    if dry_run {
        return dry(services, &replay, &noted, subscriber).await.map(Answer::DryRun);
    }
    services.catalog.start_replay(&replay).await.map_err(|error| match error {
        store::Error::Full { what, limit } => Error::conflict(
            "too_many_replays",
            format!("there are {limit} {what} already: wait until one has come to its end, or stop one"),
        ),
        other => other.into(),
    })?;
    Ok(Answer::Started(replay))
}

fn subscriber<'a>(subscriptions: &'a Subscriptions, entry: &Arc<Entry>) -> Result<&'a Subscriber> {
    let name = &entry.name;
    subscriptions.of_name(name).ok_or_else(|| {
        Error::conflict(
            "no_subscription",
            format!("{name} has no release with settings.events: give it some, and the trigger \"event\""),
        )
    })
}

/// The part of the log that is meant, as far as the catalog can tell.
pub(super) fn filter(noted: &Noted, subscriber: &Subscriber) -> EventFilter {
    let patterns = noted.patterns();
    let own = subscriber.events.as_ref().map(|events| &events.types);
    let types = match patterns.as_ref().or(own).map(Vec::as_slice) {
        Some([TypePattern::Exact(kind)]) => Some(EventTypes::Exact(kind.to_string())),
        Some([TypePattern::Below(start)]) => Some(EventTypes::Below(start.to_string())),
        _ => None,
    };
    EventFilter {
        types,
        from: Some(schedules::Millis(noted.from_ms)),
        to: Some(schedules::Millis(noted.to_ms)),
        ..EventFilter::default()
    }
}

async fn dry(services: &Services, replay: &EventReplay, noted: &Noted, subscriber: &Subscriber) -> Result<DryRun> {
    let (mut found, mut after) = (DryRun { total: replay.total, ..DryRun::default() }, replay.after);
    let filter = filter(noted, subscriber);
    while found.looked_at < LOOKED_AT {
        let events = services.catalog.next_events(&replay.workspace, &filter, (after, replay.until), PAGE).await?;
        let Some(last) = events.last() else { break };
        after = last.place;
        for logged in &events {
            found.looked_at += 1;
            if let Choice::Job(..) = choose(noted, subscriber, logged) {
                found.matched += 1;
                if found.samples.len() < SAMPLES {
                    found.samples.push(logged.event.clone());
                }
            }
        }
    }
    Ok(found)
}

/// Ends a replay before its end; the jobs it made stay.
pub async fn stop(services: &Services, replay: &EventReplay) -> Result<()> {
    let now = services.clock.now();
    if services.catalog.end_replay(&replay.workspace, replay.id, ReplayState::Stopped, now).await? {
        return Ok(());
    }
    Err(Error::conflict("replay_not_running", format!("replay {} is not running", replay.id)))
}

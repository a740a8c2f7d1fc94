//! Make the draft an immutable release, or an old release the newest one again.

use schedules::rate::Limit;
use store::catalog::{Bump, NewRelease, Release, ReleaseNumber, Trigger};
use store::queue::{Control, Queue};

use super::{build, stored};
use crate::services::to_the_end;
use crate::settings::{Overlap, Settings};
use crate::timetable::sync_own;
use crate::{Error, Result, Services};

const MAX_NOTE_BYTES: usize = 1_024;

/// Releases the draft: triggers run it from now on. An edit of the schedule never fires by itself.
pub async fn release(services: &Services, name: &str, note: String, bump: Bump) -> Result<Release> {
    let integration = stored(services, name).await?;
    let built = build(services, &integration.draft.files, integration.draft.lock.as_deref()).await?;
    let bundle = serde_json::to_string(&built.bundle).map_err(|error| Error::Unavailable(error.to_string()))?;
    let new = NewRelease {
        integration: integration.id,
        files: integration.draft.files.clone(),
        settings: integration.draft.settings.clone(),
        bundle,
        lock: built.lock.map(|lock| lock.text()),
        note,
        created: services.clock.now(),
    };
    publish(services, &integration.name, new, bump).await
}

/// Makes a new release with the code and settings of an old one.
pub async fn rollback(services: &Services, name: &str, number: ReleaseNumber, note: String) -> Result<Release> {
    let integration = stored(services, name).await?;
    let old = services.catalog.release_by_number(integration.id, number).await?.ok_or_else(|| Error::NotFound {
        code: "release_not_found",
        message: format!("{name} has no release {number}"),
    })?;
    let note = if note.is_empty() { format!("Rollback to {number}") } else { note };
    let new = NewRelease {
        integration: integration.id,
        files: old.files,
        settings: old.settings,
        bundle: old.bundle,
        lock: old.lock,
        note,
        created: services.clock.now(),
    };
    publish(services, &integration.name, new, Bump::Minor).await
}

async fn publish(services: &Services, name: &str, new: NewRelease, bump: Bump) -> Result<Release> {
    if new.note.len() > MAX_NOTE_BYTES {
        return Err(Error::invalid("note", "out_of_range", format!("must be at most {MAX_NOTE_BYTES} bytes")));
    }
    to_the_end(change(services.clone(), name.to_owned(), new, bump)).await
}

async fn change(services: Services, name: String, new: NewRelease, bump: Bump) -> Result<Release> {
    let _alone = services.authoring.lock().await;
    // Looked up again: compiling takes its time, and it may have been paused or deleted meanwhile.
    let integration = stored(&services, &name).await?;
    if integration.id != new.integration {
        return Err(Error::no_integration(&name));
    }
    let settings = serde_json::from_str(&new.settings).unwrap_or_default();
    let settings = Settings::parse(&settings)?;
    services.directory.check_limiters(&settings)?;
    let limits = services.directory.limits(&settings);
    services.queue.control(integration.id, control(&settings, &limits, integration.pause.is_some())).await?;
    let release = services.catalog.release(new, bump).await?;
    services.directory.reload().await?;
    // A scheduler would do it in a moment; a schedule is in force from its release on.
    if let Some(entry) = services.directory.by_id(integration.id).filter(|entry| entry.trigger == Trigger::Recurring) {
        sync_own(&services, &entry).await?;
    }
    Ok(release)
}

/// What the queue must know of the settings, whose limits have their numbers. Ticks that wait for their turn are a concurrency of one.
pub fn control(settings: &Settings, limits: &[Limit], paused: bool) -> Control {
    let in_turn = settings.schedule.as_ref().is_some_and(|schedule| schedule.overlap == Overlap::Queue);
    let lanes = settings.concurrency.lanes.as_ref();
    Control {
        paused,
        concurrency: if in_turn { Some(1) } else { settings.concurrency.limit },
        lane_concurrency: lanes.map(|lanes| lanes.limit),
        lane_backlog: lanes.and_then(|lanes| lanes.backlog),
        lane_fifo: lanes.is_some_and(|lanes| lanes.fifo),
        limits: limits.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::queue::Inspect;

    use schedules::rate::OnExceed;

    use super::*;
    use crate::authoring::{pause, remove};
    use crate::world::{World, release};

    #[test]
    fn the_queue_is_told_of_limits_and_lanes() {
        let settings = json!({
            "rateLimits": [{"limit": 10, "interval": "1s", "onExceed": "delay"}],
            "concurrency": [{"limit": 20}, {"limit": 2, "key": ["email"], "backlog": 100}],
        });
        let settings = Settings::parse(&settings).expect("valid");
        let limits: Vec<Limit> = settings.rate_limits.iter().map(|it| it.limit.clone()).collect();
        let control = control(&settings, &limits, false);
        assert_eq!((control.paused, control.concurrency), (false, Some(20)));
        assert_eq!((control.lane_concurrency, control.lane_backlog), (Some(2), Some(100)));
        assert_eq!((control.limits[0].rule.limit, control.limits[0].on_exceed), (10, OnExceed::Delay));
    }

    #[tokio::test]
    async fn a_pause_while_a_release_is_compiled_holds() {
        let world = World::open().await;
        let services = &world.services;
        let entry = world.released("hello", Trigger::Experience, &json!({})).await;
        let new = release(entry.id, &json!({}));
        pause(services, "hello", String::new()).await.expect("paused");
        publish(services, "hello", new.clone(), Bump::Minor).await.expect("released");
        assert!(services.queue.control_of(entry.id).await.expect("control").paused);
        remove(services, "hello").await.expect("removed");
        assert!(matches!(publish(services, "hello", new, Bump::Minor).await, Err(Error::NotFound { .. })));
    }
}

//! Run a draft now, to see what it does: no limits are charged, and its cache is its own.

use std::sync::Arc;

use serde_json::Value;
use store::catalog::ReleaseNumber;
use store::queue::{Cause, Job};
use store::{JobId, RunId};

use super::{build, stored};
use crate::live::Follow;
use crate::packages::Installed;
use crate::settings::Settings;
use crate::worker::attempt::Attempt;
use crate::{Entry, Error, Result, Services, Version, hooks, invoke};

/// A draft has no number; nothing shows this one.
const NO_NUMBER: ReleaseNumber = ReleaseNumber { major: 0, minor: 0 };

/// Starts a run of the draft; its updates follow, the last one is its record.
pub async fn preview(services: &Services, name: &str, payload: Value) -> Result<(RunId, Follow)> {
    let payload = invoke::payload(payload)?;
    let integration = stored(services, name).await?;
    let built = build(services, &integration.draft.files, integration.draft.lock.as_deref()).await?;
    let installed = built.lock.as_ref().map(|lock| Installed::new(lock, built.cached));
    let settings = Settings::parse(&serde_json::from_str(&integration.draft.settings).unwrap_or_default())?;
    let now = services.clock.now();
    let run = RunId::new(now);
    let entry = Entry {
        id: integration.id,
        name: integration.name.into(),
        workspace: integration.workspace.into(),
        trigger: integration.trigger,
        paused: false,
        latest: integration.latest,
    };
    let job = Job {
        id: JobId::new(now),
        integration: entry.id,
        cause: Cause::Preview,
        release: None,
        context: hooks::sample::context(entry.trigger, &payload),
        payload,
        key: None,
        due: now,
        closes: None,
        window: None,
        jitter_ms: 0,
        priority: 0,
        weight: 1,
        lane: None,
        awaited: false,
        tick: None,
        debounce: None,
        attempts: Some(1),
        created: now,
    };
    let version = Arc::new(Version { number: NO_NUMBER, settings, bundle: built.bundle.into(), installed });
    let attempt = Attempt { run, job, entry: Arc::new(entry), version, number: 1, started: now };
    services.live.start(attempt.running());
    let follow = services.live.follow(run).ok_or_else(|| Error::Unavailable("the preview did not start".into()))?;
    let owned = services.clone();
    services.previews.spawn(async move {
        let _slot = owned.room.slots().acquire_owned().await;
        match attempt.run(&owned, &owned.stop).await {
            Some((record, _)) => owned.recorder.record(record).await,
            None => owned.live.forget(run),
        }
    });
    Ok((run, follow))
}

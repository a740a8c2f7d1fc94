//! What unit tests of this crate stand on: services in a folder of their own, a clock that stands still, no runners.

use std::collections::BTreeMap;
use std::sync::Arc;

use schedules::{ManualClock, Millis};
use scripts::protocol::{Bundle, Format};
use serde_json::Value;
use store::catalog::{Bump, Draft, EventRetention, Files, NewIntegration, NewRelease, Retention, Trigger};
use store::queue::{Cause, Job};
use store::{IntegrationId, JobId};
use tempfile::TempDir;

use crate::queue::{self, Location};
use crate::secrets::KeySource;
use crate::{Entry, Options, Services, packages, runners};

/// When the clock stands still.
pub(crate) const NOW: Millis = Millis(1_800_000_000_000);

/// Services, and what makes them move.
pub(crate) struct World {
    pub services: Services,
    pub clock: Arc<ManualClock>,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(ManualClock::new(NOW));
        let services = Services::open(options(&folder), clock.clone(), Vec::new()).await.expect("services");
        Self { services, clock, _folder: folder }
    }

    /// An integration with one release; its settings are stored as they are, and the queue is not told of them.
    pub(crate) async fn released(&self, name: &str, trigger: Trigger, settings: &Value) -> Arc<Entry> {
        self.stored(name, trigger, settings).await;
        self.services.directory.reload().await.expect("reloaded");
        self.services.directory.by_name(name).expect("known")
    }

    /// The same, made by another process: nothing here has noticed it.
    pub(crate) async fn released_elsewhere(&self, name: &str, settings: &Value) -> IntegrationId {
        self.stored(name, Trigger::Experience, settings).await
    }

    async fn stored(&self, name: &str, trigger: Trigger, settings: &Value) -> IntegrationId {
        let id = IntegrationId::new(NOW);
        let draft = Draft { files: Files::new(), settings: settings.to_string(), sample: "null".into(), lock: None };
        let new = NewIntegration {
            id,
            workspace: self.services.options.workspace.clone(),
            name: name.into(),
            description: String::new(),
            trigger,
            draft,
            created: NOW,
        };
        self.services.catalog.create(new).await.expect("created");
        self.services.catalog.release(release(id, settings), Bump::Minor).await.expect("released");
        id
    }
}

/// A job that is due now.
pub(crate) fn job(integration: IntegrationId, cause: Cause) -> Job {
    Job {
        id: JobId::new(NOW),
        integration,
        cause,
        release: None,
        payload: "null".into(),
        key: None,
        due: NOW,
        closes: None,
        window: None,
        jitter_ms: 0,
        priority: 0,
        weight: 1,
        lane: None,
        awaited: false,
        tick: None,
        debounce: None,
        attempts: None,
        context: None,
        created: NOW,
    }
}

/// A release of it that is about to be made.
pub(crate) fn release(integration: IntegrationId, settings: &Value) -> NewRelease {
    let bundle = Bundle {
        entry: "integration.js".into(),
        format: Format::CommonJs,
        code: "module.exports = () => 1;".into(),
        map: None,
        source: None,
        hash: String::new(),
    };
    NewRelease {
        integration,
        files: Files::new(),
        settings: settings.to_string(),
        bundle: serde_json::to_string(&bundle).expect("JSON"),
        lock: None,
        note: String::new(),
        created: NOW,
    }
}

fn options(folder: &TempDir) -> Options {
    Options {
        data: folder.path().to_owned(),
        queue: queue::Options { location: Location::Embedded(folder.path().join("queue.db")), max_jobs: 10_000 },
        workspace: "default".into(),
        runner: runners::Command { program: "/nonexistent/runner".into(), args: Vec::new() },
        concurrency: 1,
        runners: 1,
        isolation: runners::Isolation::Warm,
        lease_ms: 30_000,
        horizon_ms: 10 * 366 * 86_400_000,
        sync_wait_ms: 30_000,
        openings: Vec::new(),
        packages: packages::Options::new(
            packages::RegistryOptions::parse("http://127.0.0.1:1", None).expect("an address"),
        ),
        proxies: Vec::new(),
        dns: Vec::new(),
        secrets: BTreeMap::new(),
        master_key: KeySource::File(folder.path().join("master.key")),
        retention: Retention { max_age_ms: u64::MAX / 4, max_count: 10_000, max_bytes: 1 << 30 },
        event_retention: EventRetention { max_age_ms: u64::MAX / 4, max_bytes: 1 << 30 },
        dead_max_age_ms: i64::MAX / 4,
        dead_keep: 1_000,
    }
}

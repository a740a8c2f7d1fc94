//! What unit tests of this crate stand on: services in a folder of their own, a clock that stands still, no runners.

use std::sync::Arc;

use schedules::{ManualClock, Millis};
use scripts::protocol::{Bundle, Format};
use serde_json::Value;
use store::catalog::{Bump, Draft, Files, NewIntegration, NewRelease, Trigger};
use store::queue::{Cause, Job};
use store::{IntegrationId, JobId};
use tempfile::TempDir;

use crate::queue::Location;
use crate::{Entry, Options, Services};

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
        Self::with_room(1).await
    }

    /// With room for so many runs.
    pub(crate) async fn with_room(concurrency: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(ManualClock::new(NOW));
        let queue = Location::Embedded(folder.path().join("queue.db"));
        let options = Options { concurrency, ..Options::small(folder.path(), queue) };
        let services = Services::open(options, clock.clone(), Vec::new()).await.expect("services");
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

//! Brings what the queue holds back in line with the catalog: pauses, concurrency and rate limits are in both.
//!
//! A release and a pause write both in turn. A crash between the two, two processes that release at once, a queue that
//! was emptied, and data of a version that knew fewer controls all leave them apart.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use schedules::Millis;
use store::IntegrationId;
use store::catalog::ReleaseNumber;
use store::queue::{Control, Inspect, Queue};

use crate::authoring::control;
use crate::{Entry, Result, Services};

/// What of an integration decides its control; the last is what limiters there are.
type State = (Option<ReleaseNumber>, bool, u64);

/// The integrations whose control was right when they were in this state; nothing else changes it. May be lost at any
/// time.
#[derive(Default)]
pub(crate) struct Agreed(Mutex<HashMap<IntegrationId, State>>);

impl Agreed {
    fn of(&self, id: IntegrationId) -> Option<State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    fn put(&self, states: HashMap<IntegrationId, State>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = states;
    }
}

pub(crate) async fn run(services: Services) -> Result<Option<Millis>> {
    let entries = services.directory.all();
    let (mut agreed, mut result) = (HashMap::with_capacity(entries.len()), Ok(()));
    for entry in entries {
        let state = (entry.latest, entry.paused, services.directory.limiters().stamp());
        if services.agreed.of(entry.id) == Some(state) {
            agreed.insert(entry.id, state);
            continue;
        }
        match agree(&services, &entry).await {
            Ok(()) => drop(agreed.insert(entry.id, state)),
            Err(error) => result = Err(error),
        }
    }
    services.agreed.put(agreed);
    result.map(|()| None)
}

async fn agree(services: &Services, entry: &Entry) -> Result<()> {
    // Not while a release or a pause of this process is half-way.
    let _alone = services.authoring.lock().await;
    if missing(services, entry.id).await?.is_none() {
        return Ok(());
    }
    // Another process may have changed both a moment ago.
    services.directory.refresh().await?;
    if let Some(wanted) = missing(services, entry.id).await? {
        tracing::info!(integration = &*entry.name, "the queue is told of pause and limits, which it did not have");
        services.queue.control(entry.id, wanted).await?;
    }
    Ok(())
}

/// The control that the catalog asks for, if the queue has another one.
async fn missing(services: &Services, id: IntegrationId) -> Result<Option<Control>> {
    let Some(entry) = services.directory.by_id(id) else { return Ok(None) };
    let wanted = match services.directory.version(&entry, None).await? {
        Some(version) => {
            let limits = services.directory.limits(&version.settings);
            control(&version.settings, &limits, entry.paused)
        }
        None => Control { paused: entry.paused, ..Control::default() },
    };
    let has = services.queue.control_of(id).await?;
    Ok((has != wanted).then_some(wanted))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::catalog::Trigger;

    use super::*;
    use crate::authoring::pause;
    use crate::world::World;

    #[tokio::test]
    async fn a_queue_that_knows_nothing_is_told() {
        let world = World::open().await;
        let services = &world.services;
        let settings = json!({ "concurrency": 3, "rateLimits": [{ "limit": 1, "interval": "1s" }] });
        let entry = world.released("hello", Trigger::Experience, &settings).await;
        assert_eq!(services.queue.control_of(entry.id).await.expect("control"), Control::default());
        run(services.clone()).await.expect("told");
        let told = services.queue.control_of(entry.id).await.expect("control");
        assert_eq!((told.paused, told.concurrency, told.limits.len()), (false, Some(3), 1));

        pause(services, "hello", String::new()).await.expect("paused");
        services.queue.control(entry.id, Control::default()).await.expect("emptied");
        run(services.clone()).await.expect("told");
        assert!(services.queue.control_of(entry.id).await.expect("control").paused);
    }
}

//! The subscriptions, in memory: made of the releases that the directory knows, again whenever it has changed. Settings
//! that were read before are not read again; all of it may be lost at any time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use store::IntegrationId;
use store::catalog::{ReleaseNumber, Trigger};
use tokio::sync::Mutex;

use super::{Subscriber, Subscriptions};
use crate::settings::Settings;
use crate::{Entry, Error, Result, Services};

/// What the settings of a release say; `None` if events are nothing to it.
type Known = HashMap<IntegrationId, (ReleaseNumber, Option<Subscriber>)>;

/// The subscriptions of a workspace.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// With the version of the directory that they were made of.
    made: RwLock<Option<(u64, Arc<Subscriptions>)>>,
    known: Mutex<Known>,
}

impl Book {
    /// The subscriptions as they are now: an event that comes after a release was made, in whichever process, finds it.
    pub async fn open(&self, services: &Services) -> Result<Arc<Subscriptions>> {
        services.directory.refresh().await?;
        if let Some(made) = self.fresh(services.directory.version_read()) {
            return Ok(made);
        }
        // One call reads, the others wait for what it brings.
        let mut known = self.known.lock().await;
        let (version, entries) = services.directory.snapshot();
        if let Some(made) = self.fresh(version) {
            return Ok(made);
        }
        let made = Arc::new(read(services, &mut known, entries).await?);
        *self.made.write().unwrap_or_else(PoisonError::into_inner) = Some((version, made.clone()));
        Ok(made)
    }

    fn fresh(&self, version: u64) -> Option<Arc<Subscriptions>> {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        made.as_ref().filter(|(of, _)| *of == version).map(|(_, made)| made.clone())
    }
}

async fn read(services: &Services, known: &mut Known, entries: Vec<Arc<Entry>>) -> Result<Subscriptions> {
    let (mut subscribers, mut unreleased, mut kept) = (Vec::new(), Vec::new(), Known::new());
    for entry in entries {
        let Some(number) = entry.latest else {
            if entry.trigger == Trigger::Event {
                unreleased.push(entry.name.clone());
            }
            continue;
        };
        let subscriber = match known.remove(&entry.id) {
            Some((of, subscriber)) if of == number => subscriber.map(|it| Subscriber { entry: entry.clone(), ..it }),
            _ => match settings(services, &entry, number).await {
                Ok(settings) => settings.and_then(|settings| Subscriber::new(entry.clone(), &settings)),
                Err(Error::Invalid { field, message, .. }) => {
                    tracing::error!(
                        integration = &*entry.name,
                        field,
                        message,
                        "the settings of a release cannot be read: no event starts it"
                    );
                    None
                }
                Err(other) => return Err(other),
            },
        };
        subscribers.extend(subscriber.clone());
        kept.insert(entry.id, (number, subscriber));
    }
    *known = kept;
    Ok(Subscriptions::new(subscribers, unreleased))
}

async fn settings(services: &Services, entry: &Entry, number: ReleaseNumber) -> Result<Option<Settings>> {
    let Some(text) = services.catalog.release_settings(entry.id, number).await? else { return Ok(None) };
    let value =
        serde_json::from_str(&text).map_err(|error| Error::invalid("settings", "invalid_json", error.to_string()))?;
    Settings::parse(&value).map(Some)
}

//! What every claim and call needs to know of the integrations, in memory: names, pauses, releases with settings.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use schedules::rate::Limit;
use scripts::protocol::Bundle;
use store::IntegrationId;
use store::catalog::{Catalog, Integration, ReleaseNumber, Trigger};

use crate::limits::Limiters;
use crate::packages::{Installed, Lock};
use crate::settings::Settings;
use crate::{Error, Result};

/// How many loaded releases are kept; beyond, all are dropped and loaded again as needed.
const MAX_VERSIONS: usize = 1_000;

/// An integration, without its draft.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub id: IntegrationId,
    /// Its name.
    pub name: Arc<str>,
    /// Its workspace.
    pub workspace: Arc<str>,
    /// What makes it run.
    pub trigger: Trigger,
    /// Whether its jobs are held.
    pub paused: bool,
    /// Its highest release.
    pub latest: Option<ReleaseNumber>,
}

/// A release, ready to run.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its number.
    pub number: ReleaseNumber,
    /// Its settings.
    pub settings: Settings,
    /// Its code.
    pub bundle: Arc<Bundle>,
    /// What packages are in it.
    pub installed: Option<Installed>,
}

/// An integration with the release that serves a trigger, if there is one.
type Serving = (Arc<Entry>, Option<Arc<Version>>);

#[derive(Default)]
struct Index {
    by_id: HashMap<IntegrationId, Arc<Entry>>,
    by_name: HashMap<Arc<str>, Arc<Entry>>,
    limiters: Arc<Limiters>,
    catalog_version: u64,
}

/// The integrations of the workspace; cheap to clone.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    catalog: Catalog,
    index: RwLock<Arc<Index>>,
    // Releases are immutable, so what was loaded stays true.
    versions: Mutex<HashMap<(IntegrationId, ReleaseNumber), Arc<Version>>>,
}

impl Directory {
    /// Reads the catalog.
    pub async fn load(catalog: Catalog) -> Result<Self> {
        let directory = Self(Arc::new(Inner { catalog, index: RwLock::default(), versions: Mutex::default() }));
        directory.reload().await?;
        Ok(directory)
    }

    /// Reads the catalog again; called after every change made here.
    pub async fn reload(&self) -> Result<()> {
        let catalog_version = self.0.catalog.version().await?;
        let entries =
            self.0.catalog.all_integrations().await?.into_iter().map(|integration| Arc::new(entry(integration)));
        let limiters = Arc::new(Limiters::new(self.0.catalog.all_limiters().await?));
        let mut index = Index { catalog_version, limiters, ..Index::default() };
        for entry in entries {
            index.by_name.insert(entry.name.clone(), entry.clone());
            index.by_id.insert(entry.id, entry);
        }
        self.put(index);
        Ok(())
    }

    /// Of two readings at the same time, the one that began later stays.
    fn put(&self, index: Index) {
        let mut known = self.0.index.write().unwrap_or_else(PoisonError::into_inner);
        if index.catalog_version >= known.catalog_version {
            *known = Arc::new(index);
        }
    }

    /// Reads the catalog again if another process changed it.
    pub async fn refresh(&self) -> Result<()> {
        if self.0.catalog.version().await? == self.index().catalog_version { Ok(()) } else { self.reload().await }
    }

    fn index(&self) -> Arc<Index> {
        self.0.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The version of the catalog that was read last.
    pub(crate) fn version_read(&self) -> u64 {
        self.index().catalog_version
    }

    /// Every integration, in no order, with the version of the catalog that has them.
    pub(crate) fn snapshot(&self) -> (u64, Vec<Arc<Entry>>) {
        let index = self.index();
        (index.catalog_version, index.by_id.values().cloned().collect())
    }

    /// The limiters.
    pub fn limiters(&self) -> Arc<Limiters> {
        self.index().limiters.clone()
    }

    /// The rate limits of settings, those that name a limiter with its numbers.
    pub fn limits(&self, settings: &Settings) -> Vec<Limit> {
        self.limiters().resolve(&settings.rate_limits)
    }

    /// Refuses settings that name a limiter that is not there.
    pub fn check_limiters(&self, settings: &Settings) -> Result<()> {
        self.limiters().check(&settings.rate_limits)
    }

    /// The integration with this name.
    pub fn by_name(&self, name: &str) -> Option<Arc<Entry>> {
        self.index().by_name.get(name).cloned()
    }

    /// The integration with this name; one that is not known may have been made by another process a moment ago.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Arc<Entry>>> {
        if let Some(entry) = self.by_name(name) {
            return Ok(Some(entry));
        }
        self.refresh().await?;
        Ok(self.by_name(name))
    }

    /// The integration and the release that serves a trigger of it; what is not known is looked for once more, as in
    /// [`Self::find`].
    pub(crate) async fn serving(&self, id: IntegrationId, major: Option<u32>) -> Result<Option<Serving>> {
        if let Some((entry, Some(version))) = self.known(id, major).await? {
            return Ok(Some((entry, Some(version))));
        }
        self.refresh().await?;
        self.known(id, major).await
    }

    async fn known(&self, id: IntegrationId, major: Option<u32>) -> Result<Option<Serving>> {
        let Some(entry) = self.by_id(id) else { return Ok(None) };
        let version = self.version(&entry, major).await?;
        Ok(Some((entry, version)))
    }

    /// The integration with this id.
    pub fn by_id(&self, id: IntegrationId) -> Option<Arc<Entry>> {
        self.index().by_id.get(&id).cloned()
    }

    /// Every integration, by name.
    pub fn all(&self) -> Vec<Arc<Entry>> {
        let mut all: Vec<_> = self.index().by_id.values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The release that serves a trigger: the highest, or the highest of a major release.
    pub async fn version(&self, entry: &Entry, major: Option<u32>) -> Result<Option<Arc<Version>>> {
        let number = match major {
            None => entry.latest,
            Some(major) => self.0.catalog.highest(entry.id, Some(major)).await?.map(|release| release.number),
        };
        match number {
            Some(number) => self.load_version(entry.id, number).await,
            None => Ok(None),
        }
    }

    async fn load_version(&self, id: IntegrationId, number: ReleaseNumber) -> Result<Option<Arc<Version>>> {
        if let Some(version) = self.versions().get(&(id, number)) {
            return Ok(Some(version.clone()));
        }
        let Some(release) = self.0.catalog.release_by_number(id, number).await? else {
            return Ok(None);
        };
        let corrupt = |error: String| Error::Unavailable(format!("release {number} cannot be read: {error}"));
        let settings = serde_json::from_str(&release.settings).map_err(|error| corrupt(error.to_string()))?;
        let version = Arc::new(Version {
            number,
            settings: Settings::parse(&settings)?,
            bundle: Arc::new(serde_json::from_str(&release.bundle).map_err(|error| corrupt(error.to_string()))?),
            installed: release.lock.as_deref().and_then(Lock::parse).map(|lock| Installed::new(&lock, true)),
        });
        let mut versions = self.versions();
        if versions.len() >= MAX_VERSIONS {
            versions.clear();
        }
        versions.insert((id, number), version.clone());
        Ok(Some(version))
    }

    fn versions(&self) -> std::sync::MutexGuard<'_, HashMap<(IntegrationId, ReleaseNumber), Arc<Version>>> {
        self.0.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(integration: Integration) -> Entry {
    Entry {
        id: integration.id,
        name: integration.name.into(),
        workspace: integration.workspace.into(),
        trigger: integration.trigger,
        paused: integration.pause.is_some(),
        latest: integration.latest,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::world::World;

    #[tokio::test]
    async fn an_older_reading_does_not_replace_a_newer_one() {
        let world = World::open().await;
        let directory = &world.services.directory;
        let before = directory.index().catalog_version;
        world.released("hello", Trigger::Experience, &json!({})).await;
        directory.put(Index { catalog_version: before, ..Index::default() });
        assert!(directory.by_name("hello").is_some());
    }
}

//! The scripts' cache, and who computes a value when several runs miss it at the same time.

mod flights;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schedules::Clock;
use store::cache::{self, Entry, Invalid, MAX_KEY_BYTES};
use store::{Engine, IntegrationId};

use flights::{Flights, Lead, Turn};

/// The most keys that one run computes at one time; beyond, others that miss them compute as well.
const MAX_LEADS: usize = 1_000;

/// The cache of this process's runs; clones share it.
#[derive(Clone, Debug)]
pub struct Cache {
    kept: cache::Cache,
    flights: Flights,
}

/// What a look into the cache found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The value as JSON.
    Hit(Arc<str>),
    /// Nothing.
    Miss,
    /// Nothing, and others wait until this run has set the value or says that it will not.
    Lead,
}

/// The cache as one run sees it. What it set out to compute, others may compute once it is dropped.
#[derive(Debug)]
pub struct View {
    cache: Cache,
    integration: IntegrationId,
    leads: Mutex<HashMap<String, Lead>>,
}

impl Cache {
    /// The cache that goes with a queue.
    pub fn beside(engine: &Engine, clock: Arc<dyn Clock>) -> Self {
        Self::of(cache::Cache::beside(engine, clock))
    }

    /// A cache of its own for one preview: what it keeps, no other run sees.
    pub fn isolated(clock: Arc<dyn Clock>) -> Self {
        Self::of(cache::Cache::isolated(clock))
    }

    fn of(kept: cache::Cache) -> Self {
        Self { kept, flights: Flights::default() }
    }

    /// The cache of a run of this integration.
    pub fn view(self, integration: IntegrationId) -> View {
        View { cache: self, integration, leads: Mutex::default() }
    }

    /// Forgets everything of an integration that was deleted. What a failing store keeps ends by itself.
    pub async fn forget(&self, integration: IntegrationId) {
        if let Err(error) = self.kept.forget(integration).await {
            tracing::warn!(%error, "the cache of a deleted integration stays until it ends by itself");
        }
    }

    /// Forgets what has expired.
    pub fn prune(&self) -> usize {
        self.kept.prune()
    }
}

impl View {
    /// The value of `key`. With `compute` the caller sets a value that it misses: of the runs that miss it at the same
    /// time one computes, and the others wait for it. A run that computes something never waits for another, so no two
    /// wait for each other.
    pub async fn get(&self, key: &str, compute: bool) -> Found {
        if key.len() > MAX_KEY_BYTES {
            return Found::Miss;
        }
        loop {
            // A failing store is a miss.
            if let Ok(Some(value)) = self.cache.kept.get(self.integration, key).await {
                return Found::Hit(value);
            }
            if !compute || self.leads().len() >= MAX_LEADS {
                return Found::Miss;
            }
            match self.cache.flights.join(self.integration, key) {
                Turn::Lead(lead) => {
                    self.leads().insert(key.to_owned(), lead);
                    return Found::Lead;
                }
                Turn::Wait(_) if !self.leads().is_empty() => return Found::Miss,
                Turn::Wait(flight) => flight.ended().await,
            }
        }
    }

    /// Keeps `value` for `ttl_ms`; a failing store keeps nothing, and says nothing.
    pub async fn set(&self, key: &str, value: &str, ttl_ms: Option<i64>) -> Result<(), Invalid> {
        let entry = Entry::new(key, value, ttl_ms)?;
        if let Err(error) = self.cache.kept.set(self.integration, entry).await {
            tracing::debug!(%error, "the cache keeps nothing");
        }
        self.abandon(key);
        Ok(())
    }

    /// Says that this run will not set `key`: somebody else may.
    pub fn abandon(&self, key: &str) {
        self.leads().remove(key);
    }

    /// Forgets `key`; whether there was a value.
    pub async fn delete(&self, key: &str) -> bool {
        self.cache.kept.delete(self.integration, key).await.unwrap_or(false)
    }

    fn leads(&self) -> MutexGuard<'_, HashMap<String, Lead>> {
        self.leads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use schedules::{ManualClock, Millis};
    use store::IntegrationId;

    use super::*;

    fn view(cache: &Cache) -> View {
        cache.clone().view(IntegrationId::new(Millis(1)))
    }

    fn two() -> (View, View) {
        let cache = Cache::isolated(Arc::new(ManualClock::new(Millis(0))));
        let integration = IntegrationId::new(Millis(1));
        (cache.clone().view(integration), cache.view(integration))
    }

    #[tokio::test]
    async fn one_computes_and_the_other_waits_for_it() {
        let (first, second) = two();
        assert_eq!(first.get("k", true).await, Found::Lead);
        let (found, ()) = tokio::join!(second.get("k", true), async {
            tokio::task::yield_now().await;
            first.set("k", "1", None).await.expect("kept");
        });
        assert_eq!(found, Found::Hit("1".into()));
    }

    #[tokio::test]
    async fn who_only_looks_never_waits() {
        let (first, second) = two();
        assert_eq!((first.get("k", true).await, second.get("k", false).await), (Found::Lead, Found::Miss));
    }

    #[tokio::test]
    async fn when_the_first_gives_up_or_ends_the_next_computes() {
        for ends in [false, true] {
            let (first, second) = two();
            assert_eq!(first.get("k", true).await, Found::Lead);
            let (found, _) = tokio::join!(second.get("k", true), async {
                tokio::task::yield_now().await;
                if ends {
                    drop(first);
                    return None;
                }
                first.abandon("k");
                Some(first)
            });
            assert_eq!(found, Found::Lead, "{ends}");
        }
    }

    #[tokio::test]
    async fn two_that_compute_do_not_wait_for_each_other() {
        let (first, second) = two();
        assert_eq!((first.get("a", true).await, second.get("b", true).await), (Found::Lead, Found::Lead));
        assert_eq!((first.get("b", true).await, second.get("a", true).await), (Found::Miss, Found::Miss));
    }

    #[tokio::test]
    async fn integrations_are_apart() {
        let cache = Cache::isolated(Arc::new(ManualClock::new(Millis(0))));
        let (first, second) = (view(&cache), view(&cache));
        assert_eq!((first.get("k", true).await, second.get("k", true).await), (Found::Lead, Found::Lead));
    }
}

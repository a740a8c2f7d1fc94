//! The API keys in memory: looked up by fingerprint, read again from the catalog when older than a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use schedules::Stopwatch;
use schedules::rate::Rule;
use store::catalog::{ApiKey, Scope};
use workers::Services;

use super::bucket::{Buckets, RULE};
use crate::http::error::Problem;
use crate::http::state::State;

/// How long a key that another process made or revoked may go unnoticed.
const MAX_AGE: Duration = Duration::from_millis(900);

/// The caller of a request: its API key.
#[derive(Clone, Debug)]
pub struct Caller(Arc<ApiKey>);

impl Caller {
    /// Whether the key's scopes allow this.
    pub fn may(&self, scope: Scope) -> bool {
        self.0.scopes.iter().any(|held| *held == scope || *held == Scope::Admin)
    }

    /// Whether the key reaches this integration.
    pub fn sees(&self, integration: &str) -> bool {
        !self.is_bound() || self.0.integrations.iter().any(|name| name == integration)
    }

    /// Whether the key is bound to named integrations.
    pub fn is_bound(&self) -> bool {
        !self.0.integrations.is_empty()
    }

    /// The integrations the key is bound to; empty is all.
    pub fn integrations(&self) -> &[String] {
        &self.0.integrations
    }

    /// The browser origins the key is bound to; empty is any client.
    pub fn origins(&self) -> &[String] {
        &self.0.origins
    }

    /// Whether web pages show the key to everyone.
    pub fn is_publishable(&self) -> bool {
        self.0.publishable
    }

    /// Of a publishable key: whether it may name jobs by a part of their key.
    pub fn may_match(&self) -> bool {
        self.0.may_match
    }

    /// How many requests the key may make.
    pub fn rate(&self) -> &Rule {
        self.0.rate.as_ref().unwrap_or(&RULE)
    }

    /// The key's id.
    pub fn id(&self) -> &str {
        &self.0.id
    }
}

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::unauthenticated("unauthenticated", "this route needs an API key"))
    }
}

/// What may be asked for from a browser origin, by one key or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The four calls: publishable keys alone name the origin.
    Calls,
    /// Every route.
    Everything,
}

/// What was read, and when.
struct Snapshot {
    by_fingerprint: HashMap<[u8; 32], Caller>,
    origins: HashMap<String, Reach>,
    read: Stopwatch,
}

struct Inner {
    services: Services,
    snapshot: RwLock<Option<Arc<Snapshot>>>,
    reading: tokio::sync::Mutex<()>,
    buckets: Mutex<Buckets>,
}

/// The API keys; cheap to clone.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

impl Keys {
    /// The keys in these services' catalog.
    pub fn new(services: Services) -> Self {
        let (snapshot, reading, buckets) = (RwLock::default(), tokio::sync::Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { services, snapshot, reading, buckets }))
    }

    /// The caller with this key, if it is valid now.
    pub async fn find(&self, fingerprint: &[u8; 32]) -> Result<Option<Caller>, Problem> {
        Ok(self.snapshot().await?.by_fingerprint.get(fingerprint).cloned())
    }

    /// What valid keys may ask for from this browser origin; `None` when no key names it.
    pub async fn reach(&self, origin: &str) -> Result<Option<Reach>, Problem> {
        Ok(self.snapshot().await?.origins.get(origin).copied())
    }

    /// Charges one request to the key's bucket; `Err` is the pause in milliseconds until there is room.
    pub fn charge(&self, caller: &Caller) -> Result<(), u64> {
        let now = self.0.services.clock.now();
        self.0.buckets.lock().unwrap_or_else(PoisonError::into_inner).charge(caller.id(), caller.rate(), now)
    }

    /// Forgets what was read; called after a key was made or revoked here.
    pub fn forget(&self) {
        *self.0.snapshot.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn fresh(&self) -> Option<Arc<Snapshot>> {
        let snapshot = self.0.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone();
        snapshot.filter(|snapshot| snapshot.read.elapsed() < MAX_AGE)
    }

    async fn snapshot(&self) -> Result<Arc<Snapshot>, Problem> {
        if let Some(snapshot) = self.fresh() {
            return Ok(snapshot);
        }
        // One request reads, the others wait for what it brings.
        let _reading = self.0.reading.lock().await;
        if let Some(snapshot) = self.fresh() {
            return Ok(snapshot);
        }
        let read = Stopwatch::start();
        let keys = self.0.services.catalog.list_api_keys(&self.0.services.options.workspace).await?;
        let snapshot = Arc::new(Snapshot::of(keys, read));
        let mut buckets = self.0.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|id| snapshot.by_fingerprint.values().any(|caller| caller.id() == id));
        drop(buckets);
        *self.0.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Some(snapshot.clone());
        Ok(snapshot)
    }
}

impl Snapshot {
    fn of(keys: Vec<ApiKey>, read: Stopwatch) -> Self {
        let keys: Vec<ApiKey> = keys.into_iter().filter(|key| key.revoked.is_none()).collect();
        let mut origins = HashMap::new();
        for key in &keys {
            for origin in &key.origins {
                let reach = origins.entry(origin.clone()).or_insert(Reach::Calls);
                if !key.publishable {
                    *reach = Reach::Everything;
                }
            }
        }
        let by_fingerprint = keys.into_iter().map(|key| (key.hash, Caller(Arc::new(key)))).collect();
        Self { by_fingerprint, origins, read }
    }
}

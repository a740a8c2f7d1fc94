//! The scripts' volatile cache: JSON texts by integration and key, each with an end; bounded on every side.
//!
//! It may forget at any time, so a caller takes a cache that fails for a miss. With the embedded queue it lives in the
//! memory of the one process; with a queue in Redis it lives there, so all processes share it.

mod entry;
mod memory;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use schedules::Clock;

pub use entry::{DEFAULT_TTL_MS, Entry, Invalid, MAX_KEY_BYTES, MAX_TTL_MS, MAX_VALUE_BYTES};
use memory::Memory;

use crate::redis::SharedCache;
use crate::{Engine, IntegrationId, Result};

/// The most keys of one integration.
pub(crate) const MAX_KEYS: usize = 10_000;
/// What an entry takes besides its texts, roughly.
pub(crate) const ENTRY_BYTES: usize = 160;

/// A cache; clones share their entries.
#[derive(Clone, Debug)]
pub struct Cache(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Memory(Memory),
    Shared(SharedCache),
}

impl Cache {
    /// The cache that goes with a queue: in this process, or where the queue is.
    pub fn beside(engine: &Engine, clock: Arc<dyn Clock>) -> Self {
        match engine {
            Engine::Embedded(_) => Self(Kind::Memory(Memory::new(clock))),
            Engine::Redis(queue) => Self(Kind::Shared(queue.cache())),
        }
    }

    /// A cache of its own for one preview: what it keeps, no other run sees.
    pub fn isolated(clock: Arc<dyn Clock>) -> Self {
        Self(Kind::Memory(Memory::isolated(clock)))
    }

    /// The value of `key`, unless it was never kept, has expired or was pushed out.
    pub async fn get(&self, integration: IntegrationId, key: &str) -> Result<Option<Arc<str>>> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.get(integration, key)),
            Kind::Shared(shared) => shared.get(integration, key).await,
        }
    }

    /// Keeps an entry, in place of what its key had.
    pub async fn set(&self, integration: IntegrationId, entry: Entry<'_>) -> Result<()> {
        match &self.0 {
            Kind::Memory(memory) => {
                memory.set(integration, entry);
                Ok(())
            }
            Kind::Shared(shared) => shared.set(integration, entry).await,
        }
    }

    /// Forgets `key`; whether there was a value.
    pub async fn delete(&self, integration: IntegrationId, key: &str) -> Result<bool> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.delete(integration, key)),
            Kind::Shared(shared) => shared.delete(integration, key).await,
        }
    }

    /// Forgets everything of an integration: it was deleted.
    pub async fn forget(&self, integration: IntegrationId) -> Result<()> {
        match &self.0 {
            Kind::Memory(memory) => {
                memory.forget(integration);
                Ok(())
            }
            Kind::Shared(shared) => shared.forget(integration).await,
        }
    }

    /// Forgets what has expired; how many entries. Redis does so itself.
    pub fn prune(&self) -> usize {
        match &self.0 {
            Kind::Memory(memory) => memory.prune(),
            Kind::Shared(_) => 0,
        }
    }
}

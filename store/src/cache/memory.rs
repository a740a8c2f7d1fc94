//! A cache in the memory of one process.
//!
//! Own code rather than a cache crate: an entry's end is judged by the program's own clock, as everywhere here, and the
//! bounds are per integration as well as in total. When the total is reached the largest integration gives way, so one
//! that fills the cache pushes out its own entries and not its neighbours'.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schedules::{Clock, Millis};

use super::{ENTRY_BYTES, Entry, MAX_KEYS};
use crate::IntegrationId;

/// The most bytes of everything together, and of a preview's own cache.
const MAX_TOTAL_BYTES: usize = 64 << 20;
const MAX_ISOLATED_BYTES: usize = 8 << 20;

/// Clones share their entries.
#[derive(Clone)]
pub(super) struct Memory(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    shelves: Mutex<Shelves>,
}

impl Memory {
    /// The process's cache: at most 64 MiB, and 10,000 keys per integration.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self::bounded(clock, MAX_TOTAL_BYTES, MAX_KEYS)
    }

    /// A cache of at most 8 MiB.
    pub(super) fn isolated(clock: Arc<dyn Clock>) -> Self {
        Self::bounded(clock, MAX_ISOLATED_BYTES, MAX_KEYS)
    }

    pub(super) fn bounded(clock: Arc<dyn Clock>, max_bytes: usize, max_keys: usize) -> Self {
        let shelves = Shelves { integrations: HashMap::new(), bytes: 0, uses: 0, max_bytes, max_keys };
        Self(Arc::new(Shared { clock, shelves: Mutex::new(shelves) }))
    }

    pub(super) fn get(&self, integration: IntegrationId, key: &str) -> Option<Arc<str>> {
        self.shelves().get(integration, key, self.now())
    }

    pub(super) fn set(&self, integration: IntegrationId, entry: Entry<'_>) {
        let now = self.now();
        self.shelves().set(integration, entry.key.into(), entry.value.into(), now.after(entry.ttl_ms), now);
    }

    pub(super) fn delete(&self, integration: IntegrationId, key: &str) -> bool {
        let now = self.now();
        self.shelves().remove(integration, key).is_some_and(|entry| entry.expires > now)
    }

    pub(super) fn forget(&self, integration: IntegrationId) {
        let mut shelves = self.shelves();
        if let Some(shelf) = shelves.integrations.remove(&integration) {
            shelves.bytes -= shelf.bytes;
        }
    }

    /// Reading alone never leaves more than the bounds; this gives memory back.
    pub(super) fn prune(&self) -> usize {
        let now = self.now();
        self.shelves().prune(now)
    }

    fn now(&self) -> Millis {
        self.0.clock.now()
    }

    /// A thread that panicked while it held the lock left at worst a wrong count of bytes; the cache goes on.
    pub(super) fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.0.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("bytes", &self.shelves().bytes).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) struct Shelves {
    pub(super) integrations: HashMap<IntegrationId, Shelf>,
    pub(super) bytes: usize,
    /// Counts every use, so that a larger number is a more recent one.
    uses: u64,
    max_bytes: usize,
    max_keys: usize,
}

/// One integration's entries, and the same by their last use.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) entries: HashMap<Arc<str>, Kept>,
    pub(super) by_use: BTreeMap<u64, Arc<str>>,
    pub(super) bytes: usize,
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) value: Arc<str>,
    expires: Millis,
    used: u64,
}

impl Shelves {
    fn get(&mut self, integration: IntegrationId, key: &str, now: Millis) -> Option<Arc<str>> {
        let entry = self.integrations.get(&integration)?.entries.get(key)?;
        if entry.expires <= now {
            self.remove(integration, key);
            return None;
        }
        self.uses += 1;
        let used = self.uses;
        let shelf = self.integrations.get_mut(&integration)?;
        let entry = shelf.entries.get_mut(key)?;
        let name = shelf.by_use.remove(&std::mem::replace(&mut entry.used, used))?;
        shelf.by_use.insert(used, name);
        Some(Arc::clone(&entry.value))
    }

    fn set(&mut self, integration: IntegrationId, key: Arc<str>, value: Arc<str>, expires: Millis, now: Millis) {
        self.remove(integration, &key);
        let bytes = entry_bytes(&key, &value);
        if self.bytes + bytes > self.max_bytes {
            self.make_room(bytes, now);
        }
        if self.integrations.get(&integration).is_some_and(|shelf| shelf.entries.len() >= self.max_keys) {
            self.evict(integration);
        }
        self.uses += 1;
        let shelf = self.integrations.entry(integration).or_default();
        shelf.by_use.insert(self.uses, Arc::clone(&key));
        shelf.entries.insert(key, Kept { value, expires, used: self.uses });
        shelf.bytes += bytes;
        self.bytes += bytes;
    }

    fn remove(&mut self, integration: IntegrationId, key: &str) -> Option<Kept> {
        let shelf = self.integrations.get_mut(&integration)?;
        let entry = shelf.entries.remove(key)?;
        shelf.by_use.remove(&entry.used);
        let bytes = entry_bytes(key, &entry.value);
        shelf.bytes -= bytes;
        self.bytes -= bytes;
        if shelf.entries.is_empty() {
            self.integrations.remove(&integration);
        }
        Some(entry)
    }

    /// Makes room for `bytes` and a sixteenth more, so that the walk over everything is not made for every entry.
    fn make_room(&mut self, bytes: usize, now: Millis) {
        self.prune(now);
        let enough = self.max_bytes - self.max_bytes / 16;
        while self.bytes + bytes > enough && self.evict_from_largest() {}
    }

    /// Drops the least recently used entry of the integration that takes the most room.
    fn evict_from_largest(&mut self) -> bool {
        let largest =
            self.integrations.iter().max_by_key(|(_, shelf)| shelf.bytes).map(|(integration, _)| *integration);
        largest.is_some_and(|integration| self.evict(integration))
    }

    fn evict(&mut self, integration: IntegrationId) -> bool {
        let oldest = self.integrations.get(&integration).and_then(|shelf| shelf.by_use.first_key_value());
        let oldest = oldest.map(|(_, key)| Arc::clone(key));
        oldest.is_some_and(|key| self.remove(integration, &key).is_some())
    }

    fn prune(&mut self, now: Millis) -> usize {
        let mut expired = Vec::new();
        for (integration, shelf) in &self.integrations {
            let old = shelf.entries.iter().filter(|(_, entry)| entry.expires <= now);
            expired.extend(old.map(|(key, _)| (*integration, Arc::clone(key))));
        }
        for (integration, key) in &expired {
            self.remove(*integration, key);
        }
        expired.len()
    }
}

pub(super) fn entry_bytes(key: &str, value: &str) -> usize {
    2 * key.len() + value.len() + ENTRY_BYTES
}

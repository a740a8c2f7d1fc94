//! The runs' volatile cache: JSON texts by scope and key, in memory, bounded on every side.
//!
//! Own code rather than a cache crate: an entry's end is judged by the `now` that is passed in, as everywhere here, and
//! the bounds are per scope as well as in total. When the total is reached the largest scope gives way, so an
//! integration that fills the cache pushes out its own entries and not its neighbours'.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schedules::Millis;
use serde::de::IgnoredAny;

/// The most bytes of a key.
pub const MAX_KEY_BYTES: usize = 256;
/// The most bytes of a value as JSON.
pub const MAX_VALUE_BYTES: usize = 256 << 10;
/// How long a value is kept when nothing else is said: one hour.
pub const DEFAULT_TTL_MS: i64 = 60 * 60 * 1000;
/// The longest a value can be kept: 30 days.
pub const MAX_TTL_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The most bytes of everything together, and of a preview's own cache.
const MAX_TOTAL_BYTES: usize = 64 << 20;
const MAX_ISOLATED_BYTES: usize = 8 << 20;
/// The most keys of one scope.
const MAX_KEYS: usize = 10_000;
/// What an entry takes besides its texts, roughly.
const ENTRY_BYTES: usize = 160;

/// Whose keys they are: an integration's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope(pub u128);

/// Why a value cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The key is empty or too long.
    #[error("a cache key has 1 to {MAX_KEY_BYTES} bytes; this one has {0}")]
    Key(usize),
    /// The value is too long.
    #[error("a cached value has at most {MAX_VALUE_BYTES} bytes as JSON; this one has {0}")]
    TooLarge(usize),
    /// The value is not JSON.
    #[error("a cached value must be JSON")]
    NotJson,
    /// The time to live is out of range.
    #[error("`ttl` is a number of milliseconds from 1 to {MAX_TTL_MS} (30 days), not {0}")]
    Ttl(i64),
}

impl Error {
    /// A stable code for the script.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key(_) => "invalid_cache_key",
            Self::TooLarge(_) => "cache_value_too_large",
            Self::NotJson => "invalid_cache_value",
            Self::Ttl(_) => "invalid_cache_ttl",
        }
    }
}

/// The cache. Clones share their entries.
#[derive(Clone, Debug)]
pub struct Cache(Arc<Mutex<Shelves>>);

impl Default for Cache {
    fn default() -> Self {
        Self::new()
    }
}

impl Cache {
    /// The process's cache: at most 64 MiB, and 10,000 keys per scope.
    pub fn new() -> Self {
        Self::bounded(MAX_TOTAL_BYTES, MAX_KEYS)
    }

    /// A cache of its own for one preview: what it keeps, no other run sees.
    pub fn isolated() -> Self {
        Self::bounded(MAX_ISOLATED_BYTES, MAX_KEYS)
    }

    fn bounded(max_bytes: usize, max_keys: usize) -> Self {
        Self(Arc::new(Mutex::new(Shelves { scopes: HashMap::new(), bytes: 0, uses: 0, max_bytes, max_keys })))
    }

    /// The value of `key`, unless it was never kept, has expired or was pushed out.
    pub fn get(&self, scope: Scope, key: &str, now: Millis) -> Option<Arc<str>> {
        self.shelves().get(scope, key, now)
    }

    /// Keeps `value`, which is JSON, under `key` for `ttl_ms` (an hour if absent).
    pub fn set(&self, scope: Scope, key: &str, value: &str, ttl_ms: Option<i64>, now: Millis) -> Result<(), Error> {
        let ttl_ms = ttl_ms.unwrap_or(DEFAULT_TTL_MS);
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(Error::Key(key.len()));
        }
        if value.len() > MAX_VALUE_BYTES {
            return Err(Error::TooLarge(value.len()));
        }
        if !(1..=MAX_TTL_MS).contains(&ttl_ms) {
            return Err(Error::Ttl(ttl_ms));
        }
        serde_json::from_str::<IgnoredAny>(value).map_err(|_| Error::NotJson)?;
        self.shelves().set(scope, key.into(), value.into(), now.after(ttl_ms), now);
        Ok(())
    }

    /// Forgets `key`; whether there was a value.
    pub fn delete(&self, scope: Scope, key: &str, now: Millis) -> bool {
        self.shelves().remove(scope, key).is_some_and(|entry| entry.expires > now)
    }

    /// Forgets everything of `scope`: its integration was deleted.
    pub fn forget_scope(&self, scope: Scope) {
        let mut shelves = self.shelves();
        if let Some(shelf) = shelves.scopes.remove(&scope) {
            shelves.bytes -= shelf.bytes;
        }
    }

    /// Forgets what has expired; how many entries. For the duties: reading alone never leaves more than the bounds.
    pub fn prune(&self, now: Millis) -> usize {
        self.shelves().prune(now)
    }

    /// A thread that panicked while it held the lock left at worst a wrong count of bytes; the cache goes on.
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Shelves {
    scopes: HashMap<Scope, Shelf>,
    bytes: usize,
    /// Counts every use, so that a larger number is a more recent one.
    uses: u64,
    max_bytes: usize,
    max_keys: usize,
}

/// One scope's entries, and the same by their last use.
#[derive(Debug, Default)]
struct Shelf {
    entries: HashMap<Arc<str>, Entry>,
    by_use: BTreeMap<u64, Arc<str>>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    value: Arc<str>,
    expires: Millis,
    used: u64,
}

impl Shelves {
    fn get(&mut self, scope: Scope, key: &str, now: Millis) -> Option<Arc<str>> {
        let entry = self.scopes.get(&scope)?.entries.get(key)?;
        if entry.expires <= now {
            self.remove(scope, key);
            return None;
        }
        self.uses += 1;
        let used = self.uses;
        let shelf = self.scopes.get_mut(&scope)?;
        let entry = shelf.entries.get_mut(key)?;
        let name = shelf.by_use.remove(&std::mem::replace(&mut entry.used, used))?;
        shelf.by_use.insert(used, name);
        Some(Arc::clone(&entry.value))
    }

    fn set(&mut self, scope: Scope, key: Arc<str>, value: Arc<str>, expires: Millis, now: Millis) {
        self.remove(scope, &key);
        let bytes = entry_bytes(&key, &value);
        if self.bytes + bytes > self.max_bytes {
            self.make_room(bytes, now);
        }
        if self.scopes.get(&scope).is_some_and(|shelf| shelf.entries.len() >= self.max_keys) {
            self.evict(scope);
        }
        self.uses += 1;
        let shelf = self.scopes.entry(scope).or_default();
        shelf.by_use.insert(self.uses, Arc::clone(&key));
        shelf.entries.insert(key, Entry { value, expires, used: self.uses });
        shelf.bytes += bytes;
        self.bytes += bytes;
    }

    fn remove(&mut self, scope: Scope, key: &str) -> Option<Entry> {
        let shelf = self.scopes.get_mut(&scope)?;
        let entry = shelf.entries.remove(key)?;
        shelf.by_use.remove(&entry.used);
        let bytes = entry_bytes(key, &entry.value);
        shelf.bytes -= bytes;
        self.bytes -= bytes;
        if shelf.entries.is_empty() {
            self.scopes.remove(&scope);
        }
        Some(entry)
    }

    /// Makes room for `bytes` and a sixteenth more, so that the walk over everything is not made for every entry.
    fn make_room(&mut self, bytes: usize, now: Millis) {
        self.prune(now);
        let enough = self.max_bytes - self.max_bytes / 16;
        while self.bytes + bytes > enough && self.evict_from_largest() {}
    }

    /// Drops the least recently used entry of the scope that takes the most room.
    fn evict_from_largest(&mut self) -> bool {
        let largest = self.scopes.iter().max_by_key(|(_, shelf)| shelf.bytes).map(|(scope, _)| *scope);
        largest.is_some_and(|scope| self.evict(scope))
    }

    fn evict(&mut self, scope: Scope) -> bool {
        let oldest = self.scopes.get(&scope).and_then(|shelf| shelf.by_use.first_key_value());
        let oldest = oldest.map(|(_, key)| Arc::clone(key));
        oldest.is_some_and(|key| self.remove(scope, &key).is_some())
    }

    fn prune(&mut self, now: Millis) -> usize {
        let mut expired = Vec::new();
        for (scope, shelf) in &self.scopes {
            let old = shelf.entries.iter().filter(|(_, entry)| entry.expires <= now);
            expired.extend(old.map(|(key, _)| (*scope, Arc::clone(key))));
        }
        for (scope, key) in &expired {
            self.remove(*scope, key);
        }
        expired.len()
    }
}

fn entry_bytes(key: &str, value: &str) -> usize {
    2 * key.len() + value.len() + ENTRY_BYTES
}

#[cfg(test)]
mod tests;

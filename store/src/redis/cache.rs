//! The scripts' cache in Redis: what one integration keeps is one hash, and a sorted set of the ends.
//!
//! Each integration's keys have a tag of their own, so in a cluster the caches are spread over the nodes. They take no
//! room that jobs need: a server that is full refuses to keep anything, and that is a miss like any other.

use std::fmt;
use std::sync::Arc;

use schedules::Clock;

use super::answer;
use super::handle::Redis;
use super::link::{Arguments, Link};
use super::script::{self, Script};
use crate::cache::{ENTRY_BYTES, Entry, MAX_KEYS};
use crate::{IntegrationId, Result};

/// The most bytes of one integration's cache.
const MAX_BYTES: usize = 16 << 20;

/// The cache of all processes that share a queue.
#[derive(Clone)]
pub(crate) struct SharedCache {
    link: Arc<Link>,
    prefix: Arc<str>,
    /// For tests, as the queue's.
    clock: Option<Arc<dyn Clock>>,
    max_keys: usize,
    max_bytes: usize,
}

impl Redis {
    /// The cache beside this queue: at most 10,000 keys and 16 MiB per integration.
    pub(crate) fn cache(&self) -> SharedCache {
        SharedCache {
            link: Arc::clone(&self.shared.link),
            prefix: self.shared.options.prefix.as_str().into(),
            clock: self.shared.options.clock.clone(),
            max_keys: MAX_KEYS,
            max_bytes: MAX_BYTES,
        }
    }
}

impl SharedCache {
    /// The same with other bounds, for tests.
    #[cfg(all(test, feature = "conformance"))]
    pub(crate) fn bounded(self, max_bytes: usize, max_keys: usize) -> Self {
        Self { max_keys, max_bytes, ..self }
    }

    pub(crate) async fn get(&self, integration: IntegrationId, key: &str) -> Result<Option<Arc<str>>> {
        let value = self.call(&script::cache_get, integration, self.arguments().add(key)).await?;
        Ok(answer::bytes(value)?.map(|bytes| String::from_utf8_lossy(&bytes).into()))
    }

    pub(crate) async fn set(&self, integration: IntegrationId, entry: Entry<'_>) -> Result<()> {
        let mut arguments = self.arguments();
        arguments.add(entry.key).add(entry.value).number(entry.ttl_ms);
        arguments.number(self.max_keys).number(self.max_bytes).number(ENTRY_BYTES);
        self.call(&script::cache_set, integration, &arguments).await.map(drop)
    }

    pub(crate) async fn delete(&self, integration: IntegrationId, key: &str) -> Result<bool> {
        let mut arguments = self.arguments();
        arguments.add(key).number(ENTRY_BYTES);
        let value = self.call(&script::cache_delete, integration, &arguments).await?;
        Ok(answer::number(&value)? == 1)
    }

    pub(crate) async fn forget(&self, integration: IntegrationId) -> Result<()> {
        let tag = self.tag(integration);
        self.link.command(redis::cmd("UNLINK").arg(format!("{tag}:v")).arg(format!("{tag}:e"))).await.map(drop)
    }

    /// Without much patience: a run waits, and a miss costs less than a wait.
    async fn call(&self, script: &Script, integration: IntegrationId, arguments: &Arguments) -> Result<redis::Value> {
        self.link.call_soon(script, &self.tag(integration), arguments).await
    }

    /// What a script's arguments begin with: the clock.
    fn arguments(&self) -> Arguments {
        let mut arguments = Arguments::default();
        match &self.clock {
            Some(clock) => arguments.number(clock.now().0),
            None => arguments.add(""),
        };
        arguments
    }

    fn tag(&self, integration: IntegrationId) -> String {
        format!("{{{}:cache:{integration}}}", self.prefix)
    }
}

impl fmt::Debug for SharedCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedCache").field(&self.link.config().shown()).finish()
    }
}

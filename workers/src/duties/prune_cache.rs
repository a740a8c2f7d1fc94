//! Forgets what has expired in the cache of this process's scripts.

use schedules::Millis;

use crate::{Result, Services};

pub(super) async fn run(services: Services) -> Result<Option<Millis>> {
    services.cache.prune();
    Ok(None)
}

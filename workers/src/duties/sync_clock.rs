//! Keeps the clock at the store's time, where the store has a clock of its own.

use schedules::Millis;

use crate::{Result, Services};

pub(super) async fn run(services: Services) -> Result<Option<Millis>> {
    if let Some(clock) = &services.store_clock {
        clock.sync(&services.queue).await?;
    }
    Ok(None)
}

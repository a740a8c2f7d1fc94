//! Sees what other processes changed in the catalog.

use schedules::Millis;

use crate::{Result, Services};

pub(super) async fn run(services: Services) -> Result<Option<Millis>> {
    services.directory.refresh().await?;
    services.secrets.refresh().await?;
    Ok(None)
}

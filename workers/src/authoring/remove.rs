//! Delete an integration with its releases and jobs; the history of its runs stays until it is pruned.

use store::queue::Queue;

use super::stored;
use crate::services::to_the_end;
use crate::{Result, Services};

/// Deletes the integration; runs in progress end, and their outcome changes nothing any more.
pub async fn remove(services: &Services, name: &str) -> Result<()> {
    to_the_end(change(services.clone(), name.to_owned())).await
}

async fn change(services: Services, name: String) -> Result<()> {
    let _alone = services.authoring.lock().await;
    let integration = stored(&services, &name).await?;
    services.catalog.delete_integration(integration.id).await?;
    services.directory.reload().await?;
    services.queue.purge(integration.id).await?;
    services.cache.forget(integration.id).await;
    Ok(())
}

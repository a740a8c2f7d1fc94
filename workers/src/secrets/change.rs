//! Setting, listing and removing secrets, of one integration or of the whole workspace.

use std::sync::Arc;

use store::catalog::{SecretScope, StoredSecret};

use super::written::{NewSecret, check_name};
use crate::authoring::stored;
use crate::event::SecretChange;
use crate::{Error, Event, Result, Services};

/// Sets a secret: a new one, or a new value of one that is there. The next run sees it; in other processes, the next
/// one after a second.
pub async fn set(services: &Services, integration: Option<&str>, new: &NewSecret) -> Result<()> {
    new.check()?;
    let scope = scope(services, integration).await?;
    services.secrets.put(scope, new, services.clock.now()).await?;
    tell(services, integration, &new.name, SecretChange::Set);
    Ok(())
}

/// Removes a secret.
pub async fn remove(services: &Services, integration: Option<&str>, name: &str) -> Result<()> {
    check_name(name)?;
    let scope = scope(services, integration).await?;
    services.secrets.delete(scope, name).await.map_err(|error| match error {
        Error::NotFound { .. } => Error::NotFound {
            code: "secret_not_found",
            message: match integration {
                Some(integration) => format!("{integration} has no secret {name} of its own"),
                None => format!("the workspace has no secret {name}"),
            },
        },
        error => error,
    })?;
    tell(services, integration, name, SecretChange::Removed);
    Ok(())
}

/// The secrets by name, without their values.
pub async fn list(services: &Services, integration: Option<&str>) -> Result<Vec<StoredSecret>> {
    services.secrets.list(scope(services, integration).await?).await
}

async fn scope(services: &Services, integration: Option<&str>) -> Result<SecretScope> {
    match integration {
        Some(name) => Ok(SecretScope::Integration(stored(services, name).await?.id)),
        None => Ok(SecretScope::Workspace),
    }
}

fn tell(services: &Services, integration: Option<&str>, name: &str, change: SecretChange) {
    tracing::info!(integration, secret = name, change = change.name(), "a secret was changed");
    services.events.emit(Event::SecretChanged { integration: integration.map(Arc::from), change });
}

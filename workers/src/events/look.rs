//! What there is to see of events: who they were not for, their bodies without secrets, and those that come in now.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use store::catalog::LoggedEvent;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::{Judged, Miss};
use crate::{Result, Services};

/// The integrations that do not subscribe to a type, or have no release.
pub async fn others(services: &Services, kind: &str) -> Result<Vec<Miss>> {
    let subscriptions = services.subscriptions.open(services).await?;
    Ok(subscriptions.others(kind).iter().map(|(name, reason)| Miss::new(name, reason)).collect())
}

/// The body of an event of the log, without the secrets of the integrations that it was for.
pub fn masked(services: &Services, logged: &LoggedEvent) -> String {
    let judged = Judged::kept(&logged.verdict).unwrap_or_default();
    let names: BTreeSet<&String> =
        judged.matched.iter().map(|it| &it.integration).chain(judged.missed.iter().map(|it| &it.integration)).collect();
    let mut body = Cow::Borrowed(logged.body.as_str());
    for entry in names.into_iter().filter_map(|name| services.directory.by_name(name)) {
        match services.secrets.of(entry.id) {
            Ok(secrets) => body = secrets.redactor().redact_json(&body).into_owned().into(),
            Err(_) => return "\"******\"".into(),
        }
    }
    body.into_owned()
}

/// The events that this process takes in from now on.
pub fn follow(services: &Services) -> Follow {
    Follow(services.event_log.follow())
}

/// Events as they come in.
pub struct Follow(broadcast::Receiver<Arc<LoggedEvent>>);

impl Follow {
    /// The next one; or how many were missed.
    pub async fn next(&mut self) -> std::result::Result<Arc<LoggedEvent>, u64> {
        match self.0.recv().await {
            Ok(event) => Ok(event),
            Err(RecvError::Lagged(missed)) => Err(missed),
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

//! Hold an integration's jobs, and let them go again.

use store::catalog::{Integration, Pause};
use store::queue::Queue;

use super::{control, stored};
use crate::services::to_the_end;
use crate::settings::Settings;
use crate::timetable::integration_resumes;
use crate::{Error, Result, Services};

const MAX_NOTE_BYTES: usize = 1_024;

/// Holds its jobs: none starts until it is resumed; running ones go on.
pub async fn pause(services: &Services, name: &str, note: String) -> Result<Integration> {
    if note.len() > MAX_NOTE_BYTES {
        return Err(Error::invalid("note", "out_of_range", format!("must be at most {MAX_NOTE_BYTES} bytes")));
    }
    set(services, name, Some(Pause { note, at: services.clock.now() })).await
}

/// Lets its jobs go again; ticks that fell into the pause are not made up for.
pub async fn resume(services: &Services, name: &str) -> Result<Integration> {
    set(services, name, None).await
}

async fn set(services: &Services, name: &str, pause: Option<Pause>) -> Result<Integration> {
    to_the_end(change(services.clone(), name.to_owned(), pause)).await
}

async fn change(services: Services, name: String, pause: Option<Pause>) -> Result<Integration> {
    let _alone = services.authoring.lock().await;
    let integration = stored(&services, &name).await?;
    let resumes = pause.is_none() && integration.pause.is_some();
    if resumes {
        integration_resumes(&services, integration.id).await?;
    }
    let settings = match services.catalog.highest(integration.id, None).await? {
        Some(release) => Settings::parse(&serde_json::from_str(&release.settings).unwrap_or_default())?,
        None => Settings::parse(&serde_json::Value::Null)?,
    };
    let limits = services.directory.limits(&settings);
    services.queue.control(integration.id, control(&settings, &limits, pause.is_some())).await?;
    services.catalog.set_pause(integration.id, pause).await?;
    services.directory.reload().await?;
    stored(&services, &name).await
}

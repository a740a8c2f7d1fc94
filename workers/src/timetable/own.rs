//! The schedule of an integration's settings: in the catalog it is one like all others, brought in line with the release.

use std::sync::Arc;

use serde_json::Value;
use store::catalog::{PutSchedule, StoredSchedule, Trigger};
use store::queue::ScheduleRef;

use super::written;
use crate::settings::Settings;
use crate::{Entry, Result, Services};

/// The name of the schedule of an integration's settings.
pub const OWN: &str = "default";

/// Whether an integration has no schedule in its settings that could fire.
pub(crate) fn has_no_own(entry: &Entry) -> bool {
    entry.trigger != Trigger::Recurring || entry.latest.is_none()
}

/// Puts the schedule of the highest release under [`OWN`]. The same again changes nothing; another one is a new revision.
pub(crate) async fn sync_own(services: &Services, entry: &Arc<Entry>) -> Result<Option<StoredSchedule>> {
    let id = ScheduleRef::from(entry.id);
    let Some(release) = services.catalog.highest(entry.id, None).await? else { return Ok(None) };
    let settings: Value = serde_json::from_str(&release.settings).unwrap_or_default();
    Settings::parse(&settings)?;
    let Some(fields) = settings.get("schedule").and_then(Value::as_object).cloned() else {
        services.catalog.delete_schedule(id.schedule, services.clock.now()).await?;
        return Ok(None);
    };
    let put = PutSchedule {
        id,
        name: OWN.to_owned(),
        note: String::new(),
        key: None,
        spec: written::spec(fields),
        payload: None,
    };
    let (stored, _) = services.catalog.put_schedule(&put, services.clock.now()).await?;
    Ok(Some(stored))
}

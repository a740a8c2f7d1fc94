//! The ticks of a schedule, as the engine itself computes them.

use schedules::Millis;

use super::{entry, stored};
use crate::settings::Settings;
use crate::{Error, Result, Services};

/// The next `n` nominal times after `from` (now, if absent) of the released schedule, or of the draft's before that.
pub async fn next_ticks(services: &Services, name: &str, n: usize, from: Option<Millis>) -> Result<Vec<Millis>> {
    let entry = entry(services, name)?;
    let schedule = match services.directory.version(&entry, None).await? {
        Some(version) => version.settings.schedule.clone(),
        None => {
            let draft = stored(services, name).await?.draft;
            Settings::parse(&serde_json::from_str(&draft.settings).unwrap_or_default())?.schedule
        }
    };
    let schedule = schedule.ok_or_else(|| {
        Error::conflict("no_schedule", format!("{name} has no schedule: its trigger is {:?}", entry.trigger.name()))
    })?;
    Ok(schedule.recurrence.next_n(from.unwrap_or_else(|| services.clock.now()), n))
}

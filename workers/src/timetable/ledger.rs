//! The ledger: records of ticks on their way from the queue into the catalog, and what the ends of ticks say of a schedule.

use store::ScheduleId;
use store::catalog::{Catalog, Pause, TickPlace};
use store::queue::{Inspect, MAX_BATCH, Page, PageRequest, Queue, TickRecord};

use super::{known, manage};
use crate::{Result, Services};
use schedules::Millis;

/// Batches at one time; the rest waits for the next.
const BATCHES: usize = 100;
/// Who pauses a schedule that fails.
const ENGINE: &str = "engine";

/// Moves what is in the outbox into the ledger: written first, then forgotten, so that a crash loses none. What is there
/// already stays as it is.
pub(crate) async fn write_ledger(services: &Services) -> Result<()> {
    for _ in 0..BATCHES {
        let records = services.queue.outbox(MAX_BATCH).await?;
        if records.is_empty() {
            return Ok(());
        }
        services.catalog.record_ticks(&records).await?;
        services.queue.clear_outbox(records).await?;
    }
    Ok(())
}

/// A page of a schedule's ledger, newest tick first.
pub async fn ticks(
    services: &Services,
    integration: &str,
    schedule: &str,
    page: PageRequest<TickPlace>,
) -> Result<Page<TickRecord>> {
    let (_, stored) = manage::find(services, integration, schedule).await?;
    write_ledger(services).await?;
    Ok(services.catalog.list_ticks(stored.id.schedule, page).await?)
}

/// Counts how ticks ended, and pauses the schedules that have failed as often in a row as they may.
pub(crate) async fn count_ends(catalog: &Catalog, ends: &[(ScheduleId, bool)], now: Millis) -> store::Result<()> {
    if ends.is_empty() {
        return Ok(());
    }
    catalog.count_ends(ends).await?;
    for (id, _) in ends.iter().filter(|(_, succeeded)| !succeeded) {
        let Some(stored) = catalog.schedule_by_id(*id).await? else { continue };
        let most = known::parse(&stored.spec).ok().and_then(|schedule| schedule.pause_after_failures);
        if let Some(most) = most.filter(|most| stored.failures >= *most && stored.pause.is_none()) {
            let note = format!("{} ticks in a row have failed; it may fail {most} times", stored.failures);
            tracing::warn!(schedule = stored.name, note, "a schedule is paused");
            catalog.pause_schedule(*id, &Pause { note, at: now }, ENGINE).await?;
        }
    }
    Ok(())
}

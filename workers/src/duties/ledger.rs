//! Writes what became of ticks into the ledger.

use schedules::Millis;

use crate::timetable::write_ledger;
use crate::{Result, Services};

pub(super) async fn run(services: Services) -> Result<Option<Millis>> {
    write_ledger(&services).await?;
    Ok(None)
}

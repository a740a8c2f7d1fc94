//! Fires what can be fired of the backfills that run.

use schedules::Millis;

use crate::timetable::fire_backfills;
use crate::{Result, Services};

pub(super) async fn run(services: Services) -> Result<Option<Millis>> {
    fire_backfills(&services).await
}

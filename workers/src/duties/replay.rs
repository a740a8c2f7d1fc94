//! Goes on with replays of events.

use schedules::Millis;

use crate::{Result, Services, events};

pub(super) async fn run(services: Services) -> Result<Option<Millis>> {
    events::replay::go_on(&services).await
}

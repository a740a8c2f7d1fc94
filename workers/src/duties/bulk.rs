//! Goes on with bulk actions.

use schedules::Millis;

use crate::{Result, Services, bulk};

pub(super) async fn run(services: Services) -> Result<Option<Millis>> {
    bulk::go_on(&services).await
}

//! Keeps the leases of what runs here, and ends the runs whose lease is gone.

use schedules::Millis;
use store::queue::{MAX_BATCH, Queue};

use crate::{Result, Services};

pub(super) async fn run(services: Services) -> Result<Option<Millis>> {
    for leases in services.leases.all().chunks(MAX_BATCH) {
        let lost = services.queue.extend(leases.to_vec(), services.options.lease_ms).await?;
        services.leases.lost(&lost);
    }
    Ok(None)
}

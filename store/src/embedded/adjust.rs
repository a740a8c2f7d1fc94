//! adjust: shut, open or empty one bucket of a rate limit.

use schedules::rate::{Hold, is_shared};

use super::step::Step;
use super::{hold, row};
use crate::queue::{Adjustment, MAX_HOLDS, owner_of};
use crate::{Error, IntegrationId, Result};

/// Does it, and lets those in line at the bucket be looked at again.
pub(super) fn adjust(
    step: &mut Step<'_>,
    integration: IntegrationId,
    bucket: &str,
    adjustment: Adjustment,
) -> Result<()> {
    let place = (owner_of(integration, bucket), bucket);
    let before = hold::read(step.connection, place)?;
    let after = match adjustment {
        Adjustment::Pause => Hold { paused: true, ..before },
        Adjustment::Resume => Hold { paused: false, ..before },
        Adjustment::Hold { until } => Hold { until: before.until.max(until), ..before },
        Adjustment::Reset => Hold { until: Hold::default().until, ..before },
    };
    if before == Hold::default() && after != before && hold::count(step.connection)? >= MAX_HOLDS {
        return Err(Error::Full { what: "paused keys of rate limits", limit: MAX_HOLDS });
    }
    hold::write(step.connection, place, after)?;
    if adjustment == Adjustment::Reset {
        step.connection.prepare_cached("DELETE FROM buckets WHERE integration = ?1 AND name = ?2")?.execute(place)?;
    }
    for integration in waiting_at(step, integration, bucket)? {
        step.books.stale.lines.insert((integration, bucket.into()));
    }
    Ok(())
}

/// The integrations with jobs in line at a bucket, or let out of its line.
pub(super) fn waiting_at(step: &Step<'_>, integration: IntegrationId, bucket: &str) -> Result<Vec<IntegrationId>> {
    if !is_shared(bucket) {
        let mut statement =
            step.connection.prepare_cached("SELECT integration FROM gates WHERE integration = ?1 AND name = ?2")?;
        return row::all(&mut statement, (integration, bucket), |row| Ok(row.get(0)?));
    }
    let mut statement = step.connection.prepare_cached("SELECT integration FROM gates WHERE name = ?1")?;
    row::all(&mut statement, (bucket,), |row| Ok(row.get(0)?))
}

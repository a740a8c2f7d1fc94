//! The next ticks of a schedule: by name, and when they really fire.

use schedules::{Millis, Zone};

use super::known;
use super::manage::{cursor, find};
use crate::{Result, Services};

/// One of the next ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upcoming {
    /// The time that names it.
    pub nominal: Millis,
    /// When it fires: the jitter added.
    pub effective: Millis,
    /// What the clock on the wall shows when it fires, in the zone that was asked for.
    pub local: String,
    /// What a change of the clocks does to it.
    pub remark: Option<String>,
}

/// The next `n` ticks after `from` (now, if absent), with wall-clock times of `timezone` (that of the schedule, if absent).
pub async fn next(
    services: &Services,
    integration: &str,
    schedule: &str,
    n: usize,
    from: Option<Millis>,
    timezone: Option<&str>,
) -> Result<Vec<Upcoming>> {
    let (_, stored) = find(services, integration, schedule).await?;
    let written = known::parse(&stored.spec)?;
    let recurrence = &written.recurrence;
    let zone = match timezone {
        Some(name) => Zone::parse("timezone", "invalid_timezone", name)?,
        None => recurrence.zone(),
    };
    let fired = cursor(services, stored.id).await?.map_or(0, |cursor| cursor.fired);
    let left = written.max_runs.map_or(u64::MAX, |most| most.saturating_sub(fired));
    let n = n.min(usize::try_from(left).unwrap_or(usize::MAX));
    let nominals = recurrence.next_n(from.unwrap_or_else(|| services.clock.now()), n);
    let upcoming = |nominal: Millis| {
        let effective = recurrence.jittered(nominal, &stored.id.schedule.to_bytes());
        Upcoming { nominal, effective, local: zone.wall_clock(effective), remark: recurrence.remark(nominal) }
    };
    Ok(nominals.into_iter().map(upcoming).collect())
}

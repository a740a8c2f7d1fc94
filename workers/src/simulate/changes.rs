//! When the clocks of the zones that settings name change.

use std::collections::BTreeMap;

use schedules::{Millis, Zone};

use super::Plan;

/// A change of a zone's clocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Millis,
    /// Where.
    pub zone: Zone,
    /// How far the zone is ahead of UTC before, in milliseconds.
    pub before_ms: i64,
    /// And after.
    pub after_ms: i64,
}

/// The changes of all zones that schedules and the windows of calls name, in order.
pub fn changes(plan: &Plan) -> Vec<Change> {
    let schedules = plan.subjects.iter().filter_map(|subject| subject.settings.schedule.as_ref());
    let named = schedules.filter_map(|schedule| schedule.recurrence.spec().timezone.clone());
    let windows = plan.calls.iter().filter_map(|call| call.body["window"]["timezone"].as_str().map(str::to_owned));
    let zones: BTreeMap<String, Zone> = named
        .chain(windows)
        .filter_map(|name| Zone::parse("timezone", "invalid_timezone", &name).ok().map(|zone| (name, zone)))
        .collect();
    let mut found: Vec<Change> = zones
        .into_values()
        .flat_map(|zone| {
            zone.changes(plan.from, plan.to).into_iter().map(move |at| Change {
                at,
                zone,
                before_ms: zone.offset_ms(at.after(-1)),
                after_ms: zone.offset_ms(at),
            })
        })
        .collect();
    found.sort_by_key(|change| change.at);
    found
}

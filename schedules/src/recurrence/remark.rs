//! What a change of the clocks does to a tick, in plain English.

use super::Recurrence;
use super::pattern::Pattern;
use crate::Millis;
use crate::calendar::{DAY_MS, time_of_day, time_text};

pub(super) fn remark(recurrence: &Recurrence, nominal: Millis) -> Option<String> {
    forward(recurrence, nominal).or_else(|| back(recurrence, nominal))
}

/// The tick fires at the very moment at which the clocks jump.
fn forward(recurrence: &Recurrence, nominal: Millis) -> Option<String> {
    let zone = &recurrence.zone;
    let jump_ms = zone.offset_ms(nominal) - zone.offset_ms(nominal.after(-1));
    if jump_ms <= 0 {
        return None;
    }
    let shown = time_of_day(zone.local(nominal));
    match &recurrence.pattern {
        Pattern::Daily { time_ms, .. } if *time_ms != shown => {
            Some(format!("clocks go forward: {} does not exist, fires at {}", time_text(*time_ms), time_text(shown)))
        }
        _ => {
            let before = time_of_day(zone.local(nominal.after(-1)) + 1);
            Some(format!("clocks go forward from {} to {}", time_text(before), time_text(shown)))
        }
    }
}

/// The clocks show the tick's time twice.
fn back(recurrence: &Recurrence, nominal: Millis) -> Option<String> {
    let zone = &recurrence.zone;
    let local = zone.local(nominal);
    let shown = time_text(time_of_day(local));
    let is_twice = |change: Millis| {
        let gone_back_ms = zone.offset_ms(change.after(-1)) - zone.offset_ms(change);
        let from = zone.local(change);
        (from..from + gone_back_ms).contains(&local)
    };
    if let Some(change) = zone.next_change(nominal, nominal.after(DAY_MS))
        && is_twice(change)
    {
        return Some(format!("clocks go back: {shown} exists twice, fires at the first"));
    }
    let change = zone.next_change(nominal.after(-DAY_MS), nominal)?;
    is_twice(change).then(|| format!("clocks go back: {shown} exists twice, this is the second"))
}

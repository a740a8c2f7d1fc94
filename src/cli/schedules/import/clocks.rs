//! What a change of the clocks does to a cron expression: the rules of systems differ by what kind of times it has.

use ::schedules::{Millis, Recurrence, RecurrenceSpec};

const DAY_MS: i64 = 86_400_000;
/// Far enough to meet each change of the clocks of a year.
const FAR_DAYS: i64 = 400;

/// What kind of times an expression has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Times of day. Here each fires once on a day, whatever clocks do.
    Fixed,
    /// Steps or full ranges of some hours. Here they fire whenever the clock shows them.
    Stepped,
    /// All hours: every system fires whenever the clock shows them.
    Hourly,
}

impl Times {
    /// The kind of an expression of five or six fields, or of a nickname.
    pub fn of(cron: &str) -> Self {
        let fields: Vec<&str> = cron.split_whitespace().collect();
        let [.., minute, hour, _, _, _] = fields[..] else {
            return if cron == "@hourly" { Self::Hourly } else { Self::Fixed };
        };
        let second = if fields.len() > 5 { fields[0] } else { "0" };
        let repeats = |text: &str, full: &str| text.contains(['*', '/']) || text == full;
        match repeats(second, "0-59") || repeats(minute, "0-59") || repeats(hour, "0-23") {
            false => Self::Fixed,
            true if ["*", "*/1", "0-23"].contains(&hour) => Self::Hourly,
            true => Self::Stepped,
        }
    }
}

/// When clocks next change over times that an expression has, in its zone.
pub fn next_touched(recurrence: &Recurrence, now: Millis) -> Option<Millis> {
    let zone = recurrence.zone();
    // The same times on a clock that never changes.
    let spec = RecurrenceSpec { timezone: None, start: None, end: None, ..recurrence.spec().clone() };
    let steady = Recurrence::parse(&spec).ok()?;
    zone.changes(now, now.after(FAR_DAYS * DAY_MS)).into_iter().find(|change| {
        let before = change.after(zone.offset_ms(change.after(-1)));
        let after = change.after(zone.offset_ms(*change));
        let (from, until) = (before.min(after), before.max(after));
        steady.next(from.after(-1)).is_some_and(|tick| tick < until)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_hours_minutes_and_seconds() {
        let check = |cron: &str, expected: Times| assert_eq!(Times::of(cron), expected, "{cron}");
        check("30 1 * * *", Times::Fixed);
        check("0,30 1-5 * * *", Times::Fixed);
        check("15 30 1 * * *", Times::Fixed);
        check("@daily", Times::Fixed);
        check("@hourly", Times::Hourly);
        check("*/5 * * * *", Times::Hourly);
        check("0 0-23 * * *", Times::Hourly);
        check("0 * * * * *", Times::Hourly);
        check("*/5 2 * * *", Times::Stepped);
        check("30 */2 * * *", Times::Stepped);
        check("* 0 2 * * *", Times::Stepped);
    }

    #[test]
    fn only_times_in_the_gap_or_in_the_repeated_hour_are_touched() {
        // 2026-11-26T12:00:00Z: next, clocks go forward.
        let now = Millis(1_795_694_400_000);
        let check = |cron: &str, zone: &str, expected: Option<&str>| {
            let spec = RecurrenceSpec {
                cron: Some(cron.to_owned()),
                timezone: Some(zone.to_owned()),
                ..RecurrenceSpec::default()
            };
            let recurrence = Recurrence::parse(&spec).expect("valid");
            let touched = next_touched(&recurrence, now).map(|at| recurrence.zone().wall_clock(at));
            assert_eq!(touched.as_deref(), expected, "{cron} {zone}");
        };
        check("30 1 * * *", "Europe/London", Some("2027-03-28T02:00:00+01:00"));
        check("0 2 * * *", "Europe/London", None);
        check("0 1 * 6-12 *", "Europe/London", Some("2027-10-31T01:00:00+00:00"));
        check("30 */2 * * *", "America/New_York", Some("2027-03-14T03:00:00-04:00"));
        check("30 14 * * *", "Europe/London", None);
        check("30 1 * * *", "Asia/Tokyo", None);
    }
}

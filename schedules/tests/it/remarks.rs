//! What the clocks do to ticks, how many there are, and what the wall shows.

use schedules::{Millis, Recurrence, RecurrenceSpec, Zone};

use crate::t;

fn daily(at: &str, zone: &str) -> Recurrence {
    let spec = RecurrenceSpec {
        every: Some("day".into()),
        at: Some(at.into()),
        timezone: Some(zone.into()),
        ..RecurrenceSpec::default()
    };
    Recurrence::parse(&spec).expect("valid")
}

fn cron(text: &str, zone: &str) -> Recurrence {
    let spec = RecurrenceSpec { cron: Some(text.into()), timezone: Some(zone.into()), ..RecurrenceSpec::default() };
    Recurrence::parse(&spec).expect("valid")
}

#[test]
fn a_change_of_the_clocks_is_remarked_on_at_the_ticks_it_meets() {
    let check = |recurrence: &Recurrence, from: &str, expected: [Option<&str>; 3]| {
        let remarks: Vec<Option<String>> =
            recurrence.next_n(t(from), 3).into_iter().map(|tick| recurrence.remark(tick)).collect();
        assert_eq!(remarks.iter().map(Option::as_deref).collect::<Vec<_>>(), expected, "{}", recurrence.describe());
    };
    let gone = Some("clocks go forward: 01:30 does not exist, fires at 02:00");
    check(&daily("01:30", "Europe/London"), "2026-03-28T00:00:00Z", [None, gone, None]);
    let twice = Some("clocks go back: 01:30 exists twice, fires at the first");
    check(&daily("01:30", "Europe/London"), "2026-10-24T00:00:00Z", [None, twice, None]);
    check(&daily("03:00", "Europe/London"), "2026-03-28T00:00:00Z", [None, None, None]);
    let gone = Some("clocks go forward: 02:15 does not exist, fires at 02:30");
    check(&daily("02:15", "Australia/Lord_Howe"), "2026-10-02T13:00:00Z", [None, gone, None]);
    check(&daily("01:30", "UTC"), "2026-03-28T00:00:00Z", [None, None, None]);
    let (first, second) = (
        Some("clocks go back: 01:30 exists twice, fires at the first"),
        Some("clocks go back: 01:30 exists twice, this is the second"),
    );
    check(&cron("30 * * * *", "America/New_York"), "2026-11-01T05:00:00Z", [first, second, None]);
    let jump = Some("clocks go forward from 02:00 to 03:00");
    check(&cron("0 * * * *", "America/New_York"), "2026-03-08T06:00:00Z", [jump, None, None]);
}

#[test]
fn ticks_are_counted() {
    let check = |recurrence: &Recurrence, first: &str, last: &str, most: u64, expected: Option<u64>| {
        assert_eq!(recurrence.count(t(first), t(last), most), expected, "{} {first} {last}", recurrence.describe());
    };
    let every = RecurrenceSpec { every: Some("1s".into()), ..RecurrenceSpec::default() };
    let every = Recurrence::parse(&every).expect("valid");
    check(&every, "2026-01-01T00:00:00Z", "2036-01-01T00:00:00Z", 10, Some(3_652 * 86_400 + 1));
    check(&every, "2026-01-01T00:00:00.500Z", "2026-01-01T00:00:00.900Z", 10, Some(0));
    let seconds = cron("* * * * * *", "UTC");
    check(&seconds, "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z", 10, Some(10));
    check(&seconds, "2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z", 10, None);
    check(&daily("01:30", "Europe/London"), "2026-03-01T00:00:00Z", "2026-03-31T23:00:00Z", 100, Some(31));
}

#[test]
fn the_wall_shows_its_distance_from_utc() {
    let check = |zone: &str, at: Millis, expected: &str| {
        let zone = Zone::parse("zone", "invalid", zone).expect("a zone");
        assert_eq!(zone.wall_clock(at), expected);
    };
    check("UTC", t("2026-03-01T09:00:00Z"), "2026-03-01T09:00:00+00:00");
    check("Asia/Kolkata", t("2026-03-01T09:00:00Z"), "2026-03-01T14:30:00+05:30");
    check("America/St_Johns", t("2026-03-01T09:00:00.007Z"), "2026-03-01T05:30:00.007-03:30");
}

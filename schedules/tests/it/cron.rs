//! Semantics §5, cron: the dialect, and its days and times over changes of the clocks.

use chrono::{Datelike, TimeZone, Timelike};
use proptest::prelude::*;
use schedules::{Millis, Recurrence, RecurrenceSpec};

use crate::recurrence::{check, recurrence, spec};
use crate::t;
use crate::transitions::{DAY, MINUTE, all};

/// Checks the next ticks as `MM-DD HH:MM` of the year in which `after` lies.
fn ticks(cron: &str, after: &str, expected: &[&str]) {
    let found = recurrence(&format!("={cron}")).next_n(t(after), expected.len());
    let found: Vec<String> = found.iter().map(|tick| tick.to_rfc3339()[5..16].replace('T', " ")).collect();
    assert_eq!(found, expected, "{cron} after {after}");
}

#[test]
fn reads_the_dialect() {
    let new_year = "2026-01-01T00:00:00Z"; // a thursday
    ticks("*/7 * * * *", new_year, &["01-01 00:07", "01-01 00:14"]);
    ticks("5/15 * * * *", new_year, &["01-01 00:05", "01-01 00:20", "01-01 00:35", "01-01 00:50", "01-01 01:05"]);
    ticks("0 22-2 * * *", new_year, &["01-01 01:00", "01-01 02:00", "01-01 22:00", "01-01 23:00", "01-02 00:00"]);
    ticks("0 22-4/3 * * *", new_year, &["01-01 01:00", "01-01 04:00", "01-01 22:00"]);
    ticks("0 0 * * FRI-MON", new_year, &["01-02 00:00", "01-03 00:00", "01-04 00:00", "01-05 00:00", "01-09 00:00"]);
    ticks("0 0 1 NOV-FEB *", "2026-01-15T00:00:00Z", &["02-01 00:00", "11-01 00:00", "12-01 00:00"]);
    ticks("0 0 * * 0", new_year, &["01-04 00:00", "01-11 00:00"]);
    ticks("0 0 * * 7", new_year, &["01-04 00:00", "01-11 00:00"]);
    ticks("0 0 * * 5-7", new_year, &["01-02 00:00", "01-03 00:00", "01-04 00:00", "01-09 00:00"]);
    ticks("0 0 * * 7-1", new_year, &["01-04 00:00", "01-05 00:00", "01-11 00:00"]);
    ticks("0 0 * * 1-5", "2026-01-02T12:00:00Z", &["01-05 00:00", "01-06 00:00"]);
    ticks("0 0 * * monday", new_year, &["01-05 00:00"]);
    ticks("0 0 * * sun,Wed", new_year, &["01-04 00:00", "01-07 00:00"]);
    // Both days set: either will do.
    ticks("0 0 13 * 5", new_year, &["01-02 00:00", "01-09 00:00", "01-13 00:00", "01-16 00:00"]);
    ticks("0 0 13 * ?", new_year, &["01-13 00:00", "02-13 00:00"]);
    ticks("0 0 L * *", new_year, &["01-31 00:00", "02-28 00:00"]);
    ticks("0 0 LW * *", new_year, &["01-30 00:00", "02-27 00:00"]);
    ticks("0 0 15W * *", new_year, &["01-15 00:00", "02-16 00:00"]);
    ticks("0 0 1,L * *", new_year, &["01-31 00:00", "02-01 00:00"]);
    ticks("0 0 * * 5L", new_year, &["01-30 00:00", "02-27 00:00"]);
    ticks("0 0 * * FRIL", new_year, &["01-30 00:00"]);
    ticks("0 0 * * FRI#L", new_year, &["01-30 00:00"]);
    ticks("0 0 * * MON#2", new_year, &["01-12 00:00", "02-09 00:00"]);
    ticks("0 0 * * 7#1", new_year, &["01-04 00:00", "02-01 00:00"]);
    ticks("0 0 * * 1#5", new_year, &["03-30 00:00", "06-29 00:00"]);
    ticks("0 0 31 * *", new_year, &["01-31 00:00", "03-31 00:00"]);
    ticks("0 12 1 april,JUL *", new_year, &["04-01 12:00", "07-01 12:00"]);
    ticks("@daily", new_year, &["01-02 00:00"]);
    ticks("@Hourly", new_year, &["01-01 01:00"]);
    ticks("@weekly", new_year, &["01-04 00:00"]);
    ticks("@monthly", new_year, &["02-01 00:00"]);
    ticks("@yearly", "2025-12-01T00:00:00Z", &["01-01 00:00"]);
    ticks("  0   6 * *  * ", new_year, &["01-01 06:00"]);
    check("=*/20 * * * * *", new_year, &["2026-01-01T00:00:20Z", "2026-01-01T00:00:40Z", "2026-01-01T00:01:00Z"]);
    check("=30 0 6 * * *", new_year, &["2026-01-01T06:00:30Z"]);
    check("=0 0 29 2 *", new_year, &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]);
    check("=0 0 29 2 *", "2096-03-01T00:00:00Z", &["2104-02-29T00:00:00Z"]);
    check("=0 0 * * *", "2026-01-01T00:00:00.500Z", &["2026-01-02T00:00:00Z"]);
    check("=0 0 * * *", "2025-12-31T23:59:59.999Z", &[new_year]);
}

#[test]
fn refuses_what_it_would_misread() {
    for cron in [
        "",
        "*",
        "* * * *",
        "* * * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * 0 *",
        "* * * * 8",
        "*/90 * * * *",
        "*/0 * * * *",
        "*/x * * * *",
        "1/2/3 * * * *",
        "a * * * *",
        "MON * * * *",
        "* * * MON *",
        "* * * * JAN",
        "1,,2 * * * *",
        "1- * * * *",
        "-1 * * * *",
        "1-2-3 * * * *",
        "? * * * *",
        "L * * * *",
        "* * L-3 * *",
        "* * 32W * *",
        "* * W * *",
        "* * * * L",
        "* * * * 1#6",
        "* * * * 1#0",
        "* * * * #2",
        "* * L,LW * *",
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
        "* * * * +1",
        "H * * * *",
        "@reboot",
        "@every 5m",
        "0 0 * * MON-FRI#2",
        "٣ * * * *",
        "0,0x1 * * * *",
        "*-5 * * * *",
        "*5 * * * *",
    ] {
        let spec = RecurrenceSpec { cron: Some(cron.into()), ..RecurrenceSpec::default() };
        let error = Recurrence::parse(&spec).err().unwrap_or_else(|| panic!("{cron} is accepted"));
        assert_eq!((error.field.as_str(), error.code), ("schedule.cron", "invalid_schedule"), "{cron}");
    }
    assert!(Recurrence::parse(&spec(&format!("=* * * * {}", "1,".repeat(500)))).is_err());
}

#[test]
fn fixed_times_fire_once_over_every_change() {
    let london =
        |cron: &str, after: &str, expected: &[&str]| check(&format!("={cron}|||Europe/London"), after, expected);
    london("30 1 * * *", "2026-03-28T12:00:00Z", &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    london("30 1 * * *", "2026-10-24T12:00:00Z", &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    london("0,30 1 * * *", "2026-03-28T12:00:00Z", &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]);
    london("30 1,13 * * *", "2026-03-28T20:00:00Z", &["2026-03-29T01:00:00Z", "2026-03-29T12:30:00Z"]);
    london("30 1,13 * * *", "2026-10-24T20:00:00Z", &["2026-10-25T00:30:00Z", "2026-10-25T13:30:00Z"]);
    london("30 1 * * SUN#L", "2026-03-28T12:00:00Z", &["2026-03-29T01:00:00Z", "2026-04-26T00:30:00Z"]);
    // Asked in the second pass of the repeated hour, it has fired already; what follows that hour has not.
    london("15-45 1,2 * * *", "2026-10-25T01:20:00Z", &["2026-10-25T02:15:00Z", "2026-10-25T02:16:00Z"]);
    london("0,30 1,2 * * *", "2026-10-25T01:15:00Z", &["2026-10-25T02:00:00Z", "2026-10-25T02:30:00Z"]);
    london("0 1,2 * * *", "2026-10-25T01:00:00Z", &["2026-10-25T02:00:00Z", "2026-10-26T01:00:00Z"]);
    london("30 1 * * *", "2026-10-25T01:15:00Z", &["2026-10-26T01:30:00Z"]);
    check("=0 0 * * *|||Africa/Cairo", "2026-04-23T10:00:00Z", &["2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"]);
    check(
        "=0 12 * * *|||Pacific/Apia",
        "2011-12-29T12:00:00Z",
        &["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"],
    );
}

#[test]
fn repeating_ones_fire_at_each_instant_that_matches_in_order() {
    let london =
        |cron: &str, after: &str, expected: &[&str]| check(&format!("={cron}|||Europe/London"), after, expected);
    london(
        "*/30 * * * *",
        "2026-10-24T23:30:00Z",
        &[
            "2026-10-25T00:00:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:00:00Z",
        ],
    );
    london("0 * * * *", "2026-03-29T00:00:00Z", &["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]);
    london("*/30 1 * * *", "2026-03-28T02:00:00Z", &["2026-03-30T00:00:00Z"]);
    check(
        "=*/20 * * * *|||Australia/Lord_Howe",
        "2026-10-03T15:00:00Z",
        &["2026-10-03T15:10:00Z", "2026-10-03T15:40:00Z", "2026-10-03T16:00:00Z"],
    );
}

#[test]
fn repeating_ones_match_the_wall_clock_minute_by_minute() {
    for &(zone, change) in all() {
        let (from, until) = (change.after(-DAY), change.after(DAY));
        for (cron, matches) in [
            ("*/30 * * * *", (|_: u32, minute: u32| minute.is_multiple_of(30)) as fn(u32, u32) -> bool),
            ("15 * * * *", |_, minute| minute == 15),
            ("*/10 1-3 * * *", |hour, minute| (1..=3).contains(&hour) && minute.is_multiple_of(10)),
            ("7/20 */2 * * *", |hour, minute| hour.is_multiple_of(2) && minute % 20 == 7),
        ] {
            let minutes = (1..=2 * DAY / MINUTE).map(|minute| from.after(minute * MINUTE));
            let expected: Vec<Millis> = minutes
                .filter(|at| {
                    let utc = chrono::DateTime::from_timestamp_millis(at.0).unwrap().naive_utc();
                    let local = zone.from_utc_datetime(&utc);
                    matches(local.hour(), local.minute())
                })
                .collect();
            assert_eq!(
                recurrence(&format!("={cron}|||{zone}")).between(from, until, 10_000),
                expected,
                "{cron} {zone}"
            );
        }
    }
}

#[test]
fn describes_itself() {
    let check = |cron: &str, expected: &str| {
        assert_eq!(recurrence(&format!("={cron}")).describe(), format!("{expected} (UTC)"));
    };
    check("* * * * *", "every minute");
    check("*/5 * * * *", "every 5 minutes");
    check("*/15 * * * * *", "every 15 seconds");
    check("* * * * * *", "every second");
    check("15 * * * *", "minute 15 of every hour");
    check("0,30 * * * *", "minutes 0 and 30 of every hour");
    check("*/10 9-17 * * 1-5", "every 10 minutes of hours 9 to 17, on monday to friday");
    check("0 6 * * *", "at 06:00");
    check("30 0 6 * * *", "at 06:00:30");
    check("0,30 6,18 * * *", "at 06:00, 06:30, 18:00 and 18:30");
    check("0 9-17 * * *", "minute 0 of hours 9 to 17");
    check("0 */2 * * *", "minute 0 of every 2 hours");
    check("0 0 1,15 * *", "at 00:00, on days 1 and 15 of the month");
    check("0 0 L * *", "at 00:00, on the last day of the month");
    check("0 0 LW * *", "at 00:00, on the last day from monday to friday of the month");
    check("0 0 15W * *", "at 00:00, on the day from monday to friday nearest to day 15 of the month");
    check("0 0 * * MON#2", "at 00:00, on the second monday of the month");
    check("0 0 * * 5L", "at 00:00, on the last friday of the month");
    check("0 0 13 * 5", "at 00:00, on day 13 of the month or on friday");
    check("0 0 1 NOV-FEB *", "at 00:00, on day 1 of the month, in january, february, november and december");
    check("@daily", "at 00:00");
}

/// A field as the text of a list, and whether it holds a number.
fn field(max: u32) -> impl Strategy<Value = (String, Vec<u32>)> {
    let list = prop::collection::vec(0..=max, 1..4)
        .prop_map(|values| (values.iter().map(u32::to_string).collect::<Vec<_>>().join(","), values));
    let range = (0..=max, 0..=max).prop_map(move |(from, to)| {
        let values = if from <= to { (from..=to).collect() } else { (from..=max).chain(0..=to).collect() };
        (format!("{from}-{to}"), values)
    });
    let steps = (0..=max, 1..=max).prop_map(move |(from, step)| {
        (format!("{from}/{step}"), (from..=max).step_by(usize::try_from(step).unwrap()).collect())
    });
    prop_oneof![Just(("*".to_owned(), (0..=max).collect())), list, range, steps]
}

proptest! {
    #[test]
    fn wrapping_ranges_steps_and_lists_mean_their_numbers(
        minute in field(59), hour in field(23), weekday in field(6), at in 1_700_000_000_000i64..1_900_000_000_000
    ) {
        let recurrence = recurrence(&format!("={} {} * * {}", minute.0, hour.0, weekday.0));
        let next = recurrence.next(Millis(at)).unwrap();
        let matches = |at: i64| {
            let local = chrono::DateTime::from_timestamp_millis(at).unwrap();
            minute.1.contains(&local.minute()) && hour.1.contains(&local.hour())
                && weekday.1.contains(&local.weekday().num_days_from_sunday())
        };
        let first_minute = (at / MINUTE + 1) * MINUTE;
        let expected = (0..8 * DAY / MINUTE).map(|minute| first_minute + minute * MINUTE).find(|at| matches(*at));
        prop_assert_eq!(Some(next.0), expected);
    }
}

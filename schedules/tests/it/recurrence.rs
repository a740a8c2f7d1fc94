//! Semantics §5: every, at, on, start, end, jitter, DST; the words of a description.

use chrono::{NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use proptest::prelude::*;
use schedules::{Millis, Recurrence, RecurrenceSpec};

use crate::t;
use crate::transitions::{DAY, MINUTE, all};

/// `every|at|on|zone`, any of them empty; a cron expression if it begins with `=`.
pub fn spec(text: &str) -> RecurrenceSpec {
    let part = |place: usize| text.split('|').nth(place).filter(|part| !part.is_empty()).map(str::to_owned);
    let cron = part(0).and_then(|text| text.strip_prefix('=').map(str::to_owned));
    RecurrenceSpec {
        every: part(0).filter(|_| cron.is_none()),
        cron,
        at: part(1),
        on: part(2).into_iter().collect(),
        timezone: part(3),
        ..RecurrenceSpec::default()
    }
}

pub fn recurrence(text: &str) -> Recurrence {
    Recurrence::parse(&spec(text)).unwrap()
}

/// The next ticks after an instant, compared up to where the expected list ends.
pub fn check(text: &str, after: &str, expected: &[&str]) {
    check_spec(&spec(text), after, expected);
}

fn check_spec(spec: &RecurrenceSpec, after: &str, expected: &[&str]) {
    let found = Recurrence::parse(spec).unwrap().next_n(t(after), expected.len());
    let found: Vec<String> = found.into_iter().map(Millis::to_rfc3339).collect();
    let expected: Vec<String> = expected.iter().map(|text| t(text).to_rfc3339()).collect();
    assert_eq!(found, expected, "{spec:?} after {after}");
}

#[test]
fn every_minute_hour_day_week() {
    check("minute", "2026-05-01T12:00:30Z", &["2026-05-01T12:01:00Z", "2026-05-01T12:02:00Z"]);
    check("minute|06:15:20", "2026-05-01T12:00:00Z", &["2026-05-01T12:00:20Z", "2026-05-01T12:01:20Z"]);
    check("hour|06:15", "2026-05-01T12:00:00Z", &["2026-05-01T12:15:00Z", "2026-05-01T13:15:00Z"]);
    check("hour", "2026-05-01T12:00:00Z", &["2026-05-01T13:00:00Z", "2026-05-01T14:00:00Z"]);
    check("hour|06:15||Asia/Kolkata", "2026-05-01T12:00:00Z", &["2026-05-01T12:45:00Z", "2026-05-01T13:45:00Z"]);
    check("hour|||Asia/Kolkata", "2026-05-01T12:00:00Z", &["2026-05-01T12:30:00Z"]);
    check("day|06:00", "2026-05-01T06:00:00Z", &["2026-05-02T06:00:00Z", "2026-05-03T06:00:00Z"]);
    check("day|06:00||Europe/London", "2026-05-01T12:00:00Z", &["2026-05-02T05:00:00Z"]);
    check("Day", "2026-05-01T12:00:00Z", &["2026-05-02T00:00:00Z"]);
    check("week|09:00", "2026-05-01T12:00:00Z", &["2026-05-04T09:00:00Z", "2026-05-11T09:00:00Z"]);
    check("week|09:00|mon,thu", "2026-05-04T09:00:00Z", &["2026-05-07T09:00:00Z", "2026-05-11T09:00:00Z"]);
    check(
        "week|09:00|fri-sun",
        "2026-05-01T12:00:00Z",
        &["2026-05-02T09:00:00Z", "2026-05-03T09:00:00Z", "2026-05-08T09:00:00Z"],
    );
    let several = RecurrenceSpec { on: vec!["Monday".into(), "fri".into()], ..spec("week|09:00") };
    check_spec(&several, "2026-05-01T12:00:00Z", &["2026-05-04T09:00:00Z", "2026-05-08T09:00:00Z"]);
}

#[test]
fn counts_from_the_start() {
    let from = |text: &str, start: &str| RecurrenceSpec { start: Some(t(start)), ..spec(text) };
    let start = "2026-05-06T05:20:00Z"; // a wednesday
    let before = "2020-01-01T00:00:00Z";
    check_spec(&from("minute", start), before, &[start, "2026-05-06T05:21:00Z"]);
    check_spec(&from("hour", start), before, &[start, "2026-05-06T06:20:00Z"]);
    check_spec(&from("hour|00:45", start), before, &["2026-05-06T05:45:00Z"]);
    check_spec(&from("day", start), before, &[start, "2026-05-07T05:20:00Z"]);
    check_spec(&from("day|04:00", start), before, &["2026-05-07T04:00:00Z"]);
    check_spec(&from("week", start), before, &[start, "2026-05-13T05:20:00Z"]);
    check_spec(&from("week||mon", start), before, &["2026-05-11T05:20:00Z"]);
    check_spec(&from("7 h", start), before, &[start, "2026-05-06T12:20:00Z"]);
    check_spec(&from("=0 12 * * *", start), before, &["2026-05-06T12:00:00Z"]);
    check("week|2026-05-06T05:20:00Z", before, &[start, "2026-05-13T05:20:00Z"]);
    check("day|2026-05-06T05:20:00Z", before, &[start]);
    check("90s|2026-05-06T05:20:00Z", before, &[start, "2026-05-06T05:21:30Z"]);
    check("day|2026-05-06T06:20||Europe/London", before, &[start]);
    check_spec(&from("90s|2026-05-01T00:00:00Z", start), before, &["2026-05-06T05:21:00Z"]);
}

#[test]
fn intervals_are_real_time() {
    check("90s", "1970-01-01T00:00:00Z", &["1970-01-01T00:01:30Z", "1970-01-01T00:03:00Z"]);
    check("2 h|06:15", "2026-05-01T12:00:00Z", &["2026-05-01T12:15:00Z", "2026-05-01T14:15:00Z"]);
    check("1 day", "2026-05-01T12:00:00Z", &["2026-05-02T00:00:00Z"]);
    check("90s", "1969-12-31T23:59:59Z", &["1970-01-01T00:00:00Z"]);
    for &(zone, change) in all() {
        for every in ["minute", "hour", "hour|06:15", "30m", "2 h|00:30"] {
            let every = if every.contains('|') { format!("{every}||{zone}") } else { format!("{every}|||{zone}") };
            let ticks = recurrence(&every).between(change.after(-DAY / 2), change.after(DAY / 2), 2000);
            let gaps: Vec<i64> = ticks.windows(2).map(|pair| pair[1].since(pair[0])).collect();
            assert!(gaps.iter().all(|gap| *gap == gaps[0]) && gaps.len() > 9, "{every} {gaps:?}");
        }
    }
}

#[test]
fn a_time_of_day_fires_once_over_every_change() {
    // London: 01:30 did not exist on 2026-03-29, and came twice on 2026-10-25.
    check("day|01:30||Europe/London", "2026-03-28T12:00:00Z", &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    check("day|01:30||Europe/London", "2026-10-24T12:00:00Z", &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    check("week|01:30|sun|Europe/London", "2026-03-28T12:00:00Z", &["2026-03-29T01:00:00Z", "2026-04-05T00:30:00Z"]);
    check("day|02:15||Australia/Lord_Howe", "2026-10-03T12:00:00Z", &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]);
    check("day|01:45||Australia/Lord_Howe", "2026-04-04T12:00:00Z", &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]);
    check("day|00:00||America/Sao_Paulo", "2018-11-03T12:00:00Z", &["2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"]);
    check(
        "day|12:00||Pacific/Apia",
        "2011-12-29T12:00:00Z",
        &["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"],
    );
    check("week|12:00|fri|Pacific/Apia", "2011-12-29T12:00:00Z", &["2011-12-30T10:00:00Z", "2012-01-05T22:00:00Z"]);
}

/// The rule of semantics §5 by brute force: the first of all minutes that show the time, or the first after the gap.
pub fn first_instant(zone: Tz, local: NaiveDateTime) -> Millis {
    let around = Millis(local.and_utc().timestamp_millis());
    let shows = |at: Millis| {
        zone.from_utc_datetime(&chrono::DateTime::from_timestamp_millis(at.0).unwrap().naive_utc()).naive_local()
    };
    let minutes = || (-26 * 60..26 * 60).map(|minute| around.after(minute * MINUTE));
    minutes().find(|at| shows(*at) == local).or_else(|| minutes().find(|at| shows(*at) > local)).unwrap()
}

#[test]
fn days_match_the_rule_by_brute_force() {
    for &(zone, change) in all() {
        let date = zone
            .from_utc_datetime(&chrono::DateTime::from_timestamp_millis(change.0).unwrap().naive_utc())
            .date_naive();
        for (hour, minute) in
            [(0, 0), (0, 30), (1, 0), (1, 30), (1, 45), (2, 0), (2, 15), (2, 30), (3, 0), (12, 0), (23, 30)]
        {
            let mut expected: Vec<Millis> = (-2..=2)
                .map(|days| {
                    first_instant(zone, (date + chrono::Duration::days(days)).and_hms_opt(hour, minute, 0).unwrap())
                })
                .collect();
            // In Apia a day that never was begins when the next one does.
            expected.dedup();
            let last = *expected.last().unwrap();
            for text in [format!("day|{hour:02}:{minute:02}||{zone}"), format!("={minute} {hour} * * *|||{zone}")] {
                let found = recurrence(&text).between(expected[0].after(-1), last, 10);
                assert_eq!(found, expected, "{text}");
            }
        }
    }
}

const SHAPES: [&str; 14] = [
    "minute",
    "hour|06:15",
    "day|01:30",
    "day|02:15",
    "week|01:30|sun",
    "week|09:00|mon-fri",
    "90s",
    "7 h",
    "=30 1 * * *",
    "=*/30 * * * *",
    "=0 0 29 2 *",
    "=15 2 * * SUN",
    "=0 9,17 L * *",
    "=*/20 10 1-3 * * *",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn next_is_strictly_later_and_has_no_memory(shape in 0usize..14, place in 0usize..50, shift in -3 * DAY..3 * DAY) {
        let all = all();
        let (zone, change) = all[place % all.len()];
        let mut spec = spec(SHAPES[shape]);
        spec.timezone = Some(zone.name().into());
        let recurrence = Recurrence::parse(&spec).unwrap();
        let after = change.after(shift);
        let next = recurrence.next(after).unwrap();
        prop_assert!(next > after);
        // From anywhere before the tick the same one is next, and from anywhere behind it is the last.
        prop_assert_eq!(recurrence.next(after.after(next.since(after) / 2)), Some(next));
        prop_assert_eq!(recurrence.next(next.after(-1)), Some(next));
        let later = recurrence.next(next).unwrap();
        prop_assert!(later > next);
        prop_assert_eq!(recurrence.previous(later.after(-1), after), Some(next));
        prop_assert_eq!(recurrence.previous(next, after), Some(next));
    }

    #[test]
    fn lists_are_repeated_nexts(shape in 0usize..14, at in 1_500_000_000_000i64..1_900_000_000_000) {
        let recurrence = recurrence(SHAPES[shape]);
        let listed = recurrence.next_n(Millis(at), 5);
        prop_assert_eq!(listed.len(), 5);
        let mut last = Millis(at);
        for tick in &listed {
            prop_assert_eq!(recurrence.next(last), Some(*tick));
            last = *tick;
        }
        prop_assert_eq!(recurrence.between(Millis(at), last, 100), listed);
    }

    #[test]
    fn never_panics(every in ".{0,20}", at in "[0-9:TZ-]{0,20}", on in "[a-z,-]{0,10}", cron in "[0-9*/,LW#A-Z -]{0,24}", now in any::<i64>()) {
        for text in [format!("{every}|{at}|{on}"), format!("week|{at}|{on}"), format!("={cron}")] {
            if let Ok(recurrence) = Recurrence::parse(&spec(&text)) {
                let _ = (recurrence.next(Millis(now)), recurrence.describe());
            }
        }
    }
}

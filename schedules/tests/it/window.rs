//! Semantics §4, window: each sentence as a table.

use proptest::prelude::*;
use schedules::window::open_with_jitter;
use schedules::{Outside, Window, WindowSpec};

use crate::t;

/// `day|time|zone`, any of them empty.
pub fn spec(text: &str) -> WindowSpec {
    let parts: Vec<Option<String>> = text.split('|').map(|part| (!part.is_empty()).then(|| part.to_owned())).collect();
    WindowSpec { day: parts[0].clone(), time: parts[1].clone(), timezone: parts[2].clone(), ..WindowSpec::default() }
}

fn window(text: &str) -> Window {
    Window::parse(&spec(text)).unwrap()
}

#[test]
fn moves_to_the_next_opening() {
    let check = |text: &str, at: &str, expected: &str| {
        let found = window(text).next_open(t(at)).unwrap();
        assert_eq!(found.to_rfc3339(), t(expected).to_rfc3339(), "{text} at {at}");
    };
    // 2026-05-01 is a friday.
    check("monday|09:00-17:00|", "2026-05-01T12:00:00Z", "2026-05-04T09:00:00Z");
    check("mon-fri|09:00-17:00|", "2026-05-01T12:00:00Z", "2026-05-01T12:00:00Z");
    check("MON-Fri|09:00-17:00|", "2026-05-01T17:00:00Z", "2026-05-04T09:00:00Z");
    check("mon-fri|09:00-17:00|", "2026-05-01T16:59:59.999Z", "2026-05-01T16:59:59.999Z");
    check("mon-fri|09:00-17:00|", "2026-05-01T08:59:59.999Z", "2026-05-01T09:00:00Z");
    check("monday-friday||", "2026-05-02T10:00:00Z", "2026-05-04T00:00:00Z");
    check("friday-monday|09:00-10:00|", "2026-05-04T11:00:00Z", "2026-05-08T09:00:00Z");
    check("friday-monday|09:00-10:00|", "2026-05-02T11:00:00Z", "2026-05-03T09:00:00Z");
    check("sunday-saturday|09:00-10:00|", "2026-05-02T11:00:00Z", "2026-05-03T09:00:00Z");
    check("mon, wed ,FRI|09:00-10:00|", "2026-05-04T11:00:00Z", "2026-05-06T09:00:00Z");
    check("sat-sun,wed|09:00-10:00|", "2026-05-03T11:00:00Z", "2026-05-06T09:00:00Z");
    check("tues,thurs|09:00-10:00|", "2026-05-06T00:00:00Z", "2026-05-07T09:00:00Z");
    check("|09:00-12:00,13:00-17:00|", "2026-05-02T12:30:00Z", "2026-05-02T13:00:00Z");
    check("|13:00-17:00, 09:00-12:00|", "2026-05-02T08:00:00Z", "2026-05-02T09:00:00Z");
    check("|18:00-24:00|", "2026-05-02T23:59:59.999Z", "2026-05-02T23:59:59.999Z");
    check("|18:00-24:00|", "2026-05-02T00:00:00Z", "2026-05-02T18:00:00Z");
    check("friday|00:00-24:00|", "2026-05-02T00:00:00Z", "2026-05-08T00:00:00Z");
    // Overnight belongs to the day it opened.
    check("friday|22:00-06:00|", "2026-05-02T05:59:00Z", "2026-05-02T05:59:00Z");
    check("friday|22:00-06:00|", "2026-05-02T06:00:00Z", "2026-05-08T22:00:00Z");
    check("friday|22:00-06:00|", "2026-05-01T05:00:00Z", "2026-05-01T22:00:00Z");
    check("saturday|22:00-06:00|", "2026-05-02T05:00:00Z", "2026-05-02T22:00:00Z");
    check("sunday|22:00-00:00|", "2026-05-03T23:59:00Z", "2026-05-03T23:59:00Z");
    check("sunday|22:00-00:00|", "2026-05-04T00:00:00Z", "2026-05-10T22:00:00Z");
    // Zones.
    check("mon-fri|09:00-17:00|America/New_York", "2026-05-01T09:00:00Z", "2026-05-01T13:00:00Z");
    check("mon-fri|09:00-17:00|Asia/Kolkata", "2026-05-01T12:00:00Z", "2026-05-04T03:30:00Z");
    check("monday|00:00-01:00|Pacific/Kiritimati", "2026-05-01T12:00:00Z", "2026-05-03T10:00:00Z");
}

#[test]
fn follows_the_wall_clock_over_changes() {
    let open = |text: &str, at: &str, expected: &str| {
        let found = window(text).next_open(t(at)).unwrap();
        assert_eq!(found.to_rfc3339(), t(expected).to_rfc3339(), "{text} opens after {at}");
    };
    let close = |text: &str, at: &str, expected: &str| {
        let found = window(text).closes_at(t(at)).unwrap();
        assert_eq!(found.to_rfc3339(), t(expected).to_rfc3339(), "{text} closes after {at}");
    };
    // New York, 2026-03-08: 02:00 → 03:00. The same local hour lies an hour earlier in UTC from then on.
    open("|09:00-17:00|America/New_York", "2026-03-07T23:00:00Z", "2026-03-08T13:00:00Z");
    open("|02:30-04:00|America/New_York", "2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z");
    close("|01:00-02:30|America/New_York", "2026-03-08T06:30:00Z", "2026-03-08T07:00:00Z");
    open("|02:15-02:45|America/New_York", "2026-03-08T06:00:00Z", "2026-03-09T06:15:00Z");
    close("|22:00-06:00|America/New_York", "2026-03-08T06:00:00Z", "2026-03-08T10:00:00Z");
    // London, 2026-10-25: 02:00 → 01:00. What is shown twice is inside twice.
    open("|01:30-05:00|Europe/London", "2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z");
    close("|01:30-05:00|Europe/London", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z");
    open("|01:30-05:00|Europe/London", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z");
    close("|01:30-05:00|Europe/London", "2026-10-25T01:30:00Z", "2026-10-25T05:00:00Z");
    close("|00:00-01:30|Europe/London", "2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z");
    open("|00:00-01:30|Europe/London", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z");
    close("|00:00-01:30|Europe/London", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z");
    close("|22:00-06:00|Europe/London", "2026-10-24T22:00:00Z", "2026-10-25T06:00:00Z");
    // Lord Howe moves by half an hour: 2026-10-04, 02:00 → 02:30; 2026-04-05, 02:00 → 01:30.
    open("|02:15-03:00|Australia/Lord_Howe", "2026-10-03T15:00:00Z", "2026-10-03T15:30:00Z");
    close("|01:00-01:45|Australia/Lord_Howe", "2026-04-04T14:00:00Z", "2026-04-04T14:45:00Z");
    open("|01:00-01:45|Australia/Lord_Howe", "2026-04-04T14:45:00Z", "2026-04-04T15:00:00Z");
    // São Paulo changed at midnight until 2019: a day began at 01:00, and another had its last hour twice.
    open("sunday||America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z");
    close("saturday||America/Sao_Paulo", "2018-02-17T12:00:00Z", "2018-02-18T03:00:00Z");
    open("|23:30-24:00|America/Sao_Paulo", "2018-02-18T02:00:00Z", "2018-02-18T02:30:00Z");
    // Apia had no 2011-12-30, a friday.
    open("friday|10:00-11:00|Pacific/Apia", "2011-12-29T12:00:00Z", "2012-01-05T20:00:00Z");
    open("friday|22:00-06:00|Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-30T10:00:00Z");
}

#[test]
fn a_window_can_be_closed_or_open_for_good() {
    let at = t("2026-01-01T00:00:00Z");
    let every_monday =
        (0..530).map(|week| t("2026-01-05T00:00:00Z").after(week * 7 * 86_400_000).to_rfc3339()[..10].to_owned());
    let never = Window::parse(&WindowSpec { holidays: every_monday.collect(), ..spec("monday||") }).unwrap();
    assert_eq!(never.next_open(at), None);
    assert_eq!(open_with_jitter(&never, at, 1000, b"seed"), None);
    let always = window("|00:00-24:00|Europe/London");
    assert_eq!((always.next_open(at), always.closes_at(at)), (Some(at), None));
    for extreme in [i64::MIN, i64::MAX, 8_640_000_000_000_000] {
        assert_eq!(always.next_open(schedules::Millis(extreme)), None);
    }
}

#[test]
fn keeps_what_was_written() {
    let written = WindowSpec { outside: Outside::Drop, ..spec("MON|9:00-17:00|europe/london") };
    let window = Window::parse(&written).unwrap();
    assert_eq!(window.spec(), &written);
    assert_eq!(window.outside(), Outside::Drop);
    assert_eq!(window.zone().name(), "Europe/London");
}

#[test]
fn jitter_spreads_only_what_had_to_move() {
    let office = window("mon-fri|09:00-17:00|");
    let inside = t("2026-05-01T12:00:00Z");
    assert_eq!(open_with_jitter(&office, inside, 60_000, b"a"), Some(inside));
    let outside = t("2026-05-01T18:00:00Z");
    let opening = t("2026-05-04T09:00:00Z");
    assert_eq!(open_with_jitter(&office, outside, 0, b"a"), Some(opening));
    let at = |seed: u32| open_with_jitter(&office, outside, 60_000, &seed.to_be_bytes()).unwrap().since(opening);
    let shifts: Vec<i64> = (0..1000).map(at).collect();
    assert!(shifts.iter().all(|shift| (0..60_000).contains(shift)));
    assert!(shifts.iter().any(|shift| *shift < 1000) && shifts.iter().any(|shift| *shift > 59_000));
    assert_eq!(at(7), at(7));
}

proptest! {
    #[test]
    fn jitter_never_leaves_the_window(start in 0u32..1439, length in 1u32..90, jitter_ms in any::<u32>(), seed in any::<u64>(), at in 1_700_000_000_000i64..1_900_000_000_000) {
        let end = (start + length) % 1440;
        let text = format!("|{:02}:{:02}-{:02}:{:02}|Europe/London", start / 60, start % 60, end / 60, end % 60);
        let window = window(&text);
        let at = schedules::Millis(at);
        let found = open_with_jitter(&window, at, jitter_ms, &seed.to_be_bytes()).unwrap();
        let opening = window.next_open(at).unwrap();
        prop_assert!(window.is_open(found) && found >= opening);
        prop_assert!(found.since(opening) <= i64::from(jitter_ms));
        prop_assert!(window.closes_at(opening).unwrap() > found);
    }

    #[test]
    fn never_panics(day in "[a-z,-]{0,12}", time in "[0-9:, -]{0,16}", zone in "[A-Za-z/_]{0,12}", minutes in any::<Option<i32>>(), at in any::<i64>()) {
        for timezone in [None, Some(zone)] {
            let spec = WindowSpec { day: Some(day.clone()), time: Some(time.clone()), timezone, timezone_offset_minutes: minutes, ..WindowSpec::default() };
            if let Ok(window) = Window::parse(&spec) {
                let _ = window.next_open(schedules::Millis(at));
            }
        }
    }

    #[test]
    fn wrapping_days_are_the_days_between(from in 0usize..7, to in 0usize..7, day in 0i64..7) {
        const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let window = window(&format!("{}-{}||", NAMES[from], NAMES[to]));
        let mut expected = vec![from];
        while expected.last() != Some(&to) {
            expected.push((expected.last().unwrap() + 1) % 7);
        }
        let noon = t("2026-05-04T12:00:00Z").after(day * 86_400_000);
        prop_assert_eq!(window.is_open(noon), expected.contains(&usize::try_from(day).unwrap()));
    }
}

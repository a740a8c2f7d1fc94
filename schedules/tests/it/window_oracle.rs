//! Windows against a brute-force oracle that looks at the wall clock minute by minute.

use chrono::{Datelike, NaiveDateTime, TimeZone, Timelike};
use chrono_tz::Tz;
use proptest::prelude::*;
use schedules::{Millis, Window, WindowSpec};

use crate::transitions::{DAY, MINUTE, all};

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A window in the oracle's own words: days from monday, ranges in minutes of the day.
#[derive(Clone, Debug)]
struct Plain {
    days: [bool; 7],
    ranges: Vec<(u32, u32)>,
    holidays: Vec<chrono::NaiveDate>,
}

impl Plain {
    fn opens_on(&self, date: chrono::NaiveDate) -> bool {
        self.days[date.weekday().num_days_from_monday() as usize] && !self.holidays.contains(&date)
    }

    fn is_open(&self, local: NaiveDateTime) -> bool {
        let minute = local.hour() * 60 + local.minute();
        self.ranges.iter().any(|(start, end)| {
            let today = self.opens_on(local.date());
            let yesterday = self.opens_on(local.date().pred_opt().unwrap());
            if start < end {
                today && (*start..*end).contains(&minute)
            } else {
                today && minute >= *start || yesterday && minute < *end
            }
        })
    }

    fn window(&self, zone: Tz) -> Window {
        let days: Vec<&str> = (0..7).filter(|day| self.days[*day]).map(|day| NAMES[day]).collect();
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let ranges: Vec<String> =
            self.ranges.iter().map(|(start, end)| format!("{}-{}", clock(*start), clock(*end))).collect();
        Window::parse(&WindowSpec {
            day: Some(days.join(",")),
            time: Some(ranges.join(",")),
            timezone: Some(zone.name().into()),
            holidays: self.holidays.iter().map(ToString::to_string).collect(),
            ..WindowSpec::default()
        })
        .unwrap()
    }
}

fn local(zone: Tz, at: Millis) -> NaiveDateTime {
    zone.from_utc_datetime(&chrono::DateTime::from_timestamp_millis(at.0).unwrap().naive_utc()).naive_local()
}

/// Compares every minute of two and a half days before and after, walking backwards so that the next opening is known.
fn compare(plain: &Plain, zone: Tz, around: Millis) {
    let window = plain.window(zone);
    let (from, until) = (around.after(-5 * DAY / 2), around.after(5 * DAY / 2));
    let (mut next_open, mut next_closed) = (None, None);
    let mut at = until;
    while at >= from {
        let open = plain.is_open(local(zone, at));
        *(if open { &mut next_open } else { &mut next_closed }) = Some(at);
        let shown = || format!("{plain:?} {zone} {} ({})", at.to_rfc3339(), local(zone, at));
        assert_eq!(window.is_open(at), open, "{}", shown());
        let found = window.next_open(at);
        match next_open {
            Some(expected) => assert_eq!(found, Some(expected), "{}", shown()),
            None => assert!(found.is_none_or(|found| found > until), "{}", shown()),
        }
        let closing = window.closes_at(at);
        match (open, next_closed) {
            (false, _) => assert_eq!(closing, None, "{}", shown()),
            (true, Some(expected)) => assert_eq!(closing, Some(expected), "{}", shown()),
            (true, None) => assert!(closing.is_none_or(|closing| closing > until), "{}", shown()),
        }
        at = at.after(-MINUTE);
    }
}

fn plain(days: [bool; 7], ranges: &[(u32, u32)]) -> Plain {
    Plain { days, ranges: ranges.to_vec(), holidays: vec![] }
}

#[test]
fn every_change_of_the_clocks() {
    let every = [true; 7];
    let shapes = [
        plain(every, &[(90, 150)]),
        plain(every, &[(1350, 105)]),
        plain([false, false, false, false, false, true, true], &[(0, 1440)]),
        plain(every, &[(60, 75), (100, 135), (1430, 1440)]),
    ];
    for (index, &(zone, change)) in all().iter().enumerate() {
        // Every change meets two of the shapes, neighbours different ones: all pairs would take a minute.
        compare(&shapes[index % 4], zone, change);
        compare(&shapes[(index / 2 + 1) % 4], zone, change);
    }
}

fn plains() -> impl Strategy<Value = Plain> {
    let minute = prop_oneof![0u32..1440, 0u32..240, (0u32..96).prop_map(|quarter| quarter * 15)];
    let range = (minute.clone(), minute).prop_filter("start is not end", |(start, end)| start != end);
    let days = prop::array::uniform7(any::<bool>()).prop_filter("some day", |days| days.contains(&true));
    (days, prop::collection::vec(range, 1..4)).prop_map(|(days, ranges)| plain(days, &ranges))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_window_around_any_change(plain in plains(), place in 0usize..50, holiday in prop::option::of(-2i64..3)) {
        let all = all();
        let (zone, change) = all[place % all.len()];
        let holidays = holiday.map(|days| local(zone, change.after(days * DAY)).date()).into_iter().collect();
        compare(&Plain { holidays, ..plain }, zone, change);
    }
}

proptest! {
    #[test]
    fn next_open_is_idempotent_and_inside(plain in plains(), place in 0usize..50, shift in -40 * DAY..40 * DAY) {
        let all = all();
        let (zone, change) = all[place % all.len()];
        let window = plain.window(zone);
        let at = change.after(shift);
        let open = window.next_open(at).unwrap();
        prop_assert!(open >= at && window.is_open(open));
        prop_assert_eq!(window.next_open(open), Some(open));
        if let Some(closing) = window.closes_at(open) {
            prop_assert!(closing > open && !window.is_open(closing) && window.is_open(closing.after(-1)));
        }
    }

    #[test]
    fn overnight_ranges_are_two_halves(start in 0u32..1440, end in 0u32..1440, day in 0i64..7, minute in 0i64..1440) {
        prop_assume!(start > end && end > 0);
        let wrapping = plain([true; 7], &[(start, end)]).window(Tz::UTC);
        let halves = plain([true; 7], &[(start, 1440), (0, end)]).window(Tz::UTC);
        let at = crate::t("2026-05-04T00:00:00Z").after(day * DAY + minute * MINUTE);
        prop_assert_eq!(wrapping.is_open(at), halves.is_open(at));
        prop_assert_eq!(wrapping.next_open(at), halves.next_open(at));
        prop_assert_eq!(wrapping.closes_at(at), halves.closes_at(at));
    }
}

//! The parts of a schedule: start, end and jitter, its words, and what is refused under which field.

use schedules::{Millis, Recurrence, RecurrenceSpec};

use crate::recurrence::{recurrence, spec};
use crate::t;

#[test]
fn refuses_what_is_no_schedule() {
    let check = |spec: RecurrenceSpec, field: &str| {
        let error = Recurrence::parse(&spec).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (field, "invalid_schedule"), "{spec:?}");
    };
    check(spec(""), "schedule.every");
    check(RecurrenceSpec { cron: Some("* * * * *".into()), ..spec("day") }, "schedule.cron");
    for every in ["month", "daily", "999ms", "0", "-5 minutes", "11y", "1e3", "hour and a half", "90 quarks", "60"] {
        check(spec(every), "schedule.every");
    }
    for at in ["6", "25:00", "24:00", "06:60", "06:15:99", "noon", "06:15:00:00", "2026-02-30T00:00:00Z", "+6:15"] {
        check(spec(&format!("day|{at}")), "schedule.at");
    }
    check(spec("week|09:00|someday"), "schedule.on");
    check(spec("day|09:00|monday"), "schedule.on");
    check(RecurrenceSpec { on: vec!["mon".into(); 8], ..spec("week") }, "schedule.on");
    check(spec("=0 6 * * *|06:00"), "schedule.at");
    check(spec("=0 6 * * *||mon"), "schedule.on");
    check(spec("day|||Europe/Londn"), "schedule.timezone");
    let (early, late) = (Some(t("2026-01-01T00:00:00Z")), Some(t("2026-01-02T00:00:00Z")));
    check(RecurrenceSpec { start: late, end: early, ..spec("day") }, "schedule.end");
    check(RecurrenceSpec { start: Some(Millis(i64::MAX)), ..spec("day") }, "schedule.start");
    check(RecurrenceSpec { end: Some(Millis(i64::MIN)), ..spec("day") }, "schedule.end");
    check(RecurrenceSpec { jitter_ms: 86_400_001, ..spec("day") }, "schedule.jitter");
}

#[test]
fn describes_itself() {
    let check = |text: &str, expected: &str| assert_eq!(recurrence(text).describe(), expected);
    check("minute", "every minute");
    check("minute|06:15:20", "every minute at 20 seconds");
    check("hour", "every hour on the hour (UTC)");
    check("hour|06:15", "every hour at 15 minutes past (UTC)");
    check("hour|06:01:30", "every hour at 1 minute and 30 seconds past (UTC)");
    check("90s", "every 90 seconds, counted from 00:00 (UTC)");
    check("7 h", "every 7 hours, counted from 1970-01-01T00:00:00.000Z");
    check("2 h|06:15", "every 2 hours, counted from 06:15 (UTC)");
    check("day|06:00||Europe/London", "every day at 06:00 (Europe/London)");
    check("week|06:00|mon-fri,sun", "every week on sunday to friday at 06:00 (UTC)");
    check("week|06:00|mon,wed", "every week on monday and wednesday at 06:00 (UTC)");
    let bounded = RecurrenceSpec { start: Some(Millis(0)), end: Some(t("2030-01-01T00:00:00Z")), ..spec("day|06:00") };
    assert_eq!(
        Recurrence::parse(&bounded).unwrap().describe(),
        "every day at 06:00 (UTC), from 1970-01-01T00:00:00.000Z, until 2030-01-01T00:00:00.000Z"
    );
}

#[test]
fn ends_and_begins() {
    let spec = RecurrenceSpec {
        start: Some(t("2026-05-01T00:00:00Z")),
        end: Some(t("2026-05-03T06:00:00Z")),
        ..spec("day|06:00")
    };
    let days = ["2026-05-01T06:00:00Z", "2026-05-02T06:00:00Z", "2026-05-03T06:00:00Z"].map(t);
    let recurrence = Recurrence::parse(&spec).unwrap();
    assert_eq!(recurrence.next_n(Millis(0), 10), days);
    assert_eq!(recurrence.next_n(Millis(i64::MIN), 2), days[..2]);
    assert_eq!(recurrence.next(days[2]), None);
    assert_eq!(recurrence.next(Millis(i64::MAX)), None);
    assert_eq!(recurrence.between(days[0], days[2], 10), days[1..]);
    assert_eq!(recurrence.between(days[0], days[2], 1), days[1..2]);
    assert_eq!(recurrence.between(days[0], days[2].after(-1), 10), days[1..2]);
    assert_eq!(recurrence.previous(days[1], Millis(0)), Some(days[1]));
    assert_eq!(recurrence.previous(days[1].after(-1), Millis(0)), Some(days[0]));
    assert_eq!(recurrence.previous(Millis::LATEST, Millis(0)), Some(days[2]));
    assert_eq!(recurrence.previous(days[0].after(-1), Millis(0)), None);
    assert_eq!(recurrence.previous(days[2].after(-1), days[1].after(1)), None);
    assert_eq!(recurrence.previous(days[0], days[0]), Some(days[0]));
    assert_eq!(recurrence.previous(Millis(i64::MAX), Millis(i64::MIN)), Some(days[2]));
    assert_eq!(recurrence.previous(days[0], days[2]), None);
}

#[test]
fn jitter_is_the_same_for_every_tick_of_a_schedule() {
    let recurrence = Recurrence::parse(&RecurrenceSpec { jitter_ms: 30_000, ..spec("minute") }).unwrap();
    let shift = |nominal: i64, seed: &[u8]| recurrence.jittered(Millis(nominal), seed).since(Millis(nominal));
    assert_eq!(shift(0, b"one"), shift(60_000, b"one"));
    let shifts: Vec<i64> = (0..200u32).map(|seed| shift(0, &seed.to_be_bytes())).collect();
    assert!(shifts.iter().all(|shift| (0..30_000).contains(shift)));
    assert!(shifts.iter().max().unwrap() - shifts.iter().min().unwrap() > 25_000);
    let still = crate::recurrence::recurrence("minute");
    assert_eq!(still.jittered(Millis(5), b"one"), Millis(5));
}

/// A burst of ticks every day: however many of them are in reach, the last one is found.
#[test]
fn the_last_tick_is_found_among_any_number() {
    let spec = RecurrenceSpec { cron: Some("*/7 0-1 9 * * *".into()), ..RecurrenceSpec::default() };
    let recurrence = Recurrence::parse(&spec).unwrap();
    let ticks = recurrence.next_n(Millis(1_772_409_600_000), 40);
    for (from, first) in ticks.iter().enumerate() {
        for (to, last) in ticks.iter().enumerate().skip(from) {
            assert_eq!(recurrence.previous(*last, *first), Some(*last), "{from} {to}");
            assert_eq!(recurrence.previous(last.after(3_000), *first), Some(*last), "{from} {to}");
            assert_eq!(recurrence.previous(last.after(-1), *first), (to > from).then(|| ticks[to - 1]), "{from} {to}");
        }
    }
    assert_eq!(recurrence.previous(ticks[17].after(3_600_000), ticks[0]), Some(ticks[17]));
}

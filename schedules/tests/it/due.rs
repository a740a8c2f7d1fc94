//! Semantics §4, delay and time: both, neither, past, horizon; ISO 8601 and RFC 3339.

use proptest::prelude::*;
use schedules::due::{DEFAULT_HORIZON_MS, Request, When, parse, parse_instant, resolve};
use schedules::{Error, Millis};
use serde_json::{Value, json};

use crate::t;

const NOW: &str = "2026-05-01T12:00:00Z";

fn due(delay: Value, time: Value) -> Result<Millis, Error> {
    let request = Request { delay: Some(delay), time: Some(time) };
    resolve(parse(&request)?, t(NOW), DEFAULT_HORIZON_MS)
}

#[test]
fn resolves() {
    let check = |delay: Value, time: Value, expected: &str| {
        assert_eq!(due(delay, time).unwrap().to_rfc3339(), t(expected).to_rfc3339());
    };
    let none = || Value::Null;
    check(none(), none(), NOW);
    check(json!("2s"), none(), "2026-05-01T12:00:02Z");
    check(json!(1500), none(), "2026-05-01T12:00:01.500Z");
    check(json!(0), none(), NOW);
    check(json!("-1h"), none(), NOW);
    check(json!("10y"), none(), "2036-05-01T00:00:00Z");
    check(none(), json!("2026-05-01T13:00:00Z"), "2026-05-01T13:00:00Z");
    check(none(), json!("2026-05-01T13:00:00"), "2026-05-01T13:00:00Z");
    check(none(), json!("2026-05-01T13:00:00+02:00"), NOW);
    check(none(), json!("2026-05-01T16:00+02:00"), "2026-05-01T14:00:00Z");
    check(none(), json!("2026-05-02"), "2026-05-02T00:00:00Z");
    check(none(), json!("2020-01-01T00:00:00Z"), NOW);
    check(none(), json!(0), NOW);
    check(none(), json!(t("2026-05-03T00:00:00Z").0), "2026-05-03T00:00:00Z");
}

#[test]
fn refuses() {
    let check = |delay: Value, time: Value, field: &str, code: &str| {
        let error = due(delay, time).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (field, code), "{error}");
    };
    let none = || Value::Null;
    check(json!("1s"), json!(NOW), "delay", "delay_and_time");
    check(json!("soon"), json!("x"), "delay", "delay_and_time");
    check(json!("soon"), none(), "delay", "invalid_delay");
    check(none(), json!("soon"), "time", "invalid_time");
    check(none(), json!("1777636800000"), "time", "invalid_time");
    check(none(), json!(true), "time", "invalid_time");
    check(none(), json!(-1e300), "time", "invalid_time");
    check(json!("10.01y"), none(), "delay", "schedule_too_far");
    check(json!(DEFAULT_HORIZON_MS + 1), none(), "delay", "schedule_too_far");
    check(json!(1e300), none(), "delay", "schedule_too_far");
    check(none(), json!("2037-05-01T12:00:00Z"), "time", "schedule_too_far");
    check(none(), json!(1e300), "time", "schedule_too_far");
    check(none(), json!(u64::MAX), "time", "schedule_too_far");
}

#[test]
fn the_horizon_can_be_lower() {
    let month = 30 * 86_400_000;
    let now = t(NOW);
    assert_eq!(resolve(When::In(month), now, month), Ok(now.after(month)));
    let error = resolve(When::In(month + 1), now, month).unwrap_err();
    assert!(error.message.contains("30 days"), "{error}");
    assert_eq!(resolve(When::Now, now, 0), Ok(now));
}

#[test]
fn reads_iso_8601() {
    let check = |text: &str, expected: Option<&str>| {
        let found = parse_instant("from", &json!(text)).ok();
        assert_eq!(found.map(Millis::to_rfc3339).as_deref(), expected, "{text}");
    };
    check("2026-05-01", Some("2026-05-01T00:00:00.000Z"));
    check("20260501", Some("2026-05-01T00:00:00.000Z"));
    check("2026-05-01T09:30", Some("2026-05-01T09:30:00.000Z"));
    check("2026-05-01 09:30:15", Some("2026-05-01T09:30:15.000Z"));
    check("20260501T093015Z", Some("2026-05-01T09:30:15.000Z"));
    check("2026-05-01t09:30:15z", Some("2026-05-01T09:30:15.000Z"));
    check("2026-05-01T09:30:15.5Z", Some("2026-05-01T09:30:15.500Z"));
    check("2026-05-01T09:30:15,123456789Z", Some("2026-05-01T09:30:15.123Z"));
    check("2026-05-01T09:30:15-05", Some("2026-05-01T14:30:15.000Z"));
    check("2026-05-01T09:30:15+0530", Some("2026-05-01T04:00:15.000Z"));
    check("2026-05-01T09:30:15-03:30", Some("2026-05-01T13:00:15.000Z"));
    check("2026-05-01T24:00", Some("2026-05-02T00:00:00.000Z"));
    check("2016-12-31T23:59:60Z", Some("2017-01-01T00:00:00.000Z"));
    check("2024-02-29", Some("2024-02-29T00:00:00.000Z"));
    check("  2026-05-01  ", Some("2026-05-01T00:00:00.000Z"));
    for wrong in [
        "",
        "2026",
        "2026-5-1",
        "2026-02-29",
        "2026-13-01",
        "2026-00-10",
        "2026-05-32",
        "2026-05-01T",
        "2026-05-01T09",
        "2026-05-01T25:00",
        "2026-05-01T24:01",
        "2026-05-01T09:60",
        "2026-05-01T09:30:61",
        "2026-05-01T09:30:15.",
        "2026-05-01T09:30:15+",
        "2026-05-01T09:30:15+25:00",
        "2026-05-01T09:30:15+02:75",
        "2026-05-01T09:30Zx",
        "2026-0501",
        "01/05/2026",
        "yesterday",
        "2026-05-01T09:30 Europe/London",
        "２０２６-05-01",
        "-2026-05-01",
        "0000-01-01T00:00+02:00",
    ] {
        check(wrong, None);
    }
    let error = parse_instant("from", &json!("x")).unwrap_err();
    assert_eq!((error.field.as_str(), error.code), ("from", "invalid_time"));
}

#[test]
fn rfc_3339_needs_a_zone_and_is_always_written_with_milliseconds() {
    assert_eq!(Millis(0).to_rfc3339(), "1970-01-01T00:00:00.000Z");
    assert_eq!(Millis(-1).to_rfc3339(), "1969-12-31T23:59:59.999Z");
    assert_eq!(Millis(i64::MAX).to_rfc3339(), "9999-12-31T23:59:59.999Z");
    assert_eq!(Millis(i64::MIN).to_rfc3339(), "0000-01-01T00:00:00.000Z");
    let error = Millis::parse_rfc3339("2026-05-01T09:30:00").unwrap_err();
    assert_eq!((error.field.as_str(), error.code), ("time", "invalid_time"));
}

proptest! {
    #[test]
    fn written_instants_are_read_back_and_sort(
        one in Millis::EARLIEST.0..=Millis::LATEST.0, other in Millis::EARLIEST.0..=Millis::LATEST.0
    ) {
        let (one, other) = (Millis(one), Millis(other));
        prop_assert_eq!(Millis::parse_rfc3339(&one.to_rfc3339()), Ok(one));
        prop_assert_eq!(parse_instant("x", &json!(one.0)), Ok(one));
        prop_assert_eq!(one.cmp(&other), one.to_rfc3339().cmp(&other.to_rfc3339()));
    }

    #[test]
    fn never_in_the_past_nor_past_the_horizon(ms in any::<i64>(), at in any::<i64>(), now in 0i64..4_000_000_000_000) {
        for when in [When::In(ms), When::At(Millis(at))] {
            if let Ok(due) = resolve(when, Millis(now), DEFAULT_HORIZON_MS) {
                prop_assert!((0..=DEFAULT_HORIZON_MS).contains(&due.since(Millis(now))));
            }
        }
    }

    #[test]
    fn never_panics(text in "[0-9TtZz:.,+ -]{0,40}") {
        let _ = parse_instant("x", &json!(text));
    }
}

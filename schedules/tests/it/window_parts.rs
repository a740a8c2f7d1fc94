//! The parts of a window: holidays, offsets, and what is refused under which field.

use schedules::{Error, Window, WindowSpec};

use crate::t;
use crate::window::spec;

#[test]
fn refuses_what_is_no_window() {
    let check = |spec: WindowSpec, field: &str| {
        let error: Error = Window::parse(&spec).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (field, "invalid_window"), "{spec:?}");
        assert!(error.message.len() < 700, "{error}");
    };
    check(WindowSpec::default(), "window");
    check(spec("||Europe/London"), "window");
    for day in
        ["", " ", "someday", "mon-", "-mon", "mon-fri-sun", "mon,,tue", "mon;tue", "1-5", "m", "mondays", "lundi"]
    {
        check(WindowSpec { day: Some(day.into()), ..spec("||") }, "window.day");
    }
    for time in [
        "",
        " ",
        "09:00",
        "9-17",
        "09:00-",
        "-17:00",
        "09:00-17:00-18:00",
        "09:00–17:00",
        "25:00-26:00",
        "09:60-10:00",
        "09:00-24:01",
        "24:00-06:00",
        "17:00-17:00",
        "00:00-00:00",
        "09:00-17:00,",
        "09:00:00-17:00:00",
        "9am-5pm",
        "09.00-17.00",
        "-1:00-05:00",
        "+9:00-17:00",
    ] {
        check(WindowSpec { time: Some(time.into()), ..spec("||") }, "window.time");
    }
    check(spec("|09:00-17:00|Europe/Londn"), "window.timezone");
    check(spec("|09:00-17:00|+02:00"), "window.timezone");
    check(WindowSpec { timezone_offset_minutes: Some(1081), ..spec("mon||") }, "window.timezoneOffset");
    check(WindowSpec { timezone_offset_minutes: Some(i32::MIN), ..spec("mon||") }, "window.timezoneOffset");
    check(WindowSpec { timezone_offset_minutes: Some(0), ..spec("mon||UTC") }, "window.timezoneOffset");
    for date in ["", "2026-02-29", "25.12.2026", "2026-1-1", "2026-12-25T00:00", "+026-01-01"] {
        check(WindowSpec { holidays: vec![date.into()], ..spec("mon||") }, "window.holidays");
    }
    check(WindowSpec { holidays: vec!["2026-12-25".into(); 1001], ..spec("mon||") }, "window.holidays");
    check(WindowSpec { day: Some("mon,".repeat(10_000)), ..spec("||") }, "window.day");
    check(WindowSpec { time: Some("x".repeat(10_000)), ..spec("||") }, "window.time");
    check(spec(&format!("mon||{}", "x".repeat(10_000))), "window.timezone");
}

#[test]
fn holidays_close_what_opens_on_them() {
    let with = |text: &str, holidays: &[&str]| {
        let holidays = holidays.iter().map(|date| (*date).to_owned()).collect();
        Window::parse(&WindowSpec { holidays, ..spec(text) }).unwrap()
    };
    let check = |window: Window, at: &str, expected: &str| {
        assert_eq!(window.next_open(t(at)).unwrap().to_rfc3339(), t(expected).to_rfc3339());
    };
    check(with("mon-fri|09:00-17:00|", &["2026-12-25"]), "2026-12-25T10:00:00Z", "2026-12-28T09:00:00Z");
    check(with("|22:00-06:00|", &["2026-12-25"]), "2026-12-25T05:00:00Z", "2026-12-25T05:00:00Z");
    check(with("|22:00-06:00|", &["2026-12-25"]), "2026-12-25T06:00:00Z", "2026-12-26T22:00:00Z");
    check(with("||", &["2026-12-25", "2026-12-26"]), "2026-12-25T10:00:00Z", "2026-12-27T00:00:00Z");
    // The date is the one in the window's zone.
    check(with("||America/New_York", &["2026-12-25"]), "2026-12-25T04:59:00Z", "2026-12-25T04:59:00Z");
    check(with("||America/New_York", &["2026-12-25"]), "2026-12-25T05:00:00Z", "2026-12-26T05:00:00Z");
    let window = with("||", &["2026-12-25"]);
    assert_eq!(window.closes_at(t("2026-12-01T00:00:00Z")), Some(t("2026-12-25T00:00:00Z")));
}

#[test]
fn offsets_are_minutes_behind_utc_and_zero_counts() {
    let check = |minutes: i32, expected: &str| {
        let spec = WindowSpec { timezone_offset_minutes: Some(minutes), ..spec("|09:00-10:00|") };
        let found = Window::parse(&spec).unwrap().next_open(t("2026-05-01T15:00:00Z")).unwrap();
        assert_eq!(found.to_rfc3339(), t(expected).to_rfc3339());
    };
    check(0, "2026-05-02T09:00:00Z");
    check(-120, "2026-05-02T07:00:00Z");
    check(480, "2026-05-01T17:00:00Z");
    check(-345, "2026-05-02T03:15:00Z");
    check(1080, "2026-05-02T03:00:00Z");
    check(-1080, "2026-05-01T15:00:00Z");
}

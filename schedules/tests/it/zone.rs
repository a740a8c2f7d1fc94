//! Zone names and offsets, and the help a wrong one gets.

use schedules::{Millis, Zone};

use crate::t;

#[test]
fn suggests_the_nearest_name() {
    let check = |name: &str, expected: Option<&str>| {
        let error = Zone::parse("window.timezone", "invalid_window", name).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), ("window.timezone", "invalid_window"));
        let suggestion = expected.map(|name| format!("did you mean {name:?}?"));
        match suggestion {
            Some(text) => assert!(error.message.contains(&text), "{error}"),
            None => assert!(!error.message.contains("did you mean"), "{error}"),
        }
    };
    check("Europe/Londn", Some("Europe/London"));
    check("Europe/Lodnon", Some("Europe/London"));
    check("London", Some("Europe/London"));
    check("new york", Some("America/New_York"));
    check("America/New York", Some("America/New_York"));
    check("Amerca/Sao_Paulo", Some("America/Sao_Paulo"));
    check("Mars/Olympus_Mons_Base_Camp", None);
    check("", None);
    check(&"x".repeat(10_000), None);
}

#[test]
fn reads_names_in_any_case() {
    let check = |name: &str, expected: &str| assert_eq!(Zone::parse("tz", "c", name).unwrap().name(), expected);
    check("Europe/London", "Europe/London");
    check("europe/london", "Europe/London");
    check(" UTC ", "UTC");
    check("utc", "UTC");
    check("Australia/Lord_Howe", "Australia/Lord_Howe");
}

#[test]
fn offsets_count_minutes_behind_utc() {
    let check = |minutes: i32, name: &str| {
        let zone = Zone::from_minutes_behind("window.timezoneOffset", "invalid_window", minutes).unwrap();
        assert_eq!(zone.name(), name);
        assert_eq!(zone.offset_ms(Millis(0)), -i64::from(minutes) * 60_000);
    };
    check(0, "UTC");
    check(-120, "UTC+02:00");
    check(300, "UTC-05:00");
    check(-345, "UTC+05:45");
    check(1, "UTC-00:01");
    check(1080, "UTC-18:00");
    check(-1080, "UTC+18:00");
    for minutes in [1081, -1081, i32::MAX, i32::MIN] {
        assert!(Zone::from_minutes_behind("f", "c", minutes).is_err());
    }
}

#[test]
fn follows_the_seasons_past_2037() {
    let london = Zone::parse("tz", "c", "Europe/London").unwrap();
    let hour = 3_600_000;
    assert_eq!(london.offset_ms(t("2026-07-01T00:00:00Z")), hour);
    assert_eq!(london.offset_ms(t("2045-07-01T00:00:00Z")), hour);
    assert_eq!(london.offset_ms(t("2045-01-01T00:00:00Z")), 0);
    assert_eq!(london.offset_ms(Millis(i64::MAX)), london.offset_ms(Millis::LATEST));
    assert_eq!(london.offset_ms(Millis(i64::MIN)), london.offset_ms(Millis::EARLIEST));
}

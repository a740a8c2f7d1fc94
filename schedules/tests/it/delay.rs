//! Semantics §4, delay: milliseconds, or the grammar of the npm package `ms`.

use proptest::prelude::*;
use schedules::delay;
use serde_json::json;

const DAY: i64 = 86_400_000;

#[test]
fn reads_the_grammar() {
    let check = |text: &str, expected: i64| assert_eq!(delay::parse_text(text), Ok(expected), "{text}");
    check("100", 100);
    check("1m", 60_000);
    check("1h", 3_600_000);
    check("2d", 2 * DAY);
    check("3w", 21 * DAY);
    check("1s", 1000);
    check("100ms", 100);
    check("1y", 31_557_600_000);
    check("1mo", 2_629_800_000);
    check("2 days", 2 * DAY);
    check("1.5h", 5_400_000);
    check("1   s", 1000);
    check("-1.5h", -5_400_000);
    check("-10.5h", -37_800_000);
    check("-.5h", -1_800_000);
    check(".5ms", 1);
    check("0.4", 0);
    check("53 milliseconds", 53);
    check("17 msecs", 17);
    check("1 msec", 1);
    check("1 sec", 1000);
    check("2 secs", 2000);
    check("1 min", 60_000);
    check("2 mins", 120_000);
    check("1 hr", 3_600_000);
    check("2 hrs", 7_200_000);
    check("1 week", 7 * DAY);
    check("1 month", 2_629_800_000);
    check("2 years", 63_115_200_000);
    check("1 yr", 31_557_600_000);
    check("1.5H", 5_400_000);
    check("2 DAYS", 2 * DAY);
    check("  2 days  ", 2 * DAY);
    check(&"9".repeat(100), i64::MAX);
    check(&format!("-{}", "9".repeat(99)), i64::MIN);
}

#[test]
fn refuses_everything_else() {
    let check = |text: &str| {
        let error = delay::parse_text(text).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), ("delay", "invalid_delay"), "{text}");
    };
    for text in [
        "",
        " ",
        "soon",
        "1 fortnight",
        "1d 2h",
        "1d2h",
        "--1s",
        "+1s",
        "1.",
        "1.2.3s",
        "1e3",
        "s",
        "-",
        ".",
        "1,5h",
        "Infinity",
        "NaN",
        "0x10",
        "٣s",
        "1\u{a0}s",
        "1s;",
    ] {
        check(text);
    }
    check(&"1".repeat(101));
}

#[test]
fn reads_numbers_and_refuses_other_json() {
    assert_eq!(delay::parse(&json!(1500)), Ok(1500));
    assert_eq!(delay::parse(&json!(-1500)), Ok(-1500));
    assert_eq!(delay::parse(&json!(1.5)), Ok(2));
    assert_eq!(delay::parse(&json!(1e300)), Ok(i64::MAX));
    assert_eq!(delay::parse(&json!("2 days")), Ok(2 * DAY));
    for value in [json!(null), json!(true), json!([1]), json!({"ms": 1})] {
        assert_eq!(delay::parse(&value).unwrap_err().code, "invalid_delay", "{value}");
    }
    let error = delay::parse_field("rateLimits[0].interval", "invalid_rate_limit", &json!("x")).unwrap_err();
    assert_eq!((error.field.as_str(), error.code), ("rateLimits[0].interval", "invalid_rate_limit"));
}

proptest! {
    #[test]
    fn never_panics(text in ".{0,120}") {
        let _ = delay::parse_text(&text);
    }

    #[test]
    fn agrees_with_multiplication(count in -100_000i64..100_000, unit in 0usize..5, gap in 0usize..3) {
        let (name, ms) = [("ms", 1), ("s", 1000), ("minutes", 60_000), ("H", 3_600_000), ("days", DAY)][unit];
        prop_assert_eq!(delay::parse_text(&format!("{count}{}{name}", " ".repeat(gap))), Ok(count * ms));
    }
}

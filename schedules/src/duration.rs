//! Durations in words, for messages and descriptions.

use crate::calendar::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, WEEK_MS, YEAR_MS};

const UNITS: [(i64, &str); 7] = [
    (YEAR_MS, "year"),
    (WEEK_MS, "week"),
    (DAY_MS, "day"),
    (HOUR_MS, "hour"),
    (MINUTE_MS, "minute"),
    (SECOND_MS, "second"),
    (1, "millisecond"),
];

/// `90 seconds`, `2 hours`, `10 years`: exact, in the largest unit of which it is a whole number.
pub fn to_text(ms: i64) -> String {
    let (size, name) =
        UNITS.iter().find(|(size, _)| ms != 0 && ms % size == 0).copied().unwrap_or((SECOND_MS, "second"));
    match ms / size {
        1 => format!("1 {name}"),
        count => format!("{count} {name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_largest_exact_unit() {
        let check = |ms, expected: &str| assert_eq!(to_text(ms), expected);
        check(0, "0 seconds");
        check(1, "1 millisecond");
        check(1500, "1500 milliseconds");
        check(90_000, "90 seconds");
        check(3_600_000, "1 hour");
        check(10 * YEAR_MS, "10 years");
        check(30 * DAY_MS, "30 days");
        check(i64::MIN, &format!("{} milliseconds", i64::MIN));
    }
}

//! Every change of the clocks from 2024 to 2030 in six zones, and a few famous older ones, found independently.

use std::sync::LazyLock;

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;
use schedules::Millis;

use crate::t;

pub const ZONES: [Tz; 6] = [
    Tz::Europe__London,
    Tz::America__New_York,
    Tz::America__Sao_Paulo,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Kiritimati,
    Tz::Pacific__Apia,
];

pub const MINUTE: i64 = 60_000;
pub const DAY: i64 = 1440 * MINUTE;

pub fn offset_ms(zone: Tz, at: Millis) -> i64 {
    let utc = chrono::DateTime::from_timestamp_millis(at.0).unwrap().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * 1000
}

/// The instants at which a zone's offset changes, by looking at every quarter of an hour.
fn changes(zone: Tz, from: Millis, until: Millis) -> Vec<Millis> {
    let step = 15 * MINUTE;
    let days = (from.0..until.0).step_by(usize::try_from(DAY).unwrap()).map(Millis);
    let changed = days.filter(|day| offset_ms(zone, *day) != offset_ms(zone, day.after(DAY)));
    changed
        .map(|day| {
            (0..96)
                .map(|n| day.after(n * step))
                .find(|at| offset_ms(zone, *at) != offset_ms(zone, at.after(step)))
                .unwrap()
                .after(step)
        })
        .collect()
}

/// Each zone with an instant around which its clocks change; a quiet one for zones that keep still.
pub fn all() -> &'static [(Tz, Millis)] {
    static ALL: LazyLock<Vec<(Tz, Millis)>> = LazyLock::new(find_all);
    &ALL
}

fn find_all() -> Vec<(Tz, Millis)> {
    let (from, until) = (t("2024-01-01T00:00:00Z"), t("2031-01-01T00:00:00Z"));
    let mut all: Vec<(Tz, Millis)> =
        ZONES.iter().flat_map(|zone| changes(*zone, from, until).into_iter().map(|at| (*zone, at))).collect();
    let quiet = [Tz::America__Sao_Paulo, Tz::Pacific__Kiritimati, Tz::Pacific__Apia];
    all.extend(quiet.map(|zone| (zone, t("2026-03-08T10:00:00Z"))));
    all.extend([
        (Tz::America__Sao_Paulo, t("2018-11-04T03:00:00Z")),
        (Tz::America__Sao_Paulo, t("2019-02-17T02:00:00Z")),
        (Tz::Pacific__Apia, t("2011-12-30T10:00:00Z")),
        (Tz::Pacific__Kiritimati, t("1994-12-31T10:00:00Z")),
    ]);
    all
}

#[test]
fn are_as_many_as_the_calendar_says() {
    let count = |zone: Tz| all().iter().filter(|(of, at)| *of == zone && at.0 >= t("2024-01-01T00:00:00Z").0).count();
    assert_eq!(ZONES.map(count), [14, 14, 1, 14, 1, 1]);
}

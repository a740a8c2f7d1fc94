//! A cron expression in plain English.

use std::collections::BTreeSet;

use super::cron::Cron;
use super::cron_field::{Field, Special, month_name};
use crate::calendar::{HOUR_MS, MINUTE_MS, SECOND_MS, time_text};
use crate::days::{Days, join, name};

/// Up to this many times of day are listed one by one.
const MAX_TIMES: usize = 6;

pub(super) fn cron(cron: &Cron) -> String {
    let mut text = times(cron);
    if let Some(days) = days(cron) {
        text = format!("{text}, {days}");
    }
    if !cron.month.is_any {
        let months: Vec<String> = cron.month.values.iter().map(|month| month_name(*month).into()).collect();
        text = format!("{text}, in {}", join(&months));
    }
    text
}

fn times(cron: &Cron) -> String {
    let (second, minute, hour) = (&cron.second, &cron.minute, &cron.hour);
    let count = second.values.len() * minute.values.len() * hour.values.len();
    if cron.is_fixed() && count <= MAX_TIMES {
        return format!("at {}", join(&times_of_day(second, minute, hour)));
    }
    let on_the_minute = second.values.len() == 1 && second.values.contains(&0);
    let mut parts = Vec::new();
    if !on_the_minute {
        parts.push(repeated(second, "second"));
    }
    if on_the_minute || !minute.is_any {
        parts.push(repeated(minute, "minute"));
    }
    if !hour.is_any || !minute.is_any && minute.step.is_none() {
        parts.push(repeated(hour, "hour"));
    }
    parts.join(" of ")
}

fn times_of_day(second: &Field, minute: &Field, hour: &Field) -> Vec<String> {
    let minutes = hour.values.iter().flat_map(|hour| {
        let minutes = minute.values.iter();
        minutes.map(move |minute| i64::from(*hour) * HOUR_MS + i64::from(*minute) * MINUTE_MS)
    });
    let seconds = minutes.flat_map(|ms| second.values.iter().map(move |second| ms + i64::from(*second) * SECOND_MS));
    seconds.map(time_text).collect()
}

/// `every minute`, `every 5 minutes`, `minute 15`, `minutes 0 and 30`, `hours 9 to 17`.
fn repeated(field: &Field, unit: &str) -> String {
    match (field.is_any, field.step) {
        (true, _) | (_, Some(1)) => format!("every {unit}"),
        (_, Some(step)) => format!("every {step} {unit}s"),
        _ if field.values.len() == 1 => format!("{unit} {}", numbers(&field.values)),
        _ => format!("{unit}s {}", numbers(&field.values)),
    }
}

/// `0 and 30`, or `9 to 17` for three or more without a gap.
fn numbers(values: &BTreeSet<u8>) -> String {
    match (values.first(), values.last()) {
        (Some(first), Some(last)) if values.len() > 2 && usize::from(last - first) + 1 == values.len() => {
            format!("{first} to {last}")
        }
        _ => join(&values.iter().map(u8::to_string).collect::<Vec<_>>()),
    }
}

fn days(cron: &Cron) -> Option<String> {
    let of_month = (!cron.day_of_month.is_any).then(|| format!("on {}", days_of_month(&cron.day_of_month)));
    let of_week = (!cron.day_of_week.is_any).then(|| format!("on {}", days_of_week(&cron.day_of_week)));
    match (of_month, of_week) {
        (Some(of_month), Some(of_week)) => Some(format!("{of_month} or {of_week}")),
        (one, other) => one.or(other),
    }
}

fn days_of_month(field: &Field) -> String {
    let values = match field.values.len() {
        0 => None,
        1 => Some(format!("day {} of the month", numbers(&field.values))),
        _ => Some(format!("days {} of the month", numbers(&field.values))),
    };
    join(&values.into_iter().chain(field.specials.iter().map(special)).collect::<Vec<_>>())
}

fn days_of_week(field: &Field) -> String {
    let days = field.values.iter().fold(Days::default(), |days, day| days.union(Days::one(day + 6)));
    let plain = (!field.values.is_empty()).then(|| days.to_text());
    join(&plain.into_iter().chain(field.specials.iter().map(special)).collect::<Vec<_>>())
}

fn special(special: &Special) -> String {
    const NTH: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
    match special {
        Special::LastDay => "the last day of the month".into(),
        Special::LastWorkday => "the last day from monday to friday of the month".into(),
        Special::NearestWorkday(day) => format!("the day from monday to friday nearest to day {day} of the month"),
        Special::LastWeekday(day) => format!("the last {} of the month", name(day + 6)),
        Special::NthWeekday(day, nth) => {
            format!("the {} {} of the month", NTH[usize::from((nth + 4) % 5)], name(day + 6))
        }
    }
}

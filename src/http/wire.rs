//! How domain values look on the wire: times, pages, JSON that is kept as text.

use schedules::{Millis, due};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use store::queue::Page;
use utoipa::ToSchema;

/// RFC 3339 in UTC, to the millisecond.
pub fn time(time: Millis) -> String {
    time.to_rfc3339()
}

/// Reads what [`schedules`] takes for a time: ISO 8601 (no zone is UTC), or Unix milliseconds.
pub fn parse_time(text: &str) -> Option<Millis> {
    let value = text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from);
    due::parse_instant("time", &value).ok()
}

/// JSON text as it was stored; text that is not JSON any more becomes a string, so that nothing is hidden.
pub fn raw(json: &str) -> Box<RawValue> {
    let kept = RawValue::from_string(json.to_owned()).ok();
    let quoted = || RawValue::from_string(Value::from(json).to_string()).ok();
    kept.or_else(quoted).unwrap_or_else(|| RawValue::NULL.to_owned())
}

/// [`raw`] of what may be absent.
pub fn raw_option(json: Option<&str>) -> Option<Box<RawValue>> {
    json.map(raw)
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// What to pass as `after` for the next page; null at the end.
    pub next: Option<String>,
    /// What to pass as `before` for the page before; null at the start.
    pub prev: Option<String>,
    /// How many items the whole list has.
    pub total_count: u64,
}

impl<T> List<T> {
    /// A page on the wire; `id` tells an item's place.
    pub fn of<S>(page: Page<S>, id: impl Fn(&S) -> String, item: impl FnMut(S) -> T) -> Self {
        let next = if page.has_next { page.items.last().map(&id) } else { None };
        let prev = if page.has_previous { page.items.first().map(&id) } else { None };
        Self { next, prev, total_count: page.total, items: page.items.into_iter().map(item).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        let check = |millis, expected: &str| {
            assert_eq!(time(Millis(millis)), expected);
            assert_eq!(parse_time(expected), Some(Millis(millis)));
        };
        check(0, "1970-01-01T00:00:00.000Z");
        check(1_772_355_600_123, "2026-03-01T09:00:00.123Z");
        check(-1, "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn no_time_is_beyond_the_calendar() {
        for millis in [i64::MIN, i64::MAX] {
            assert!(parse_time(&time(Millis(millis))).is_some());
        }
    }

    #[test]
    fn other_forms_of_time_are_read() {
        let check = |text, expected: Option<i64>| assert_eq!(parse_time(text), expected.map(Millis), "{text}");
        check("0", Some(0));
        check("1970-01-01T01:00:00+01:00", Some(0));
        check("1970-01-01T00:00:00", Some(0));
        check("1970-01-02", Some(86_400_000));
        check("yesterday", None);
        check("", None);
        check("99999999999999999999", None);
    }

    #[test]
    fn stored_json_is_kept_as_it_is() {
        assert_eq!(raw("{\"b\":1, \"a\":2}").get(), "{\"b\":1, \"a\":2}");
        assert_eq!(raw("not json").get(), "\"not json\"");
    }
}

//! The rate limits of an integration: read, checked, and said in words.

use schedules::rate::{Algorithm, Limit, OnExceed, OnMissing, Rule};
use serde::Deserialize;
use serde_json::Value;
use store::queue::MAX_LIMITS;

use super::duration_ms;
use crate::wire::Object;
use crate::{Error, Result};

/// The most fields of a key that something counts by: as many as a key may have.
const MAX_FIELDS: usize = 16;
/// The most bytes of their names together: a longer key is refused.
const MAX_NAMES_BYTES: usize = 1_024;

/// The units of an interval in words, longest first.
const UNITS: [(u64, &str); 6] =
    [(604_800_000, "w"), (86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Written {
    limit: u32,
    interval: Value,
    #[serde(default)]
    key: Vec<String>,
    burst: Option<u32>,
    #[serde(default)]
    algorithm: WrittenAlgorithm,
    #[serde(alias = "on_exceed", default)]
    on_exceed: WrittenOnExceed,
    #[serde(alias = "on_missing", default)]
    on_missing: WrittenOnMissing,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum WrittenAlgorithm {
    #[default]
    LeakyBucket,
    SlidingWindow,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum WrittenOnExceed {
    #[default]
    Reject,
    Delay,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum WrittenOnMissing {
    #[default]
    Skip,
    Reject,
}

/// Reads `settings.rateLimits`.
pub(super) fn read(written: Vec<Object<Written>>) -> Result<Vec<Limit>> {
    if written.len() > MAX_LIMITS {
        let message = format!("at most {MAX_LIMITS} rules, there are {}", written.len());
        return Err(Error::invalid("settings.rateLimits", "out_of_range", message));
    }
    let one = |(place, Object(written))| limit(&format!("settings.rateLimits[{place}]"), written);
    written.into_iter().enumerate().map(one).collect()
}

fn limit(field: &str, written: Written) -> Result<Limit> {
    let rule = Rule {
        limit: written.limit,
        interval_ms: duration_ms(&format!("{field}.interval"), &written.interval)?.unsigned_abs(),
        burst: written.burst,
        algorithm: match written.algorithm {
            WrittenAlgorithm::LeakyBucket => Algorithm::LeakyBucket,
            WrittenAlgorithm::SlidingWindow => Algorithm::SlidingWindow,
        },
    };
    rule.validate(field)?;
    check_fields(&format!("{field}.key"), &written.key)?;
    Ok(Limit {
        rule,
        fields: written.key,
        on_exceed: match written.on_exceed {
            WrittenOnExceed::Reject => OnExceed::Reject,
            WrittenOnExceed::Delay => OnExceed::Delay,
        },
        on_missing: match written.on_missing {
            WrittenOnMissing::Skip => OnMissing::Skip,
            WrittenOnMissing::Reject => OnMissing::Reject,
        },
    })
}

/// Checks the names of key fields that something counts by.
pub(super) fn check_fields(field: &str, names: &[String]) -> Result<()> {
    let invalid = |message: String| Err(Error::invalid(field, "invalid_key_fields", message));
    if names.len() > MAX_FIELDS {
        return invalid(format!("at most {MAX_FIELDS} fields, as a key has no more; there are {}", names.len()));
    }
    if names.iter().map(String::len).sum::<usize>() > MAX_NAMES_BYTES {
        return invalid(format!("the names have more than {MAX_NAMES_BYTES} bytes: no key can have them all"));
    }
    match names.iter().enumerate().find(|(place, name)| names[..*place].contains(name)) {
        Some((_, twice)) => invalid(format!("{twice:?} is there twice")),
        None => Ok(()),
    }
}

/// A limit as a reader would write it: `100 per 1h by email`.
pub fn in_words(limit: &Limit) -> String {
    let ms = limit.rule.interval_ms;
    let (size, unit) = UNITS.iter().find(|(size, _)| ms.is_multiple_of(*size)).copied().unwrap_or((1, "ms"));
    let by = if limit.fields.is_empty() { String::new() } else { format!(" by {}", limit.fields.join(", ")) };
    format!("{} per {}{unit}{by}", limit.rule.limit, ms / size)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Settings;
    use super::*;

    fn parse(limits: &Value) -> Result<Vec<Limit>> {
        Settings::parse(&json!({ "rateLimits": limits })).map(|settings| settings.rate_limits)
    }

    #[test]
    fn a_full_rule_is_read() {
        let limits = json!([{
            "limit": 2, "interval": "1 week", "key": ["email"], "burst": 1, "onExceed": "delay", "onMissing": "reject"
        }]);
        let rule = Rule { limit: 2, interval_ms: 604_800_000, burst: Some(1), algorithm: Algorithm::LeakyBucket };
        let (fields, on_exceed) = (vec!["email".to_owned()], OnExceed::Delay);
        let expected = Limit { rule, fields, on_exceed, on_missing: OnMissing::Reject };
        assert_eq!(parse(&limits).expect("valid"), [expected]);
    }

    #[test]
    fn errors_name_the_rule_and_its_part() {
        let check = |more: Value, part: &str| {
            let mut limit = json!({"limit": 1, "interval": "1s"});
            limit.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            let fine = json!({"limit": 1, "interval": "1s"});
            match parse(&json!([fine, limit])) {
                Err(Error::Invalid { field, .. }) => assert_eq!(field, format!("settings.rateLimits[1].{part}")),
                other => panic!("{more}: {other:?}"),
            }
        };
        check(json!({"limit": 0}), "limit");
        check(json!({"interval": "soon"}), "interval");
        check(json!({"interval": 0}), "interval");
        check(json!({"key": "email"}), "key");
        check(json!({"key": ["email", 1]}), "key[1]");
        check(json!({"key": ["email", "email"]}), "key");
        check(json!({"key": (0..17).map(|n| n.to_string()).collect::<Vec<_>>()}), "key");
        check(json!({"key": ["x".repeat(1_025)]}), "key");
        check(json!({"burst": 0}), "burst");
        check(json!({"algorithm": "sliding_window", "burst": 2}), "burst");
        check(json!({"onExceed": "wait"}), "onExceed");
        check(json!({"per": 1}), "per");
        assert!(parse(&json!(vec![json!({"limit": 1, "interval": 1}); 17])).is_err());
    }

    #[test]
    fn rules_are_said_as_people_write_them() {
        let check = |limit: Value, expected: &str| {
            assert_eq!(in_words(&parse(&json!([limit])).expect("valid")[0]), expected);
        };
        check(json!({"limit": 100, "interval": "1h", "key": ["email"]}), "100 per 1h by email");
        check(json!({"limit": 2, "interval": "1 week", "key": ["a", "b"]}), "2 per 1w by a, b");
        check(json!({"limit": 1, "interval": 90_000}), "1 per 90s");
        check(json!({"limit": 1, "interval": 1_500}), "1 per 1500ms");
    }
}

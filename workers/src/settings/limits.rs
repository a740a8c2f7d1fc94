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
    limit: Option<u32>,
    interval: Option<Value>,
    limiter: Option<String>,
    #[serde(default)]
    key: Vec<String>,
    burst: Option<u32>,
    algorithm: Option<WrittenAlgorithm>,
    #[serde(alias = "on_exceed", default)]
    on_exceed: WrittenOnExceed,
    #[serde(alias = "on_missing", default)]
    on_missing: WrittenOnMissing,
    #[serde(alias = "back_pressure", default)]
    back_pressure: bool,
}

#[derive(Clone, Copy, Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WrittenAlgorithm {
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

/// A rate limit as the settings have it: one that names a limiter gets its numbers from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The limit. Of one that names a limiter, the numbers mean nothing yet: see [`crate::limits::Limiters::resolve`].
    pub limit: Limit,
    /// The limiter that it names.
    pub limiter: Option<Box<str>>,
}

/// Reads `settings.rateLimits`; `back_pressure` is what the settings say for all of them.
pub(super) fn read(written: Vec<Object<Written>>, back_pressure: bool) -> Result<Vec<RateLimit>> {
    if written.len() > MAX_LIMITS {
        let message = format!("at most {MAX_LIMITS} rules, there are {}", written.len());
        return Err(Error::invalid("settings.rateLimits", "out_of_range", message));
    }
    if back_pressure && written.is_empty() {
        let message = "shuts the buckets of rate limits: add a rule to settings.rateLimits";
        return Err(Error::invalid("settings.backPressure", "missing_rate_limit", message));
    }
    let mut limits = Vec::<RateLimit>::with_capacity(written.len());
    for (place, Object(written)) in written.into_iter().enumerate() {
        let field = format!("settings.rateLimits[{place}]");
        let mut limit = limit(&field, written)?;
        limit.limit.back_pressure |= back_pressure;
        let same = |other: &RateLimit| {
            other.limiter.is_some() && other.limiter == limit.limiter && other.limit.fields == limit.limit.fields
        };
        if limits.iter().any(same) {
            let message = "is named twice with the same key fields: a job would be charged twice to one bucket";
            return Err(Error::invalid(format!("{field}.limiter"), "duplicate_limiter", message));
        }
        limits.push(limit);
    }
    Ok(limits)
}

fn limit(field: &str, written: Written) -> Result<RateLimit> {
    let (rule, limiter) = match &written.limiter {
        Some(name) => (shared_rule(field, name, &written)?, Some(name.as_str().into())),
        None => (own_rule(field, &written)?, None),
    };
    check_fields(&format!("{field}.key"), &written.key)?;
    let limit = Limit {
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
        limiter: None,
        back_pressure: written.back_pressure,
    };
    Ok(RateLimit { limit, limiter })
}

fn own_rule(field: &str, written: &Written) -> Result<Rule> {
    let missing = |part: &str| {
        let message = "is missing: write a limit and an interval, or name a limiter";
        Error::invalid(format!("{field}.{part}"), "missing_field", message)
    };
    let interval = written.interval.as_ref().ok_or_else(|| missing("interval"))?;
    let limit = written.limit.ok_or_else(|| missing("limit"))?;
    rule(field, limit, interval, (written.burst, written.algorithm.unwrap_or_default()))
}

/// The numbers of a rule. Errors: `<field>.<part>`.
pub(crate) fn rule(
    field: &str,
    limit: u32,
    interval: &Value,
    (burst, algorithm): (Option<u32>, WrittenAlgorithm),
) -> Result<Rule> {
    let part = |name: &str| if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    let rule = Rule {
        limit,
        interval_ms: duration_ms(&part("interval"), interval)?.unsigned_abs(),
        burst,
        algorithm: match algorithm {
            WrittenAlgorithm::LeakyBucket => Algorithm::LeakyBucket,
            WrittenAlgorithm::SlidingWindow => Algorithm::SlidingWindow,
        },
    };
    rule.validate(field).map_err(|mut error| {
        error.field = error.field.trim_start_matches('.').to_owned();
        error
    })?;
    Ok(rule)
}

fn shared_rule(field: &str, name: &str, written: &Written) -> Result<Rule> {
    check_limiter_name(&format!("{field}.limiter"), name)?;
    let numbers = [
        ("limit", written.limit.is_some()),
        ("interval", written.interval.is_some()),
        ("burst", written.burst.is_some()),
        ("algorithm", written.algorithm.is_some()),
    ];
    match numbers.into_iter().find(|(_, is_there)| *is_there) {
        Some((part, _)) => {
            let message = format!("is the limiter's own: leave it out, and set it with PUT /v1/limiters/{name}");
            Err(Error::invalid(format!("{field}.{part}"), "limiter_and_numbers", message))
        }
        None => Ok(Rule { limit: 1, interval_ms: 1, burst: None, algorithm: Algorithm::LeakyBucket }),
    }
}

/// Checks the name of a limiter: as an integration's.
pub(crate) fn check_limiter_name(field: &str, name: &str) -> Result<()> {
    let mut letters = name.bytes();
    let fits = letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && name.len() <= 63;
    let message = "must begin with a letter and have at most 63 lower-case letters, digits and hyphens";
    if fits { Ok(()) } else { Err(Error::invalid(field, "invalid_name", message)) }
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
    let by = if limit.fields.is_empty() { String::new() } else { format!(" by {}", limit.fields.join(", ")) };
    format!("{}{by}", rule_in_words(&limit.rule))
}

/// The numbers of a rule as a reader would write them: `100 per 1h`.
pub fn rule_in_words(rule: &Rule) -> String {
    let ms = rule.interval_ms;
    let (size, unit) = UNITS.iter().find(|(size, _)| ms.is_multiple_of(*size)).copied().unwrap_or((1, "ms"));
    format!("{} per {}{unit}", rule.limit, ms / size)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Settings;
    use super::*;

    fn parse(limits: &Value) -> Result<Vec<Limit>> {
        let settings = Settings::parse(&json!({ "rateLimits": limits }))?;
        Ok(settings.rate_limits.into_iter().map(|limit| limit.limit).collect())
    }

    #[test]
    fn a_full_rule_is_read() {
        let limits = json!([{
            "limit": 2, "interval": "1 week", "key": ["email"], "burst": 1, "onExceed": "delay", "onMissing": "reject"
        }]);
        let rule = Rule { limit: 2, interval_ms: 604_800_000, burst: Some(1), algorithm: Algorithm::LeakyBucket };
        let (fields, on_exceed) = (vec!["email".to_owned()], OnExceed::Delay);
        let (limiter, back_pressure) = (None, false);
        let expected = Limit { rule, fields, on_exceed, on_missing: OnMissing::Reject, limiter, back_pressure };
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
        check(json!({"limiter": "crm"}), "limit");
        assert!(parse(&json!(vec![json!({"limit": 1, "interval": 1}); 17])).is_err());
    }

    #[test]
    fn a_rule_may_name_a_limiter() {
        let parse = |limits: Value| Settings::parse(&json!({ "rateLimits": limits })).map(|it| it.rate_limits);
        let named = json!({"limiter": "crm", "key": ["email"], "onExceed": "delay", "backPressure": true});
        let found = parse(json!([named, {"limiter": "crm"}])).expect("valid");
        assert_eq!((found[0].limiter.as_deref(), found[0].limit.back_pressure), (Some("crm"), true));
        assert_eq!((&*found[0].limit.fields, found[0].limit.on_exceed), (&["email".to_owned()][..], OnExceed::Delay));
        let check = |limits: Value, field: &str| match parse(limits.clone()) {
            Err(Error::Invalid { field: f, .. }) => assert_eq!(f, format!("settings.rateLimits{field}"), "{limits}"),
            other => panic!("{limits}: {other:?}"),
        };
        check(json!([{"limiter": "CRM"}]), "[0].limiter");
        check(json!([{"limiter": "crm", "burst": 1}]), "[0].burst");
        check(json!([{"limiter": "crm"}, {"limiter": "crm", "onExceed": "delay"}]), "[1].limiter");
        check(json!([{"interval": "1s"}]), "[0].limit");
        let all = json!({"backPressure": true, "rateLimits": [{"limiter": "crm"}]});
        assert!(Settings::parse(&all).expect("valid").rate_limits[0].limit.back_pressure);
        assert!(Settings::parse(&json!({"backPressure": true})).is_err());
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

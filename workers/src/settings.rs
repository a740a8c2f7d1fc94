//! An integration's settings: read once, when saved and when a release is loaded, and checked field by field.

mod concurrency;
mod events;
mod http;
mod limits;
mod schedule;

use std::sync::Arc;

use schedules::backoff::{Backoff, Retry};
use schedules::delay;
use schedules::rate::OnMissing;
use schedules::recurrence::{Recurrence, RecurrenceSpec};
use serde::Deserialize;
use serde_json::Value;
use store::catalog::Trigger;

pub use concurrency::{Concurrency, Lanes};
pub(crate) use events::types as event_types;
pub use events::{CancelOn, EventSettings, KeyFields, TypePattern, Which};
pub(crate) use http::CHOOSE;
pub use http::{Http, MAX_BODY_KB};
pub use limits::{RateLimit, in_words, rule_in_words};
pub(crate) use limits::{WrittenAlgorithm, check_limiter_name, rule};

use crate::gateway::Route;
use crate::wire::{self, Object};
use crate::{Error, Result, gateway};

/// The longest timeout, in milliseconds.
pub const MAX_TIMEOUT_MS: u32 = 15 * 60_000;
/// The largest heap, in MiB.
pub const MAX_MEMORY_MB: u32 = 512;

/// What happens to a tick while an earlier one is still there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is skipped, visibly.
    #[default]
    Skip,
    /// It waits for its turn.
    Queue,
    /// Both run.
    Allow,
    /// The earlier one is ended.
    CancelRunning,
}

/// What happens to ticks that were missed while nothing ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Catchup {
    /// The last one is made up for.
    #[default]
    Last,
    /// None is.
    None,
    /// All are, up to a cap.
    All,
}

/// When a recurring integration runs.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The recurrence.
    pub recurrence: Recurrence,
    /// What the author wrote, to see whether an edit changed it.
    pub spec: RecurrenceSpec,
    /// The overlap rule.
    pub overlap: Overlap,
    /// The catch-up rule.
    pub catchup: Catchup,
    /// How far back missed ticks are made up for, in milliseconds.
    pub catchup_window_ms: i64,
    /// At most this many missed ticks are made up for at one time (`catchup: all`).
    pub catchup_cap: usize,
    /// It is over when it has fired so many ticks.
    pub max_runs: Option<u64>,
    /// It is paused when so many ticks in a row have failed for good.
    pub pause_after_failures: Option<u32>,
}

/// An integration's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Wall-clock limit of a run.
    pub timeout_ms: u32,
    /// Heap of a run, in MiB.
    pub memory_mb: u32,
    /// Attempts and pauses.
    pub retry: Retry,
    /// The rate limits; the queue charges them.
    pub rate_limits: Vec<RateLimit>,
    /// The schedule, of recurring integrations.
    pub schedule: Option<Schedule>,
    /// The events it subscribes to, of event integrations.
    pub events: Option<EventSettings>,
    /// The events that cancel its pending jobs.
    pub cancel_on: Vec<CancelOn>,
    /// How many of its jobs run at once, and by what they take turns.
    pub concurrency: Concurrency,
    /// The hosts its requests may go to; `None` is any public one.
    pub allowed_domains: Option<Vec<String>>,
    /// From which address and through which proxy they leave.
    pub route: Route,
    /// How it is called over HTTP, of integrations with that trigger.
    pub http: Option<Arc<Http>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Written {
    timeout_ms: Option<u32>,
    memory_mb: Option<u32>,
    retry: Option<Object<WrittenRetry>>,
    rate_limits: Vec<Object<limits::Written>>,
    back_pressure: bool,
    schedule: Option<Object<schedule::Written>>,
    events: Option<Object<events::Written>>,
    cancel_on: Vec<Object<events::WrittenCancel>>,
    concurrency: Option<Value>,
    allowed_domains: Option<Vec<String>>,
    source_address: Option<String>,
    proxy: Option<String>,
    http: Option<Object<http::Written>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct WrittenRetry {
    attempts: Option<u32>,
    backoff: Option<WrittenBackoff>,
    min: Option<Value>,
    max: Option<Value>,
    factor: Option<f64>,
    jitter: Option<f64>,
    give_up_after: Option<Value>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum WrittenBackoff {
    Exponential,
    Linear,
    Fixed,
}

impl Settings {
    /// Reads settings as the API takes them (camelCase JSON). Errors name the field (`settings.retry.attempts`).
    pub fn parse(value: &Value) -> Result<Self> {
        let written: Written = match value {
            Value::Null => Written::default(),
            value => wire::read("settings", value.clone())?,
        };
        Ok(Self {
            timeout_ms: in_range("settings.timeoutMs", written.timeout_ms.unwrap_or(10_000), 1, MAX_TIMEOUT_MS)?,
            memory_mb: in_range("settings.memoryMb", written.memory_mb.unwrap_or(64), 8, MAX_MEMORY_MB)?,
            retry: retry(written.retry.map(|Object(retry)| retry).unwrap_or_default())?,
            rate_limits: limits::read(written.rate_limits, written.back_pressure)?,
            schedule: written
                .schedule
                .map(|Object(written)| schedule::read(written, "settings.schedule"))
                .transpose()?,
            events: written.events.map(|Object(written)| events::read(written)).transpose()?,
            cancel_on: events::read_cancels(written.cancel_on)?,
            concurrency: concurrency::read(written.concurrency)?,
            allowed_domains: written.allowed_domains.map(domains).transpose()?,
            route: route(written.source_address, written.proxy)?,
            http: written.http.map(|Object(written)| http::read(written)).transpose()?.map(Arc::new),
        })
    }
}

impl Settings {
    /// What these settings do that their author may not have meant.
    pub fn warnings(&self, trigger: Trigger) -> Vec<String> {
        if trigger == Trigger::Event && self.events.is_none() {
            return vec!["settings.events is missing: no event starts this integration".to_owned()];
        }
        let by_key = |(place, RateLimit { limit, .. }): (usize, &RateLimit)| {
            let what = match limit.on_missing {
                OnMissing::Skip => "it applies to scheduled and executed jobs that have one, and to no tick",
                OnMissing::Reject => "it refuses every one of them",
            };
            let fields = limit.fields.join(", ");
            format!("settings.rateLimits[{place}] counts by {fields}, and ticks have no key: {what}")
        };
        let limits = self.rate_limits.iter().enumerate().filter(|(_, it)| !it.limit.fields.is_empty());
        if self.schedule.is_some() { limits.map(by_key).collect() } else { Vec::new() }
    }
}

fn in_range(field: &str, value: u32, min: u32, max: u32) -> Result<u32> {
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    Err(Error::invalid(field, "out_of_range", format!("must be between {min} and {max}, is {value}")))
}

/// A duration in milliseconds, not negative. Errors: `field`, code `invalid_duration`.
pub(crate) fn duration_ms(field: &str, value: &Value) -> Result<i64> {
    let at_field = |error: schedules::Error| Error::invalid(field, "invalid_duration", error.message);
    let ms = delay::parse(value).map_err(at_field)?;
    if ms < 0 { Err(Error::invalid(field, "invalid_duration", "must not be negative")) } else { Ok(ms) }
}

fn retry(written: WrittenRetry) -> Result<Retry> {
    let default = Retry::DEFAULT;
    let pause = |field: &str, value: Option<Value>, default: u64| match value {
        Some(value) => duration_ms(field, &value).map(i64::unsigned_abs),
        None => Ok(default),
    };
    let retry = Retry {
        attempts: written.attempts.unwrap_or(default.attempts),
        backoff: match written.backoff {
            None => default.backoff,
            Some(WrittenBackoff::Exponential) => Backoff::Exponential,
            Some(WrittenBackoff::Linear) => Backoff::Linear,
            Some(WrittenBackoff::Fixed) => Backoff::Fixed,
        },
        min_ms: pause("settings.retry.min", written.min, default.min_ms)?,
        max_ms: pause("settings.retry.max", written.max, default.max_ms)?,
        factor: written.factor.unwrap_or(default.factor),
        jitter: written.jitter.unwrap_or(default.jitter),
        give_up_after_ms: written
            .give_up_after
            .map(|value| duration_ms("settings.retry.giveUpAfter", &value).map(i64::unsigned_abs))
            .transpose()?,
    };
    retry.validate("settings.retry")?;
    Ok(retry)
}

fn domains(domains: Vec<String>) -> Result<Vec<String>> {
    let field = "settings.allowedDomains";
    if domains.len() > 100 {
        return Err(Error::invalid(field, "out_of_range", "at most 100 domains"));
    }
    for domain in &domains {
        gateway::check_domain(domain).map_err(|message| Error::invalid(field, "invalid_domain", message))?;
    }
    Ok(domains)
}

fn route(source: Option<String>, proxy: Option<String>) -> Result<Route> {
    let source = source.map(|text| {
        let message = "must be an IP address of this machine, such as 203.0.113.7";
        text.parse().map_err(|_| Error::invalid("settings.sourceAddress", "invalid_address", message))
    });
    let proxy = proxy.map(|text| {
        let wrong = |_| {
            let message =
                "must be http://host:port, as the operator allows it; user and password are in the operator's list";
            Error::invalid("settings.proxy", "invalid_proxy", message)
        };
        text.parse().map_err(wrong)
    });
    Ok(Route { source: source.transpose()?, proxy: proxy.transpose()? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_error(value: Value, field: &str) {
        match Settings::parse(&value) {
            Err(Error::Invalid { field: f, .. }) => assert_eq!(f, field, "{value}"),
            other => panic!("{value}: {other:?}"),
        }
    }

    #[test]
    fn defaults_are_those_of_the_semantics() {
        let settings = Settings::parse(&json!({})).expect("empty settings are fine");
        assert_eq!((settings.timeout_ms, settings.memory_mb, settings.retry.attempts), (10_000, 64, 3));
        assert!(settings.schedule.is_none() && settings.rate_limits.is_empty());
        assert_eq!(settings.concurrency, Concurrency::default());
    }

    #[test]
    fn errors_name_the_field() {
        check_error(json!({"timeoutMs": 0}), "settings.timeoutMs");
        check_error(json!({"timeoutMs": 900_001}), "settings.timeoutMs");
        check_error(json!({"timeoutMs": "10"}), "settings.timeoutMs");
        check_error(json!({"memoryMb": 4_096}), "settings.memoryMb");
        check_error(json!({"colour": 1}), "settings.colour");
        check_error(json!({"retry": {"min": "soon"}}), "settings.retry.min");
        check_error(json!({"retry": {"tries": 3}}), "settings.retry.tries");
        check_error(json!({"rateLimits": [{"limit": 1}]}), "settings.rateLimits[0].interval");
        check_error(json!({"schedule": {"every": "day", "at": "25:00"}}), "settings.schedule.at");
        check_error(json!({"schedule": {"overlap": "maybe"}}), "settings.schedule.overlap");
        check_error(json!({"schedule": {"every": "day", "maxRuns": 0}}), "settings.schedule.maxRuns");
        check_error(json!({"schedule": {"every": "day", "catchupCap": 1_000}}), "settings.schedule.catchupCap");
        let failures = json!({"schedule": {"every": "day", "pauseAfterFailures": 0}});
        check_error(failures, "settings.schedule.pauseAfterFailures");
        check_error(json!({"allowedDomains": ["https://x.example"]}), "settings.allowedDomains");
        check_error(json!({"sourceAddress": "a.example"}), "settings.sourceAddress");
        check_error(json!({"proxy": "http://me:pass@a.example:1"}), "settings.proxy");
        check_error(json!([]), "settings");
        check_error(json!({"retry": []}), "settings.retry");
        check_error(json!({"schedule": ["day"]}), "settings.schedule");
        check_error(json!({"rateLimits": [[1, 2]]}), "settings.rateLimits[0]");
    }

    #[test]
    fn a_full_set_is_read() {
        let value = json!({
            "timeoutMs": 2_000, "memoryMb": 128, "concurrency": 4, "allowedDomains": ["*.example.com"],
            "retry": {"attempts": 5, "backoff": "fixed", "min": "2s", "max": "1m"},
            "schedule": {"every": "day", "at": "06:00", "overlap": "queue", "catchup": "none", "catchupWindow": "2h"},
        });
        let settings = Settings::parse(&value).expect("valid");
        assert_eq!((settings.retry.attempts, settings.retry.min_ms), (5, 2_000));
        let schedule = settings.schedule.expect("has a schedule");
        assert_eq!((schedule.overlap, schedule.catchup), (Overlap::Queue, Catchup::None));
        assert_eq!((schedule.catchup_window_ms, schedule.catchup_cap), (7_200_000, 100));
        assert_eq!((schedule.max_runs, schedule.pause_after_failures), (None, None));
    }

    #[test]
    fn a_limit_by_key_on_ticks_is_warned_of() {
        let check = |settings: Value, expected: &[&str]| {
            let warnings = Settings::parse(&settings).expect("valid").warnings(Trigger::Recurring);
            assert_eq!(warnings.len(), expected.len(), "{settings}: {warnings:?}");
            for (warning, part) in warnings.iter().zip(expected) {
                assert!(warning.contains(part), "{settings}: {warning}");
            }
        };
        let by_email = json!({"limit": 1, "interval": "1s", "key": ["email"]});
        let strict = json!({"limit": 1, "interval": "1s", "key": ["email"], "onMissing": "reject"});
        let whole = json!({"limit": 1, "interval": "1s"});
        let schedule = json!({"every": "day"});
        check(json!({"rateLimits": [by_email]}), &[]);
        check(json!({"rateLimits": [whole], "schedule": schedule}), &[]);
        let unsubscribed = Settings::parse(&json!({})).expect("valid").warnings(Trigger::Event);
        assert!(unsubscribed[0].contains("settings.events is missing"), "{unsubscribed:?}");
        let both = json!({"rateLimits": [by_email, strict], "schedule": schedule});
        check(both, &["rateLimits[0] counts by email", "refuses every one"]);
    }
}

//! What a replay is asked to do: from the body of the call, and from the catalog.

use std::fmt;
use std::str::FromStr;

use schedules::Millis;
use schedules::due::parse_instant;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::settings::{TypePattern, event_types};
use crate::{Error, Result, wire};

/// The most events a second.
const MAX_PER_SECOND: u64 = 10_000;
/// The units of a rate, in milliseconds.
const UNITS: [(&str, u64); 3] = [("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// How fast: so many events in so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Events.
    pub events: u64,
    /// Milliseconds.
    pub in_ms: u64,
}

impl Rate {
    /// How long after the first one the event with this number (from 0) is due, in milliseconds.
    pub fn after_ms(self, number: u64) -> i64 {
        let ms = u128::from(number) * u128::from(self.in_ms) / u128::from(self.events.max(1));
        i64::try_from(ms).unwrap_or(i64::MAX)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong =
            || format!("must be a number of events in a second, minute or hour, such as 100/s or 5/m, is {text:?}");
        let (events, unit) = text.split_once('/').ok_or_else(wrong)?;
        let events: u64 = events.trim().parse().map_err(|_| wrong())?;
        let (_, in_ms) = UNITS.into_iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
        if events == 0 || events.saturating_mul(1_000) / in_ms > MAX_PER_SECOND {
            return Err(format!("must be between 1/h and {MAX_PER_SECOND}/s"));
        }
        Ok(Self { events, in_ms })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.into_iter().find(|(_, ms)| *ms == self.in_ms).map_or("", |(name, _)| name);
        write!(f, "{}/{unit}", self.events)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Body {
    integration: String,
    types: Option<Vec<String>>,
    from: Value,
    to: Option<Value>,
    rate: Option<String>,
    #[serde(default = "yes")]
    filter: bool,
    #[serde(default)]
    dry_run: bool,
}

fn yes() -> bool {
    true
}

/// A replay as it is asked for.
#[derive(Debug)]
pub(super) struct Request {
    pub integration: String,
    pub noted: Noted,
    pub dry_run: bool,
}

/// What is written down of it, for later steps and for who looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Noted {
    /// The types, as the caller wrote them; `None` is those that the integration subscribes to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub types: Option<Vec<String>>,
    /// Events that came in at this time or later, in Unix milliseconds.
    pub from_ms: i64,
    /// Events that came in before this time.
    pub to_ms: i64,
    /// How fast, as the caller wrote it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rate: Option<String>,
    /// Whether the integration's filter decides.
    pub filter: bool,
}

impl Noted {
    /// What the types mean.
    pub(super) fn patterns(&self) -> Option<Vec<TypePattern>> {
        self.types.as_ref().map(|types| types.iter().filter_map(|text| TypePattern::parse(text).ok()).collect())
    }

    /// How fast.
    pub(super) fn rate(&self) -> Option<Rate> {
        self.rate.as_deref().and_then(|text| text.parse().ok())
    }
}

/// Reads the body of the call, made at `now`.
pub(super) fn read(body: Value, now: Millis) -> Result<Request> {
    let Body { integration, types, from, to, rate, filter, dry_run } = wire::read("", body)?;
    if let Some(types) = &types {
        event_types("types", types)?;
    }
    let from = parse_instant("from", &from)?;
    let to = to.filter(|to| !to.is_null()).map(|to| parse_instant("to", &to)).transpose()?;
    if to.is_some_and(|to| from >= to) {
        return Err(Error::invalid("from", "out_of_range", "must be before `to`"));
    }
    let to = to.unwrap_or(now).min(now);
    if let Some(rate) = &rate {
        rate.parse::<Rate>().map_err(|message| Error::invalid("rate", "invalid_rate", message))?;
    }
    let noted = Noted { types, from_ms: from.0, to_ms: to.0, rate, filter };
    Ok(Request { integration, noted, dry_run })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::world::NOW;

    #[test]
    fn errors_name_the_field() {
        let check = |body: Value, field: &str| match read(body.clone(), NOW) {
            Err(Error::Invalid { field: f, .. }) => assert_eq!(f, field, "{body}"),
            other => panic!("{body}: {other:?}"),
        };
        check(json!({}), "integration");
        check(json!({"integration": "a"}), "from");
        check(json!({"integration": "a", "from": "soon"}), "from");
        check(json!({"integration": "a", "from": 5, "to": 5}), "from");
        check(json!({"integration": "a", "from": 5, "to": "x"}), "to");
        check(json!({"integration": "a", "from": 5, "types": []}), "types");
        check(json!({"integration": "a", "from": 5, "types": ["a", "*"]}), "types[1]");
        check(json!({"integration": "a", "from": 5, "rate": "fast"}), "rate");
        check(json!({"integration": "a", "from": 5, "rate": "0/s"}), "rate");
        check(json!({"integration": "a", "from": 5, "rate": "10001/s"}), "rate");
        check(json!({"integration": "a", "from": 5, "more": 1}), "more");
    }

    #[test]
    fn a_rate_spaces_events_without_drift() {
        let check = |text: &str, number: u64, expected: i64| {
            let rate: Rate = text.parse().expect(text);
            assert_eq!((rate.after_ms(number), rate.to_string().as_str()), (expected, text));
        };
        check("100/s", 1, 10);
        check("100/s", 100, 1_000);
        check("3000/s", 1, 0);
        check("3000/s", 3_000, 1_000);
        check("7/m", 7, 60_000);
        check("1/h", 2, 7_200_000);
    }
}

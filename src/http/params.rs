//! Path and query parameters, read strictly: an unknown, repeated or malformed one is a 400 that names it.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Uri;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use schedules::Millis;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value};
use store::queue::PageRequest;
use workers::dead::Fingerprint;
use workers::invoke::Target;

use super::body::typed;
use super::error::Problem;
use super::state::State;
use super::wire;

/// The `{id}` of a path: a ULID.
pub struct Id<T>(pub T);

impl<T: FromStr> FromRequestParts<State> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let text = path_part(parts, state, "id").await?;
        text.parse().map(Self).map_err(|_| invalid_id("id"))
    }
}

fn invalid_id(field: &str) -> Problem {
    Problem::invalid(field, "invalid_id", "must be a ULID: 26 characters such as 01JD4Z8M3V9Q6T5X2Y7W0K1B8C")
}

/// The `{fingerprint}` of a path.
pub struct Fingerprinted(pub Fingerprint);

impl FromRequestParts<State> for Fingerprinted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let text = path_part(parts, state, "fingerprint").await?;
        let detail = "must be 16 hexadecimal digits, as GET /v1/dead shows them";
        text.parse().map(Self).map_err(|()| Problem::invalid("fingerprint", "invalid_fingerprint", detail))
    }
}

/// The `{name}` of a path that invokes: `name` or `name@2`.
pub struct Invoked(pub Target);

impl FromRequestParts<State> for Invoked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        Ok(Self(path_part(parts, state, "name").await?.parse::<Target>()?))
    }
}

/// The `{name}` of a path that manages: the name alone.
pub struct Named(pub String);

impl FromRequestParts<State> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let target = path_part(parts, state, "name").await?.parse::<Target>()?;
        match target.major {
            None => Ok(Self(target.name)),
            Some(_) => Err(Problem::invalid("name", "invalid_name", "must be the name alone, without a release")),
        }
    }
}

/// The `{secret}` of a path: a secret's name.
pub struct SecretName(pub String);

impl FromRequestParts<State> for SecretName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let name = path_part(parts, state, "secret").await?;
        workers::secrets::check_name(&name)?;
        Ok(Self(name))
    }
}

/// The `{schedule}` of a path: a schedule's name.
pub struct Scheduled(pub String);

impl FromRequestParts<State> for Scheduled {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        Ok(Self(path_part(parts, state, "schedule").await?))
    }
}

/// The `{backfill}` of a path: a ULID.
pub struct Backfilled<T>(pub T);

impl<T: FromStr> FromRequestParts<State> for Backfilled<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let text = path_part(parts, state, "backfill").await?;
        text.parse().map(Self).map_err(|_| invalid_id("backfill"))
    }
}

/// The `{rule}` of a path: the place of a rate limit in the settings.
pub struct RulePlace(pub usize);

impl FromRequestParts<State> for RulePlace {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let text = path_part(parts, state, "rule").await?;
        let right = "must be the place of the rule in settings.rateLimits, from 0 on";
        text.parse().map(Self).map_err(|_| Problem::invalid("rule", "invalid_rule", right))
    }
}

/// The `{event}` of a path: an event's id, as its publisher chose it.
pub struct EventId(pub String);

impl FromRequestParts<State> for EventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        Ok(Self(path_part(parts, state, "event").await?))
    }
}

/// The `{limiter}` of a path: a limiter's name.
pub struct LimiterName(pub String);

impl FromRequestParts<State> for LimiterName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let name = path_part(parts, state, "limiter").await?;
        workers::limits::check_name(&name)?;
        Ok(Self(name))
    }
}

async fn path_part(parts: &mut Parts, state: &State, name: &'static str) -> Result<String, Problem> {
    let params = RawPathParams::from_request_parts(parts, state).await;
    let params = params.map_err(|_| Problem::invalid(name, "invalid_utf8", "the path must be UTF-8"))?;
    let found = params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    found.ok_or_else(|| Problem::no_route(parts.uri.path()))
}

/// The query, as a struct whose fields are its parameters.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<State> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        let pairs = pairs(parts.uri.query().unwrap_or(""))?;
        typed(Value::Object(pairs)).map(Self).map_err(|problem| match &*problem.code {
            "unknown_field" => Problem { code: "unknown_parameter".into(), ..problem },
            "missing_field" => Problem { code: "missing_parameter".into(), ..problem },
            _ => Problem { code: "invalid_parameter".into(), ..problem },
        })
    }
}

/// Refuses a query with parameters that the route does not take; runs before every handler that needs a key.
pub fn only_known(uri: &Uri, known: &[String]) -> Result<(), Problem> {
    let pairs = pairs(uri.query().unwrap_or(""))?;
    let Some(unknown) = pairs.keys().find(|name| !known.contains(name)) else {
        return Ok(());
    };
    let detail = match known {
        [] => "this route takes no parameters".to_owned(),
        known => format!("is not a parameter of this route; it takes {}", known.join(", ")),
    };
    Err(Problem::invalid(unknown, "unknown_parameter", detail))
}

fn pairs(query: &str) -> Result<Map<String, Value>, Problem> {
    let mut pairs = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name, "query")?;
        let value = decode(value, &name)?;
        if pairs.contains_key(&name) {
            let detail = format!("the parameter {name:?} is there twice");
            return Err(Problem::invalid(name, "duplicate_parameter", detail));
        }
        pairs.insert(name, Value::String(value));
    }
    Ok(pairs)
}

fn decode(text: &str, field: &str) -> Result<String, Problem> {
    let invalid = || Problem::invalid(field, "invalid_encoding", "must be percent-encoded UTF-8");
    let mut escapes = text.split('%').skip(1);
    if !escapes.all(|rest| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit)) {
        return Err(invalid());
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| invalid())?;
    Ok(decoded.into_owned())
}

/// A parameter that is read from its text.
fn text<'de, D: Deserializer<'de>, T>(deserializer: D, read: fn(&str) -> Result<T, String>) -> Result<T, D::Error> {
    read(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A parameter with a closed set of values, or one that is an id.
#[derive(Clone, Copy, Debug)]
pub struct Word<T>(pub T);

impl<'de, T: FromStr> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |word| {
            word.parse().map(Self).map_err(|_| format!("{word:?} is not a value of this parameter"))
        })
    }
}

/// A time: RFC 3339, or Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Time(pub Millis);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |time| {
            let right = "must be a time such as 2026-03-01T09:00:00Z, or Unix milliseconds";
            wire::parse_time(time).map(Self).ok_or_else(|| right.to_owned())
        })
    }
}

/// A number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug)]
pub struct Number<const MIN: usize, const MAX: usize>(pub usize);

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Number<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |number| match number.parse() {
            Ok(value) if (MIN..=MAX).contains(&value) => Ok(Self(value)),
            _ => Err(format!("must be a whole number from {MIN} to {MAX}")),
        })
    }
}

/// A JSON value in a parameter, such as a key.
#[derive(Clone, Debug)]
pub struct Json(pub Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |json| {
            let value = super::json::parse(json.as_bytes(), 8);
            value.map(Self).map_err(|problem| format!("must be JSON: {}", problem.detail))
        })
    }
}

/// How many items a page has.
pub type First = Number<1, 100>;

/// The page a list's `first`, `after` and `before` ask for.
pub fn page<Id: Copy>(
    first: Option<First>,
    after: Option<Word<Id>>,
    before: Option<Word<Id>>,
) -> Result<PageRequest<Id>, Problem> {
    if after.is_some() && before.is_some() {
        return Err(Problem::invalid("before", "invalid_parameter", "cannot be used together with `after`"));
    }
    let first = first.map_or(20, |Number(first)| first);
    Ok(PageRequest { first, after: after.map(|Word(id)| id), before: before.map(|Word(id)| id) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: Result<&str, (&str, &str)>) {
        let found = pairs(query).map(|pairs| Value::Object(pairs).to_string());
        let found = found.map_err(|problem| (problem.field.unwrap_or_default(), problem.code.into_owned()));
        let expected = expected.map(str::to_owned).map_err(|(field, code)| (field.to_owned(), code.to_owned()));
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn queries_are_read_strictly() {
        check("", Ok("{}"));
        check("a=1&b", Ok(r#"{"a":"1","b":""}"#));
        check("a=%7B%22x%22%3A1%7D+y", Ok(r#"{"a":"{\"x\":1} y"}"#));
        check("a=1&a=2", Err(("a", "duplicate_parameter")));
        check("a=%zz", Err(("a", "invalid_encoding")));
        check("a=%f", Err(("a", "invalid_encoding")));
        check("a=%ff", Err(("a", "invalid_encoding")));
        check("%ff=1", Err(("query", "invalid_encoding")));
    }
}

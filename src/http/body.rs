//! Request bodies: a bounded number of bytes, in time, as JSON, read into what the handler wants.

use axum::body::{Body as RawBody, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::Problem;
use super::json;
use super::state::{Limits, State};

/// What a body is read into.
pub trait Wire: Sized {
    /// The most bytes it may have.
    fn limit(limits: &Limits) -> usize {
        limits.body_bytes
    }

    /// Reads the JSON.
    fn read(value: Value) -> Result<Self, Problem>;
}

/// A JSON body; an absent one is `{}`.
pub struct Body<T>(pub T);

impl<T: Wire> FromRequest<State> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let limit = T::limit(&state.limits);
        let bytes = collect(&parts.headers, body, limit, &state.limits).await?;
        if bytes.is_empty() {
            return T::read(Value::Object(Map::new())).map(Self);
        }
        expect_json(&parts.headers)?;
        T::read(json::parse(&bytes, state.limits.json_depth)?).map(Self)
    }
}

/// Reads the bytes of a body, at most `limit`, in time.
pub async fn collect(headers: &HeaderMap, body: RawBody, limit: usize, limits: &Limits) -> Result<Bytes, Problem> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|declared| declared > limit as u64) {
        return Err(Problem::too_large(limit));
    }
    let collecting = Limited::new(body, limit).collect();
    match tokio::time::timeout(limits.body_read, collecting).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::too_large(limit)),
        Ok(Err(_)) => Err(Problem::invalid("body", "incomplete_body", "the body ended before it was complete")),
        Err(_) => {
            let detail = format!("the body must arrive within {} s", limits.body_read.as_secs());
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail))
        }
    }
}

fn expect_json(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = given.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let is_json = media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"));
    if is_json {
        return Ok(());
    }
    let detail = "the body must be JSON: send the header Content-Type: application/json";
    let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail);
    Err(Problem { field: Some("Content-Type".into()), ..problem })
}

/// Reads a value as a `T`; errors name the field.
pub fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    if !value.is_object() {
        return Err(Problem::invalid("body", "invalid_type", "the body must be a JSON object"));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        let (code, name) = match (named(&message, "unknown field `"), named(&message, "missing field `")) {
            (Some(name), _) => ("unknown_field", Some(name)),
            (_, Some(name)) => ("missing_field", Some(name)),
            _ => ("invalid_type", None),
        };
        let path = if path == "." || path == "?" { "" } else { &path };
        let field = match name {
            Some(name) if path.is_empty() || path == name => name.to_owned(),
            Some(name) if path.ends_with(&format!(".{name}")) => path.to_owned(),
            Some(name) => format!("{path}.{name}"),
            None if path.is_empty() => "body".to_owned(),
            None => path.to_owned(),
        };
        Problem::invalid(field, code, message)
    })
}

fn named<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    message.strip_prefix(before)?.split('`').next()
}

/// The body of a call that takes none: absent, or `{}`.
pub struct Nothing;

impl Wire for Nothing {
    fn read(value: Value) -> Result<Self, Problem> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Empty {}
        typed::<Empty>(value).map(|Empty {}| Self)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors are of interest")]
    struct Outer {
        list: Vec<String>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors are of interest")]
    struct Inner {
        n: u32,
    }

    fn check(value: Value, field: &str, code: &str) {
        let problem = typed::<Outer>(value.clone()).expect_err("refused");
        assert_eq!((problem.field.as_deref(), &*problem.code), (Some(field), code), "{value}");
    }

    #[test]
    fn errors_name_the_field() {
        check(json!([]), "body", "invalid_type");
        check(json!("x"), "body", "invalid_type");
        check(json!({}), "list", "missing_field");
        check(json!({"list": "x"}), "list", "invalid_type");
        check(json!({"list": [1]}), "list[0]", "invalid_type");
        check(json!({"list": [], "more": 1}), "more", "unknown_field");
        check(json!({"list": [], "inner": {"n": 1, "m": 2}}), "inner.m", "unknown_field");
        check(json!({"list": [], "inner": {}}), "inner.n", "missing_field");
        check(json!({"list": [], "inner": {"n": -1}}), "inner.n", "invalid_type");
    }
}

//! The body of `POST /v1/events`: one event, a list, or CloudEvents in one of their three modes, told by the headers.

use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use workers::events::{Incoming, MAX_EVENTS, Via, cloudevents};

use super::body::collect;
use super::error::Problem;
use super::json;
use super::state::State;

/// The most bytes of a call.
pub const MAX_BYTES: usize = 1 << 20;
/// What the headers of the binary mode begin with.
const ATTRIBUTE: &str = "ce-";

/// The events of a call, each by itself.
pub struct Publication {
    /// The events, or why one cannot be read.
    pub events: Vec<Incoming>,
    /// In which form.
    pub via: Via,
    /// Whether it is one event by itself: then its refusal is that of the call.
    pub single: bool,
}

impl FromRequest<State> for Publication {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = collect(&parts.headers, body, MAX_BYTES, &state.limits).await?;
        let read = read(&parts.headers, &bytes, state.limits.json_depth)?;
        match read.events.len() {
            1..=MAX_EVENTS => Ok(read),
            n => {
                let detail = format!("must hold 1 to {MAX_EVENTS} events, has {n}");
                Err(Problem::invalid("body", "out_of_range", detail))
            }
        }
    }
}

fn read(headers: &HeaderMap, bytes: &[u8], depth: usize) -> Result<Publication, Problem> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = given.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match media.as_str() {
        "application/cloudevents+json" => {
            let event = cloudevents::structured(json::parse(bytes, depth)?);
            Ok(Publication { events: vec![event], via: Via::CloudEvents, single: true })
        }
        "application/cloudevents-batch+json" => {
            let Value::Array(items) = json::parse(bytes, depth)? else {
                return Err(Problem::invalid("body", "invalid_type", "a batch is a list of CloudEvents"));
            };
            let events = items.into_iter().map(cloudevents::structured).collect();
            Ok(Publication { events, via: Via::CloudEvents, single: false })
        }
        _ if headers.keys().any(|name| name.as_str().starts_with(ATTRIBUTE)) => {
            let mut attributes = attributes(headers)?;
            if !given.is_empty() {
                attributes.insert("datacontenttype".into(), given.into());
            }
            if media.is_empty() || media.ends_with("json") {
                // Read as strictly as any other body.
                if !bytes.is_empty() {
                    json::parse(bytes, depth)?;
                }
            }
            let event = cloudevents::binary(attributes, bytes.to_vec());
            Ok(Publication { events: vec![event], via: Via::CloudEvents, single: true })
        }
        media if media == "application/json" || (media.starts_with("application/") && media.ends_with("+json")) => {
            let (events, single) = match json::parse(bytes, depth)? {
                Value::Array(items) => (items.into_iter().map(Ok).collect(), false),
                one @ Value::Object(_) => (vec![Ok(one)], true),
                _ => return Err(Problem::invalid("body", "invalid_type", "must be an event, or a list of events")),
            };
            Ok(Publication { events, via: Via::Http, single })
        }
        _ if bytes.is_empty() => {
            let detail = "send an event, such as {\"meta\": {\"type\": \"ecUser\"}}, or a list of them";
            Err(Problem::invalid("body", "missing_body", detail))
        }
        _ => {
            let detail = "send the header Content-Type: application/json, application/cloudevents+json or \
                          application/cloudevents-batch+json; any type with the headers ce-specversion, ce-id, \
                          ce-source and ce-type";
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail);
            Err(Problem { field: Some("Content-Type".into()), ..problem })
        }
    }
}

/// The attributes in the headers, whose values are percent-encoded.
fn attributes(headers: &HeaderMap) -> Result<Map<String, Value>, Problem> {
    let mut attributes = Map::new();
    for (header, value) in headers {
        let Some(name) = header.as_str().strip_prefix(ATTRIBUTE) else { continue };
        let wrong = |detail| Problem::invalid(header.as_str(), "invalid_header", detail);
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| wrong("must be UTF-8"))?;
        let text = percent_decode_str(text).decode_utf8().map_err(|_| wrong("must be percent-encoded UTF-8"))?;
        if attributes.insert(name.to_owned(), text.into_owned().into()).is_some() {
            return Err(wrong("is there twice"));
        }
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(given: &[(&str, &str)]) -> HeaderMap {
        let header = |(name, value): &(&str, &str)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"))
        };
        given.iter().map(header).collect()
    }

    fn check(given: &[(&str, &str)], body: &str, expected: Result<(usize, Via), &str>) {
        let found = read(&headers(given), body.as_bytes(), 64);
        let found = found.map(|it| (it.events.iter().flatten().count(), it.via)).map_err(|it| it.code.into_owned());
        assert_eq!(found, expected.map_err(str::to_owned), "{given:?} {body}");
    }

    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
    const ONE: (&str, &str) = ("content-type", "application/cloudevents+json");
    const MANY: (&str, &str) = ("content-type", "application/cloudevents-batch+json");
    const EVENT: &str = r#"{"specversion":"1.0","id":"1","source":"s","type":"t"}"#;

    #[test]
    fn the_headers_say_which_form_it_is() {
        check(&[JSON], "{}", Ok((1, Via::Http)));
        check(&[JSON], "[{},1]", Ok((2, Via::Http)));
        check(&[ONE], EVENT, Ok((1, Via::CloudEvents)));
        check(&[MANY], &format!("[{EVENT},{EVENT}]"), Ok((2, Via::CloudEvents)));
        check(&[MANY], &format!("[{EVENT},{{}},7]"), Ok((1, Via::CloudEvents)));
        let binary = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "s"), ("ce-type", "t")];
        check(&binary, "", Ok((1, Via::CloudEvents)));
        check(&[&binary[..], &[JSON]].concat(), "{\"a\":1}", Ok((1, Via::CloudEvents)));
        check(&[&binary[..], &[("content-type", "text/plain")]].concat(), "hello", Ok((1, Via::CloudEvents)));
        check(&[&binary[..], &[JSON]].concat(), "{\"a\":1,\"a\":2}", Err("duplicate_field"));
        check(&[&binary[..], &[("ce-id", "2")]].concat(), "", Err("invalid_header"));
        check(&binary[..2], "", Ok((0, Via::CloudEvents)));
        check(&[MANY], EVENT, Err("invalid_type"));
        check(&[], "", Err("missing_body"));
        check(&[], "{}", Err("unsupported_media_type"));
        check(&[("content-type", "text/plain")], "{}", Err("unsupported_media_type"));
        check(&[JSON], "{", Err("invalid_json"));
    }

    #[test]
    fn values_in_headers_are_decoded() {
        let given = [("ce-subject", "Euro%20%E2%82%AC"), ("ce-id", "a")];
        let read = attributes(&headers(&given)).expect("attributes");
        assert_eq!((&read["subject"], &read["id"]), (&Value::from("Euro €"), &Value::from("a")));
        assert!(attributes(&headers(&[("ce-subject", "%ff")])).is_err());
    }
}

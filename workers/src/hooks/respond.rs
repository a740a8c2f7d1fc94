//! From what a handler returned to what a hook's caller is answered.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How a hook answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Respond {
    /// What the handler returns is the answer: `{status, headers, body}`, or the body alone.
    #[default]
    Response,
    /// As `execute` does: `{ok: true, data}` with what the handler returned.
    Result,
    /// 202 with the job's id, before it runs.
    Accepted,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// 200 to 599.
    pub status: u16,
    /// The headers that the handler set, and the body's type.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Vec<u8>,
}

const MAX_HEADERS: usize = 50;
const MAX_HEADER_BYTES: usize = 8 << 10;

/// What a handler may not set: what belongs to the connection, to the server's own protection of its address (cookies,
/// policies, other origins' access), and to proofs of who somebody is.
const RESERVED: [&str; 24] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "date",
    "server",
    "alt-svc",
    "set-cookie",
    "set-cookie2",
    "clear-site-data",
    "strict-transport-security",
    "content-security-policy",
    "content-security-policy-report-only",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "service-worker-allowed",
    "sourcemap",
];

/// The answer that a handler's result (JSON text) is; the error says what is wrong with it.
pub(super) fn answer(result: &str, respond: Respond) -> Result<Answer, String> {
    let value: Value = serde_json::from_str(result).map_err(|_| "is not JSON".to_owned())?;
    match (respond, value) {
        (Respond::Response, Value::Object(fields)) if is_response(&fields) => custom(fields),
        (Respond::Response, value) => plain(value),
        (Respond::Result | Respond::Accepted, _) => {
            let headers = vec![json_type()];
            Ok(Answer { status: 200, headers, body: format!("{{\"ok\":true,\"data\":{result}}}").into_bytes() })
        }
    }
}

/// A number as `status`, and no field but those of a response: anything else is data.
fn is_response(fields: &Map<String, Value>) -> bool {
    let known = |name: &String| matches!(name.as_str(), "status" | "headers" | "body" | "encoding");
    fields.get("status").is_some_and(Value::is_number) && fields.keys().all(known)
}

fn json_type() -> (HeaderName, HeaderValue) {
    (CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

/// A body alone: nothing is 204, a text is text, anything else JSON.
fn plain(value: Value) -> Result<Answer, String> {
    if value.is_null() {
        return Ok(Answer { status: 204, headers: Vec::new(), body: Vec::new() });
    }
    let (kind, body) = body(value);
    Ok(Answer { status: 200, headers: vec![(CONTENT_TYPE, kind)], body })
}

fn body(value: Value) -> (HeaderValue, Vec<u8>) {
    match value {
        Value::String(text) => (HeaderValue::from_static("text/plain; charset=utf-8"), text.into_bytes()),
        value => (json_type().1, value.to_string().into_bytes()),
    }
}

fn custom(mut fields: Map<String, Value>) -> Result<Answer, String> {
    let status = fields.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.filter(|status| (200..=599).contains(status));
    let status = status.ok_or("status must be a whole number from 200 to 599")?;
    let mut headers = fields.remove("headers").map_or(Ok(Vec::new()), headers)?;
    let (kind, body) = match (fields.remove("body").unwrap_or(Value::Null), fields.remove("encoding")) {
        (Value::Null, None) => (None, Vec::new()),
        (value, None) => {
            let (kind, body) = body(value);
            (Some(kind), body)
        }
        (Value::String(text), Some(Value::String(encoding))) if encoding == "base64" => {
            let body = STANDARD.decode(text).map_err(|_| "body must be base64, as encoding says")?;
            (Some(HeaderValue::from_static("application/octet-stream")), body)
        }
        (_, Some(_)) => return Err("encoding must be \"base64\", with a text as body".into()),
    };
    let bodiless = matches!(status, 204 | 205 | 304);
    if bodiless && !body.is_empty() {
        return Err(format!("an answer with the status {status} has no body"));
    }
    if let Some(kind) = kind.filter(|_| !headers.iter().any(|(name, _)| name == CONTENT_TYPE)) {
        headers.push((CONTENT_TYPE, kind));
    }
    Ok(Answer { status, headers, body })
}

fn headers(value: Value) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let Value::Object(fields) = value else { return Err("headers must be an object".into()) };
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for (written, value) in fields {
        let shown: String = written.chars().take(60).collect();
        let name: HeaderName = written.parse().map_err(|_| format!("{shown:?} is not the name of a header"))?;
        if RESERVED.contains(&name.as_str()) || name.as_str().starts_with("access-control-") {
            return Err(format!("the header {name} is not a handler's to set"));
        }
        if headers.iter().any(|(other, _)| *other == name) {
            return Err(format!("the header {name} is there twice; several values are a list"));
        }
        let values = match value {
            Value::Array(values) if name != CONTENT_TYPE => values,
            value => vec![value],
        };
        for value in values {
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                _ => return Err(format!("the header {name} must be a text, a number, or a list of them")),
            };
            let value = HeaderValue::from_str(&text).ok().filter(|_| text.is_ascii());
            let value = value
                .ok_or_else(|| format!("the header {name} has characters that no header has, such as a line end"))?;
            headers.push((name.clone(), value));
        }
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return Err(format!("headers may be {MAX_HEADERS} with {MAX_HEADER_BYTES} bytes together"));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: &Value) -> Result<(u16, String, String), String> {
        let answer = answer(&value.to_string(), Respond::Response)?;
        let kind = answer.headers.iter().find(|(name, _)| name == CONTENT_TYPE);
        let kind = kind.map_or("", |(_, value)| value.to_str().expect("ASCII")).to_owned();
        Ok((answer.status, kind, String::from_utf8_lossy(&answer.body).into_owned()))
    }

    #[test]
    fn what_a_handler_returns_is_the_answer() {
        let check = |value: Value, status: u16, kind: &str, body: &str| {
            assert_eq!(of(&value), Ok((status, kind.to_owned(), body.to_owned())), "{value}");
        };
        const TEXT: &str = "text/plain; charset=utf-8";
        check(json!(null), 204, "", "");
        check(json!("hi"), 200, TEXT, "hi");
        check(json!({ "a": 1 }), 200, "application/json", r#"{"a":1}"#);
        check(json!({ "status": 201 }), 201, "", "");
        check(json!({ "status": 201, "body": { "a": 1 } }), 201, "application/json", r#"{"a":1}"#);
        check(json!({ "status": 200, "body": "hi" }), 200, TEXT, "hi");
        check(json!({ "status": 200, "headers": { "Content-Type": "text/csv" }, "body": "a" }), 200, "text/csv", "a");
        check(
            json!({ "status": 200, "body": "AAE=", "encoding": "base64" }),
            200,
            "application/octet-stream",
            "\u{0}\u{1}",
        );
        // Data that only looks a little like a response.
        check(json!({ "status": "done" }), 200, "application/json", r#"{"status":"done"}"#);
        check(json!({ "body": "x" }), 200, "application/json", r#"{"body":"x"}"#);
        check(json!({ "status": 404, "reason": "x" }), 200, "application/json", r#"{"reason":"x","status":404}"#);
        let result = answer("{\"status\":404}", Respond::Result).expect("an answer");
        assert_eq!((result.status, &*result.body), (200, &b"{\"ok\":true,\"data\":{\"status\":404}}"[..]));
    }

    #[test]
    fn what_cannot_be_sent_is_said() {
        let check = |value: Value, part: &str| {
            let error = of(&value).expect_err("refused");
            assert!(error.contains(part), "{value}: {error}");
        };
        let header = |name: &str, value: Value| json!({ "status": 200, "headers": { name: value } });
        check(json!({ "status": 99 }), "200 to 599");
        check(json!({ "status": 101 }), "200 to 599");
        check(json!({ "status": 200.5 }), "200 to 599");
        check(json!({ "status": 200, "headers": [] }), "an object");
        check(header("x", json!("a\r\nSet-Cookie: b=1")), "line end");
        check(header("x\r\ny", json!("a")), "not the name");
        check(header("", json!("a")), "not the name");
        check(header("x", json!("\u{e9}")), "no header has");
        check(header("x", json!({})), "a text, a number");
        for name in ["Set-Cookie", "Transfer-Encoding", "content-length", "Connection", "Access-Control-Allow-Origin"] {
            check(header(name, json!("x")), "not a handler's");
        }
        check(json!({ "status": 200, "headers": { "X-A": 1, "x-a": 2 } }), "twice");
        check(header("x", json!("a".repeat(9_000))), "8192 bytes");
        check(header("x", json!(vec!["a"; 51])), "may be 50");
        check(json!({ "status": 204, "body": "x" }), "has no body");
        check(json!({ "status": 200, "body": "*", "encoding": "base64" }), "base64");
        check(json!({ "status": 200, "body": "*", "encoding": "hex" }), "encoding must be");
    }

    #[test]
    fn a_header_with_several_values_is_a_list() {
        let value = json!({ "status": 200, "headers": { "Link": ["<a>", "<b>"], "x-n": 5 } });
        let answer = answer(&value.to_string(), Respond::Response).expect("an answer");
        let shown: Vec<String> =
            answer.headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().expect("ASCII"))).collect();
        assert_eq!(shown, ["link=<a>", "link=<b>", "x-n=5"]);
    }
}

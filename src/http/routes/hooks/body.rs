//! The body of a proven request, as the handler's payload.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;
use workers::hooks;

use super::fields;
use crate::http::error::Problem;
use crate::http::json;

/// JSON and forms are parsed; anything else is a text, or base64 where it is none. No body is `null`.
pub fn read(headers: &HeaderMap, bytes: &[u8], json_depth: usize) -> Result<Value, Problem> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = given.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match media.as_str() {
        "application/json" => json::parse(bytes, json_depth),
        media if media.starts_with("application/") && media.ends_with("+json") => json::parse(bytes, json_depth),
        "application/x-www-form-urlencoded" => Ok(Value::Object(fields::read(bytes))),
        _ => Ok(Value::String(hooks::written_bytes(bytes).0)),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn with(kind: &'static str, bytes: &[u8]) -> Result<Value, Problem> {
        read(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]), bytes, 8)
    }

    #[test]
    fn the_type_says_how_a_body_is_read() {
        let check =
            |kind, bytes: &[u8], expected: Value| assert_eq!(with(kind, bytes).expect(kind), expected, "{kind}");
        check("application/json", b"{\"a\":1}", json!({ "a": 1 }));
        check("Application/JSON; charset=utf-8", b"[1]", json!([1]));
        check("application/cloudevents+json", b"{}", json!({}));
        check("application/x-www-form-urlencoded", b"a=1&b=%20", json!({ "a": "1", "b": " " }));
        check("text/plain", b"hi", json!("hi"));
        check("text/plain", b"\xff\x00", json!("/wA="));
        check("multipart/form-data; boundary=x", b"--x--", json!("--x--"));
        check("application/json", b"", json!(null));
        assert_eq!(read(&HeaderMap::new(), b"{}", 8).expect("text"), json!("{}"));
        assert_eq!(&*with("application/json", b"{").expect_err("refused").code, "invalid_json");
        assert_eq!(&*with("application/json", b"{\"a\":1,\"a\":2}").expect_err("refused").code, "duplicate_field");
    }
}

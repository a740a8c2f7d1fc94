//! The handler's `request`: what came besides the payload, without what proved the caller.

use axum::http::header::{CONNECTION, UPGRADE};
use axum::http::header::{COOKIE, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING};
use axum::http::request::Parts;
use serde_json::{Map, Value, json};
use workers::hooks;

use super::fields;

/// Headers of the connection, which say nothing of the request.
const OF_THE_CONNECTION: [HeaderName; 7] =
    [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// `{ method, path, query, headers, rawBody, rawBodyEncoding }`; `concealed` is the parameter with the token.
pub fn view(parts: &Parts, query: &str, concealed: Option<&str>, body: &[u8]) -> Value {
    let mut query = fields::read(query.as_bytes());
    if let Some(name) = concealed {
        query.remove(name);
    }
    let (raw, encoding) = hooks::written_bytes(body);
    json!({
        "method": parts.method.as_str(),
        "path": path(parts.uri.path()),
        "query": query,
        "headers": headers(parts),
        "rawBody": raw,
        "rawBodyEncoding": encoding,
    })
}

/// What follows `/hooks/{workspace}/{name}`, as it was sent; at least `/`.
fn path(whole: &str) -> &str {
    let after = whole.match_indices('/').nth(3).map_or("/", |(at, _)| &whole[at..]);
    if after.is_empty() { "/" } else { after }
}

/// Names in lower case; several values of one name are joined as RFC 9110 has it.
fn headers(parts: &Parts) -> Map<String, Value> {
    let kept = parts.headers.keys().filter(|name| !OF_THE_CONNECTION.contains(name));
    let joined = |name: &HeaderName| {
        let values: Vec<_> =
            parts.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let between = if name == COOKIE { "; " } else { ", " };
        (name.as_str().to_owned(), Value::String(values.join(between)))
    };
    kept.map(joined).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn a_handler_is_shown_what_came() {
        let request = Request::post("http://x/hooks/default/a@2/b%2Fc/../d?t=secret&q=1&q=2");
        let request = request.header("X-Two", "1").header("x-two", "2").header("connection", "x").header("X-Odd", "é");
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let view = view(&parts, "t=secret&q=1&q=2", Some("t"), b"\xff");
        let expected = json!({
            "method": "POST", "path": "/b%2Fc/../d", "query": { "q": ["1", "2"] },
            "headers": { "x-two": "1, 2", "x-odd": "é" }, "rawBody": "/w==", "rawBodyEncoding": "base64",
        });
        assert_eq!(view, expected);
    }

    #[test]
    fn a_path_begins_after_the_name() {
        for (whole, expected) in [("/hooks/d/a", "/"), ("/hooks/d/a/", "/"), ("/hooks/d/a/b/c/", "/b/c/")] {
            assert_eq!(path(whole), expected, "{whole}");
        }
    }
}

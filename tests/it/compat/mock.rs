//! The server that a package's integration talks to: canned answers from its `mock.json`, an echo for all else.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Headers that an echo shows; the others differ between clients or runs.
const SHOWN: [&str; 4] = ["accept", "authorization", "content-type", "x-test"];

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One package's server.
#[derive(Default)]
pub struct Mock {
    /// `METHOD /path` to `{ status, headers, json | text }`; a path may end with `*`.
    routes: Map<String, Value>,
    /// What was asked, for `GET /_requests`.
    log: Vec<Value>,
}

impl Mock {
    /// Reads a `mock.json`.
    pub fn new(text: &str) -> serde_json::Result<Self> {
        Ok(Self { routes: serde_json::from_str(text)?, log: Vec::new() })
    }

    /// Answers a request; header names are lower case.
    pub fn answer(&mut self, method: &str, target: &str, headers: &BTreeMap<String, String>, body: &[u8]) -> Response {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path == "/_requests" {
            return Response::json(200, &Value::Array(self.log.clone()));
        }
        let asked = echo(method, path, query, headers, body);
        self.log.push(asked.clone());
        match self.route(method, path) {
            Some(route) => Response::canned(route),
            None => Response::json(200, &asked),
        }
    }

    fn route(&self, method: &str, path: &str) -> Option<&Value> {
        let wanted = format!("{method} {path}");
        self.routes.get(&wanted).or_else(|| {
            self.routes.iter().find_map(|(name, route)| {
                let start = name.strip_suffix('*')?;
                wanted.starts_with(start).then_some(route)
            })
        })
    }
}

/// What an integration can see of its own request.
fn echo(method: &str, path: &str, query: &str, headers: &BTreeMap<String, String>, body: &[u8]) -> Value {
    let boundary = headers.get("content-type").and_then(|value| value.split("boundary=").nth(1)).unwrap_or_default();
    let plain = |text: &str| match boundary {
        "" => text.to_owned(),
        boundary => text.replace(boundary.trim_matches('"'), "BOUNDARY"),
    };
    let shown: BTreeMap<&str, String> =
        SHOWN.iter().filter_map(|name| Some((*name, plain(headers.get(*name)?)))).collect();
    json!({
        "method": method, "path": path, "query": query, "headers": shown,
        "body": plain(&String::from_utf8_lossy(body)),
    })
}

impl Response {
    fn json(status: u16, value: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: value.to_string().into_bytes() }
    }

    fn canned(route: &Value) -> Self {
        let status = route["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
        let mut response = match (&route["json"], route["text"].as_str()) {
            (Value::Null, Some(text)) => {
                let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
                Self { status, headers, body: text.as_bytes().to_vec() }
            }
            (value, _) => Self::json(status, value),
        };
        for (name, value) in route["headers"].as_object().into_iter().flatten() {
            response.headers.retain(|(known, _)| known != name);
            response.headers.push((name.clone(), value.as_str().unwrap_or_default().to_owned()));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canned_answers_come_before_the_echo_and_all_is_written_down() {
        let routes =
            r#"{ "GET /a": { "status": 418, "json": [1], "headers": { "x": "y" } }, "PUT /b/*": { "text": "t" } }"#;
        let mut mock = Mock::new(routes).unwrap();
        let none = BTreeMap::new();
        let teapot = mock.answer("GET", "/a?q", &none, b"");
        assert_eq!((teapot.status, teapot.body.as_slice()), (418, b"[1]".as_slice()));
        assert!(teapot.headers.contains(&("x".into(), "y".into())));
        assert_eq!(mock.answer("PUT", "/b/c/d", &none, b"").body, b"t");
        let headers = BTreeMap::from([("content-type".to_owned(), "multipart/form-data; boundary=77".to_owned())]);
        let echoed: Value = serde_json::from_slice(&mock.answer("POST", "/c?x=1", &headers, b"--77--").body).unwrap();
        assert_eq!((&echoed["body"], &echoed["query"]), (&json!("--BOUNDARY--"), &json!("x=1")));
        let log: Value = serde_json::from_slice(&mock.answer("GET", "/_requests", &none, b"").body).unwrap();
        assert_eq!(log.as_array().map(Vec::len), Some(3));
    }
}

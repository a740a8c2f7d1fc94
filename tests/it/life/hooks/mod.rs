//! Hooks over real HTTP: what other services send is proven, run and answered.

mod answers;
mod attacks;
mod proofs;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use workers::hooks::{Signing, read_auth};

use crate::support::{Server, within};

/// An answer of a hook.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("JSON: {} {}", self.status, self.text()))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A request to a hook.
#[derive(Clone)]
struct Call {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { method: Method::POST, path: path.into(), headers: Vec::new(), body: body.into() }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn json(self) -> Self {
        self.header("content-type", "application/json")
    }

    fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// With the proof that `auth` asks for, as of now.
    fn signed(self, auth: &Value, secret: &str) -> Self {
        self.signed_at(auth, secret, now())
    }

    fn signed_at(mut self, auth: &Value, secret: &str, timestamp: i64) -> Self {
        let signing = Signing { timestamp, id: format!("msg_{}", rand::random::<u64>()) };
        let auth = read_auth("auth", auth.clone()).expect("valid");
        self.headers.extend(auth.prove(secret, &self.body, &signing).expect("a key").0);
        self
    }
}

fn now() -> i64 {
    use schedules::Clock;
    schedules::SystemClock.now().0 / 1_000
}

/// Sends it to `/hooks/default` and what the path says.
async fn send(server: &Server, call: &Call) -> Answer {
    let url = format!("{}/hooks/default/{}", server.url(), call.path);
    let request = server.client().request(call.method.clone(), url).body(call.body.clone());
    let request = call.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    within(&call.path, async {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.expect("the answer is complete").to_vec() }
    })
    .await
}

/// Saves and releases a hook.
async fn deploy(server: &Server, name: &str, code: &str, http: Value) {
    server.deploy_as(name, "http", code, json!({ "http": http })).await;
}

async fn secret(server: &Server, name: &str, value: &str) {
    let (status, answer) = server.call("PUT", &format!("/v1/secrets/{name}"), Some(json!({ "value": value }))).await;
    assert_eq!(status, 204, "{answer}");
}

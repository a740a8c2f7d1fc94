//! The HTTP plane against real stores, without a worker: nothing runs, so every answer is the edge's own.

mod auth;
mod dead;
mod hooks;
mod malformed;
mod openapi;
mod pending;
mod plane;
mod publishable;
mod secrets;
mod situations;
mod streams;
mod timetable;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use schedules::{ManualClock, Millis};
use scripts::protocol::{Bundle, Format};
use serde_json::{Value, json};
use store::catalog::{Bump, Draft, LogLine, NewIntegration, NewRelease, Outcome, Retention, RunRecord, Trigger};
use store::queue::Cause;
use store::{IntegrationId, JobId, RunId};
use tempfile::TempDir;
use tower::ServiceExt;
use workers::queue::{self, Location};
use workers::{Options, Services};

use super::{State, auth::ensure_admin_key};
use crate::metrics::Metrics;

/// 2026-03-01T09:00:00Z, a Sunday.
const NOW: Millis = Millis(1_772_355_600_000);

/// A server without a worker.
struct World {
    state: State,
    router: Router,
    clock: Arc<ManualClock>,
    admin: String,
    _data: TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with_room(1).await
    }

    /// A server with room for so many runs.
    async fn with_room(concurrency: usize) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::new(NOW));
        let metrics = Metrics::new("0.0.0", Some(data.path().to_owned())).expect("metrics");
        let observers: Vec<Arc<dyn workers::Observer>> = vec![Arc::new(metrics.clone())];
        let small = Options::small(data.path(), Location::Embedded(data.path().join("queue.db")));
        let queue = queue::Options { max_jobs: 1_000, ..small.queue };
        let retention = Retention { max_count: 1_000, ..small.retention };
        let options = Options { concurrency, queue, retention, ..small };
        let services = Services::open(options, clock.clone(), observers).await.expect("services");
        let admin = ensure_admin_key(&services, None).await.expect("key").expect("the first start makes a key");
        let state = State::new(services, metrics, "0.0.0");
        Self { router: super::router::router(state.clone()), state, clock, admin, _data: data }
    }

    /// A world with the released integration `a`, and the recurring one `tick`.
    async fn with_integrations() -> Self {
        let world = Self::new().await;
        world.integration("a", Trigger::Experience, json!({})).await;
        let schedule = json!({"schedule": {"every": "day", "at": "06:00"}});
        world.integration("tick", Trigger::Recurring, schedule).await;
        world
    }

    async fn integration(&self, name: &str, trigger: Trigger, settings: Value) -> IntegrationId {
        let (services, id) = (&self.state.services, IntegrationId::new(NOW));
        let files = BTreeMap::from([("integration.js".to_owned(), "module.exports = async () => 1".to_owned())]);
        let draft = Draft { files: files.clone(), settings: settings.to_string(), sample: "null".into(), lock: None };
        let (workspace, description) = (services.options.workspace.clone(), "for tests".to_owned());
        let name = name.to_owned();
        let new = NewIntegration { id, workspace, name, description, trigger, draft, created: NOW };
        services.catalog.create(new).await.expect("created");
        let bundle = Bundle {
            entry: "integration.js".into(),
            format: Format::CommonJs,
            code: String::new(),
            map: None,
            source: None,
            hash: String::new(),
        };
        let (settings, bundle) = (settings.to_string(), serde_json::to_string(&bundle).expect("JSON"));
        let release =
            NewRelease { integration: id, files, settings, bundle, lock: None, note: String::new(), created: NOW };
        services.catalog.release(release, Bump::Minor).await.expect("released");
        services.directory.reload().await.expect("reloaded");
        id
    }

    /// A finished run of `integration` in the history.
    async fn run(&self, integration: &str, outcome: Outcome) -> RunRecord {
        let run = self.record(integration, outcome);
        self.state.services.catalog.record(vec![run.clone()]).await.expect("recorded");
        run
    }

    fn record(&self, integration: &str, outcome: Outcome) -> RunRecord {
        let entry = self.state.services.directory.by_name(integration).expect("the integration");
        RunRecord {
            id: RunId::new(NOW),
            job: JobId::new(NOW),
            integration: entry.id,
            workspace: self.state.services.options.workspace.clone(),
            integration_name: integration.to_owned(),
            release: entry.latest,
            cause: Cause::Execute,
            attempt: 1,
            outcome,
            queued: NOW,
            due: NOW,
            started: Some(NOW),
            finished: NOW.after(5),
            key: Some("{\"n\":1}".into()),
            result: Some("[1, 2]".into()),
            error: None,
            logs: vec![line(0, "boot", "cached"), line(4, "end", "Execution finished in 4ms")],
        }
    }

    /// A key with these scopes, bound to these integrations and origins.
    async fn key(&self, scopes: &[&str], integrations: &[&str], origins: &[&str]) -> String {
        let body = json!({"name": "test", "scopes": scopes, "integrations": integrations, "origins": origins});
        let answer = self.post("/v1/api-keys", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        answer.json()["key"].as_str().expect("the key").to_owned()
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&Ask::new(Method::GET, path).key(&self.admin)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(&Ask::new(Method::POST, path).key(&self.admin).json(body)).await
    }

    /// Asks, reads the whole answer, and checks what is true of every answer.
    async fn ask(&self, ask: &Ask) -> Answer {
        let response = self.router.clone().oneshot(ask.request()).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body").to_bytes();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        check_every(ask, &answer);
        answer
    }
}

fn line(at_ms: u32, level: &str, message: &str) -> LogLine {
    LogLine { at_ms, level: level.into(), message: message.into(), detail: None }
}

/// What is true of every answer: headers, and the shape of refusals.
fn check_every(ask: &Ask, answer: &Answer) {
    let header = |name: &str| answer.header(name);
    assert_eq!(header("x-content-type-options"), "nosniff", "{ask:?}");
    assert!(header("content-security-policy").contains("default-src 'none'"), "{ask:?}");
    assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{ask:?}");
    assert_eq!(header("cache-control"), "no-store", "{ask:?}");
    if !answer.status.is_success() && ask.method != Method::HEAD && ask.path != "/readyz" {
        let code = answer.code();
        let ask =
            format!("{} {} {}", ask.method, ask.path, String::from_utf8_lossy(&ask.body[..ask.body.len().min(120)]));
        assert!(
            !code.is_empty() && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "{ask:?} {code}"
        );
        let media = if answer.json().get("ok").is_some() { "application/json" } else { "application/problem+json" };
        assert_eq!(header("content-type"), media, "{ask:?}");
    }
}

/// A request to be.
#[derive(Clone, Debug)]
struct Ask {
    method: Method,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
}

impl Ask {
    fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    fn key(self, key: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), format!("Bearer {key}"))
    }

    fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn json(self, body: &Value) -> Self {
        self.body(body.to_string()).header(CONTENT_TYPE.as_str(), "application/json")
    }

    fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    fn request(&self) -> Request<Body> {
        let request = Request::builder().method(self.method.clone()).uri(&self.path);
        let request =
            self.headers.iter().fold(request, |request, (name, value)| request.header(name, value.as_slice()));
        request.body(Body::from(self.body.clone())).expect("a request")
    }
}

/// A whole answer.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("JSON: {} {}", self.status, self.text()))
    }

    fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
    }

    /// The error's code, in either shape.
    fn code(&self) -> String {
        let json = self.json();
        json["code"].as_str().or(json["error"]["code"].as_str()).unwrap_or_default().to_owned()
    }

    /// The error's field, in either shape.
    fn field(&self) -> String {
        let json = self.json();
        json["field"].as_str().or(json["error"]["field"].as_str()).unwrap_or_default().to_owned()
    }
}

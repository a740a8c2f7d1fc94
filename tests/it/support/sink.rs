//! A server that takes every request, answers 200 and keeps what it got.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::within;

/// A request that came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Such as `POST`.
    pub method: String,
    /// With the query.
    pub path: String,
    /// The body as JSON, or as text when it is none.
    pub body: Value,
}

type Requests = Arc<watch::Sender<Vec<Request>>>;

/// The server; it ends with the test's runtime.
pub struct Sink {
    address: SocketAddr,
    requests: Requests,
}

impl Sink {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests: Requests = Arc::new(watch::channel(Vec::new()).0);
        let router = Router::new().fallback(take).with_state(requests.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, requests }
    }

    /// Its address, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What opens exactly this server to scripts.
    pub fn opening(&self) -> String {
        format!("{}/32:{}", self.address.ip(), self.address.port())
    }

    /// What came in so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    /// Gives what came in so far, and forgets it.
    pub fn take(&self) -> Vec<Request> {
        let mut taken = Vec::new();
        self.requests.send_modify(|requests| taken = std::mem::take(requests));
        taken
    }

    /// Waits until at least `n` requests came in.
    pub async fn wait_for_count(&self, n: usize) {
        let mut changes = self.requests.subscribe();
        let enough = changes.wait_for(|requests| requests.len() >= n);
        within(&format!("{n} requests"), enough).await.expect("the sink runs");
    }

    /// Waits until requests with at least `n` different numbers (`n` in their body) came in.
    pub async fn wait_for_distinct(&self, n: usize) {
        let mut changes = self.requests.subscribe();
        let (mut seen, mut read) = (HashSet::new(), 0);
        let enough = changes.wait_for(|requests| {
            seen.extend(requests[read..].iter().filter_map(|request| request.body["n"].as_i64()));
            read = requests.len();
            seen.len() >= n
        });
        within(&format!("{n} different requests"), enough).await.expect("the sink runs");
    }

    /// Waits until at least `n` requests came in; gives them all.
    pub async fn wait_for(&self, n: usize) -> Vec<Request> {
        let mut changes = self.requests.subscribe();
        let enough = changes.wait_for(|requests| requests.len() >= n);
        within(&format!("{n} requests"), enough).await.expect("the sink runs").clone()
    }
}

async fn take(State(requests): State<Requests>, method: Method, uri: Uri, body: String) -> axum::Json<Value> {
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    let request = Request { method: method.to_string(), path: uri.to_string(), body };
    requests.send_modify(|all| all.push(request));
    axum::Json(json!({ "ok": true }))
}

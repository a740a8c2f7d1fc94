//! A mock on a free port, and the registry with the packages that `make compat-packages` fetched.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use tokio::net::TcpListener;

use super::corpus::root;
use super::mock::Mock;
use crate::support::Registry;

/// The registry that serves the locked packages.
pub fn registry() -> Registry {
    let registry = Registry::start();
    let cache = root().join("target/compat/npm");
    assert!(cache.is_dir(), "{} is missing: `make compat-packages` fetches it", cache.display());
    registry.serve_locked(&root().join("tests/compat/lock.json"), &cache);
    registry
}

/// Serves a mock; its address.
pub async fn serve(mock: Mock) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(answer).with_state(Arc::new(Mutex::new(mock)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn answer(
    State(mock): State<Arc<Mutex<Mock>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let mut mock = mock.lock().unwrap_or_else(PoisonError::into_inner);
    let answered = mock.answer(method.as_str(), target, &headers, &body);
    let mut response = Response::builder().status(answered.status);
    for (name, value) in answered.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answered.body)).expect("a mock's answer is HTTP")
}

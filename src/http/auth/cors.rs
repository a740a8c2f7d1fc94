//! What browsers may do: only origins that an API key names, exactly, and never with cookies.

use axum::extract::{Request, State as Extracted};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::keys::Caller;
use crate::http::error::Problem;
use crate::http::state::State;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, idempotency-key, prefer");
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after, preference-applied");

/// Answers a browser's question before the request; it cannot carry the key, so any key that names the origin counts.
pub async fn preflight(Extracted(state): Extracted<State>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let asks = request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let Some(origin) = headers.get(ORIGIN).filter(|_| asks && request.uri().path().starts_with("/v1/")) else {
        return next.run(request).await;
    };
    let origin = origin.clone();
    let known = match origin.to_str() {
        Ok(text) => state.keys.any_from(text).await,
        Err(_) => Ok(false),
    };
    match known {
        Ok(true) => allowed(origin),
        Ok(false) => Problem::forbidden("origin_not_allowed", "no API key names this origin").into_response(),
        Err(problem) => problem.into_response(),
    }
}

fn allowed(origin: HeaderValue) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    headers.insert(VARY, HeaderValue::from_static("origin"));
    response
}

/// Lets a browser read an answer if the key names its origin.
pub fn allow(mut response: Response, origin: Option<&HeaderValue>, caller: &Caller) -> Response {
    let Some(origin) = origin else { return response };
    if caller.origins().iter().any(|held| held.as_bytes() == origin.as_bytes()) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    response
}

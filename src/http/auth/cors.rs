//! What browsers may do: only origins that an API key names, exactly, and never with cookies.

use axum::extract::{MatchedPath, Request, State as Extracted};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::keys::{Caller, Reach};
use crate::http::edge;
use crate::http::error::Problem;
use crate::http::state::State;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE");
const CALL_METHODS: HeaderValue = HeaderValue::from_static("POST");
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
    let reach = match origin.to_str() {
        Ok(text) => state.keys.reach(text).await,
        Err(_) => Ok(None),
    };
    match reach {
        Ok(Some(Reach::Everything)) => allowed(origin, METHODS),
        Ok(Some(Reach::Calls)) if is_call(&request) => allowed(origin, CALL_METHODS),
        Ok(Some(Reach::Calls)) => {
            let detail = "only publishable API keys name this origin: they execute, schedule, reschedule and cancel";
            Problem::forbidden("publishable_key", detail).into_response()
        }
        Ok(None) => Problem::forbidden("origin_not_allowed", "no API key names this origin").into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// Whether a preflight asks for one of the calls that publishable keys may make.
fn is_call(request: &Request) -> bool {
    let path = request.extensions().get::<MatchedPath>();
    let method = request.headers().get(ACCESS_CONTROL_REQUEST_METHOD);
    path.is_some_and(|path| edge::is_call(path.as_str())) && method.is_some_and(|method| method == "POST")
}

fn allowed(origin: HeaderValue, methods: HeaderValue) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    headers.insert(VARY, HeaderValue::from_static("origin"));
    response
}

/// Lets a browser read an answer if the key names its origin.
pub fn allow(response: Response, origin: Option<&HeaderValue>, caller: &Caller) -> Response {
    match origin {
        Some(origin) if caller.origins().iter().any(|held| held.as_bytes() == origin.as_bytes()) => {
            readable(response, origin)
        }
        _ => response,
    }
}

/// Lets a browser read that its key is not valid, if another key names its origin: else a page would take it for a
/// network that is down.
pub async fn allow_refusal(state: &State, response: Response, origin: Option<&HeaderValue>) -> Response {
    let Some((origin, text)) = origin.and_then(|origin| Some((origin, origin.to_str().ok()?))) else {
        return response;
    };
    match state.keys.reach(text).await {
        Ok(Some(_)) => readable(response, origin),
        _ => response,
    }
}

fn readable(mut response: Response, origin: &HeaderValue) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(VARY, HeaderValue::from_static("origin"));
    response
}

//! What every request passes on its way in and every answer on its way out, whatever its route.

use std::any::Any;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State as Extracted};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use schedules::Stopwatch;
use tower_http::catch_panic::CatchPanicLayer;

use super::auth::cors;
use super::drain::drain;
use super::error::{Plane, Problem, render};
use super::state::State;

/// The calls of integrations, which web pages may make as well.
const CALLS: [&str; 4] = [
    "/v1/integrations/{name}/execute",
    "/v1/integrations/{name}/schedule",
    "/v1/integrations/{name}/reschedule",
    "/v1/integrations/{name}/cancel",
];

/// The routes of hooks.
const HOOKS: [&str; 3] =
    ["/hooks/{workspace}/{name}", "/hooks/{workspace}/{name}/", "/hooks/{workspace}/{name}/{*rest}"];

/// The route whose `POST` belongs to the invocation plane, and whose `GET` to the other.
const EVENTS: &str = "/v1/events";

/// Whether this route is that of a call.
pub fn is_call(route: &str) -> bool {
    CALLS.contains(&route)
}

/// Whether errors of this route have the shape of the invocation plane.
pub fn is_invocation(route: &str, is_post: bool) -> bool {
    is_call(route) || HOOKS.contains(&route) || is_post && route == EVENTS
}

/// Wraps all routes and fallbacks; the last layer is the outermost.
pub fn wrap(router: Router, state: State) -> Router {
    router
        .layer(from_fn_with_state(state.clone(), cors::preflight))
        .layer(from_fn_with_state(state.clone(), bounds))
        .layer(from_fn(drain))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(state, finish))
}

/// Refuses requests whose address or headers are too long.
async fn bounds(Extracted(state): Extracted<State>, request: Request, next: Next) -> Response {
    let uri_bytes = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri_bytes > state.limits.uri_bytes {
        let detail = format!("path and query may have at most {} bytes", state.limits.uri_bytes);
        return Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail).into_response();
    }
    if header_bytes(request.headers()) > state.limits.header_bytes {
        let detail = format!("headers may have at most {} bytes", state.limits.header_bytes);
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Problem::new(status, "headers_too_large", detail).into_response();
    }
    next.run(request).await
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let cause = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(%cause, "a handler panicked: this is a bug");
    Problem::internal().into_response()
}

/// Writes the error's body in the plane's shape, puts the security headers on, and counts the request.
async fn finish(Extracted(state): Extracted<State>, request: Request, next: Next) -> Response {
    let clock = Stopwatch::start();
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let method = request.method().clone();
    let route = matched.as_deref().unwrap_or("none");
    let plane = if is_invocation(route, method == Method::POST) { Plane::Invocation } else { Plane::Management };
    let mut response = render(next.run(request).await, plane);
    harden(response.headers_mut());
    let status = response.status().as_u16();
    state.metrics.api_request(route, &method, status, clock.elapsed());
    tracing::debug!(%method, route, status, duration_ms = clock.elapsed_ms(), "answered");
    response
}

/// Headers every answer has; a page may have set a policy of its own.
fn harden(headers: &mut HeaderMap) {
    let defaults = [
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

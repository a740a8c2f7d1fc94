//! Hooks: requests of other services to integrations with the trigger `http`.

mod answer;
mod body;
mod fields;
mod request;

use axum::extract::{Request, State as Extracted};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ALLOW, CONTENT_SECURITY_POLICY, ORIGIN, VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use utoipa_axum::router::{UtoipaMethodRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;
use workers::hooks::{self, Hook, Open};

use crate::http::body::collect;
use crate::http::error::Problem;
use crate::http::state::State;

/// What a browser may do with an answer: nothing. Pages of the server's own address are not a handler's to make.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox");

/// The route as it is described, by POST, and with every other method.
pub fn described() -> UtoipaMethodRouter<State> {
    routes!(receive).map(|methods| methods.fallback(receive))
}

/// Call an HTTP trigger
///
/// Which methods it takes, how its callers prove themselves (`settings.http.auth`) and what it answers is for the
/// integration's settings to say. What follows the name in the path is the handler's `request.path`. Any body is taken:
/// JSON and forms are parsed for the handler, everything else is text, or base64 where it is none.
#[utoipa::path(post, operation_id = "callHook", path = "/hooks/{workspace}/{name}", tag = "hooks",
    request_body(content = String, content_type = "*/*", description = "Whatever the sender sends, at most 256 KiB"),
    params(
        ("workspace" = String, Path, description = "The workspace", example = "default"),
        ("name" = String, Path, description = "`name`, or `name@2` for its second major release", example = "stripe-events"),
    ),
    responses(
        (status = 200, description = "What the handler answered, with the status it chose; or `{ok, data}`"),
        (status = 202, description = "With `respond: \"accepted\"`: `{ok, data: {jobId}}`"),
        (status = 204, description = "The handler returned nothing"),
        (status = 400, description = "The body is not what its `Content-Type` says"),
        (status = 401, description = "The caller is not proven, or the same signed request came before"),
        (status = 404, description = "There is no such hook"),
        (status = 405, description = "The hook does not take this method: the header `Allow` names those it takes"),
        (status = 413, description = "The body is too large"),
        (status = 429, description = "A rate limit refused it: `Retry-After` tells when to come back"),
        (status = 502, description = "The run failed, or what it returned cannot be sent"),
        (status = 503, description = "The integration is paused, or the engine is full"),
        (status = 504, description = "`execution_pending`: the run takes longer than the caller may wait, and goes on"),
    ))]
pub async fn receive(Extracted(state): Extracted<State>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let open = match find(&state, &parts).await {
        Ok(open) => open,
        Err(problem) => return problem.into_response(),
    };
    let asker = asker(&open, &parts);
    if let Some(origin) = asker.as_ref().filter(|_| is_preflight(&parts)) {
        return preflight(&open, &parts, origin);
    }
    let answer = match answered(&state, &open, parts, body).await {
        Ok(answer) => answer,
        Err(problem) => problem.into_response(),
    };
    for_browsers(answer, &open, asker)
}

/// The hook of the path. Whatever there is not, the answer is the same.
async fn find(state: &State, parts: &Parts) -> Result<Open, Problem> {
    let none = || Problem::not_found("hook_not_found", "there is no such hook");
    // By hand: what follows the name need not be UTF-8.
    let mut segments = parts.uri.path().split('/').skip(2);
    let mut segment = || percent_decode_str(segments.next().unwrap_or("")).decode_utf8().map_err(|_| none());
    let (workspace, name) = (segment()?, segment()?);
    hooks::open(&state.services, &workspace, &name).await?.ok_or_else(none)
}

async fn answered(state: &State, open: &Open, mut parts: Parts, body: axum::body::Body) -> Result<Response, Problem> {
    let http = &open.http;
    if !http.methods.contains(&parts.method) {
        let names: Vec<&str> = http.methods.iter().map(Method::as_str).collect();
        let allow = HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static("POST"));
        return Err(Problem::method_not_allowed(parts.method.as_str()).header(ALLOW, allow));
    }
    let query = parts.uri.query().unwrap_or("").to_owned();
    let refused = |refusal| {
        open.refused(&state.services, refusal);
        answer::refused(refusal, &http.auth)
    };
    let claim = open.check_head(&state.services, &parts.headers, &query).map_err(refused)?;
    let bytes = collect(&parts.headers, body, http.max_body_bytes, &state.limits).await?;
    let seen = claim.map(|claim| claim.check_body(&bytes)).transpose().map_err(refused)?.flatten();
    // Only now is anything read that a stranger could have written.
    let payload = body::read(&parts.headers, &bytes, state.limits.json_depth)?;
    http.auth.conceal(&mut parts.headers);
    let request = request::view(&parts, &query, http.auth.concealed_parameter(), &bytes);
    let received = hooks::receive(&state.services, open, Hook { payload, request, seen }).await;
    answer::of(received, refused)
}

/// The origin of a page that asks, if the hook lets its scripts call it.
fn asker(open: &Open, parts: &Parts) -> Option<HeaderValue> {
    let origin = parts.headers.get(ORIGIN)?;
    let any = open.http.origins.iter().any(|held| held == "*");
    let named = open.http.origins.iter().any(|held| held.as_bytes() == origin.as_bytes());
    match (named, any) {
        (true, _) => Some(origin.clone()),
        (false, true) => Some(HeaderValue::from_static("*")),
        (false, false) => None,
    }
}

fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// What a browser asks before the request; the request proves itself, so nothing is told by this.
fn preflight(open: &Open, parts: &Parts, origin: &HeaderValue) -> Response {
    let names: Vec<&str> = open.http.methods.iter().map(Method::as_str).collect();
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.extend(HeaderValue::from_str(&names.join(", ")).ok().map(|names| (ACCESS_CONTROL_ALLOW_METHODS, names)));
    let asked = parts.headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    headers.extend(asked.map(|asked| (ACCESS_CONTROL_ALLOW_HEADERS, asked)));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    headers.insert(VARY, HeaderValue::from_static("origin, access-control-request-headers"));
    response
}

fn for_browsers(mut answer: Response, open: &Open, asker: Option<HeaderValue>) -> Response {
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    if !open.http.origins.is_empty() {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    headers.extend(asker.map(|origin| (ACCESS_CONTROL_ALLOW_ORIGIN, origin)));
    answer
}

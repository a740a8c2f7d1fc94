//! Runs before every handler: the key, its origin, its rate, its scope and its integrations, in this order.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::header::{AUTHORIZATION, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use store::catalog::Scope;
use workers::invoke::Refused;
use workers::settings::rule_in_words;

use super::keys::Caller;
use super::{cors, fingerprint, publishable, token};
use crate::http::access::Access;
use crate::http::error::Problem;
use crate::http::params;
use crate::http::serve::Peer;
use crate::http::state::{MetricsAccess, State};

/// Lets a request through to its handler if the route's access allows it.
pub async fn guard(state: State, access: Access, queries: Arc<[String]>, request: Request, next: Next) -> Response {
    let Some(scope) = access.scope() else {
        return next.run(request).await;
    };
    if access == Access::Metrics && is_open(&state, &request) {
        return next.run(request).await;
    }
    let caller = match identify(&state, request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => {
            let origin = request.headers().get(ORIGIN);
            return cors::allow_refusal(&state, problem.into_response(), origin).await;
        }
    };
    let origin = request.headers().get(ORIGIN).cloned();
    let (mut parts, body) = request.into_parts();
    let allowed = match authorize(&state, &caller, access, scope, &parts.headers) {
        Ok(()) => bound_path(&caller, &mut parts, &state).await,
        Err(problem) => Err(problem),
    };
    let allowed = allowed.and_then(|()| params::only_known(&parts.uri, &queries));
    parts.extensions.insert(caller.clone());
    let response = match allowed {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    };
    cors::allow(publishable::conceal(&caller, response), origin.as_ref(), &caller)
}

/// Whether `/metrics` answers this client without a key.
fn is_open(state: &State, request: &Request) -> bool {
    // Behind a proxy on this machine every client would look local.
    let proxied =
        ["forwarded", "x-forwarded-for", "x-real-ip"].iter().any(|name| request.headers().contains_key(*name));
    let local = request.extensions().get::<Peer>().is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    match state.metrics_access {
        MetricsAccess::Anyone => true,
        MetricsAccess::Loopback => local && !proxied,
        MetricsAccess::KeyOnly => false,
    }
}

async fn identify(state: &State, headers: &HeaderMap) -> Result<Caller, Problem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (first, more) = (given.next(), given.next());
    let Some(value) = first else {
        let detail = "this route needs an API key: send the header Authorization: Bearer tg_…";
        return Err(Problem::unauthenticated("unauthenticated", detail));
    };
    let bearer = value.to_str().ok().and_then(|value| value.split_once(' '));
    let key = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
    let Some(key) = key.filter(|key| !key.is_empty() && more.is_none()) else {
        let detail = "the header Authorization must be there once, as in: Bearer tg_…";
        return Err(Problem::unauthenticated("invalid_api_key", detail));
    };
    match state.keys.find(&fingerprint(key)).await? {
        Some(caller) => Ok(caller),
        None if token::is_intact(key) => Err(Problem::unauthenticated(
            "invalid_api_key",
            "this API key is not valid: it was revoked, or is of another server",
        )),
        None => Err(Problem::unauthenticated(
            "invalid_api_key",
            "this is not an API key of this server: was it copied whole?",
        )),
    }
}

fn authorize(state: &State, caller: &Caller, access: Access, scope: Scope, headers: &HeaderMap) -> Result<(), Problem> {
    check_origin(caller, headers)?;
    state.keys.charge(caller).map_err(|retry_after_ms| {
        let rate = caller.rate();
        let per = rule_in_words(rate);
        let refused = Refused { rule: format!("{per} of this API key"), retry_after_ms: Some(retry_after_ms) };
        let problem = Problem::from(workers::Error::RateLimited(refused));
        let detail = format!("this API key made too many requests: {per} go through, {} at once", rate.burst());
        Problem { detail, ..problem }
    })?;
    publishable::check_route(caller, access)?;
    if !caller.may(scope) {
        let challenge = format!("Bearer realm=\"tidegate\", error=\"insufficient_scope\", scope=\"{scope}\"");
        let problem = Problem::forbidden("insufficient_scope", format!("this API key lacks the scope {scope}"));
        let problem = problem.with("scope", scope.name().into());
        return Err(match HeaderValue::from_str(&challenge) {
            Ok(challenge) => problem.header(WWW_AUTHENTICATE, challenge),
            Err(_) => problem,
        });
    }
    if access == Access::Unbound && caller.is_bound() {
        let detail = "this API key is bound to named integrations; this route reaches all of them";
        return Err(Problem::forbidden("integration_not_allowed", detail));
    }
    Ok(())
}

fn check_origin(caller: &Caller, headers: &HeaderMap) -> Result<(), Problem> {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    if caller.origins().is_empty() || origin.is_some_and(|origin| caller.origins().iter().any(|held| held == origin)) {
        return Ok(());
    }
    let detail = "this API key is bound to browser origins, and the header Origin names none of them";
    Err(Problem::forbidden("origin_not_allowed", detail))
}

/// A bound key reaches only paths that name one of its integrations.
async fn bound_path(caller: &Caller, parts: &mut axum::http::request::Parts, state: &State) -> Result<(), Problem> {
    if !caller.is_bound() {
        return Ok(());
    }
    let Ok(params) = RawPathParams::from_request_parts(parts, state).await else {
        return Ok(());
    };
    let named = params.iter().find(|(key, _)| *key == "name").map(|(_, value)| value);
    let name = named.map(|value| value.split_once('@').map_or(value, |(name, _)| name));
    if name.is_none_or(|name| caller.sees(name)) {
        return Ok(());
    }
    Err(Problem::forbidden("integration_not_allowed", "this API key is bound to other integrations"))
}

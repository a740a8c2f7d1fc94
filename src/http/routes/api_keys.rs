//! API keys: make one (shown once), list them, revoke one.

use std::str::FromStr;

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::{StatusCode, Uri};
use schedules::rate::Rule;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::catalog::{ApiKey, Scope};
use ulid::Ulid;
use utoipa::{IntoParams, ToSchema};
use workers::invoke::Target;
use workers::limits;

use crate::http::auth::{Token, fingerprint, shown};
use crate::http::body::{Body, Wire, typed};
use crate::http::error::Problem;
use crate::http::params::{First, Id, Number, Query, Word};
use crate::http::state::State;
use crate::http::wire::{self, List};

const MAX_NAME_CHARS: usize = 100;
const MAX_BINDINGS: usize = 100;

/// What a key may do.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeName {
    /// Everything.
    Admin,
    /// Change integrations and release them.
    Deploy,
    /// Run integrations.
    Invoke,
    /// Look at everything but secrets.
    Read,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Admin => Self::Admin,
            ScopeName::Deploy => Self::Deploy,
            ScopeName::Invoke => Self::Invoke,
            ScopeName::Read => Self::Read,
        }
    }
}

/// The key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"name": "web shop", "scopes": ["invoke"], "integrations": ["order-alert"]}))]
pub struct KeyBody {
    /// What it is for, at most 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it may do, at least one scope; `admin` includes all others. Of a publishable key it is `invoke`, and may be left out.
    #[serde(default)]
    scopes: Vec<ScopeName>,
    /// The integrations it is bound to, by name; absent or empty is all.
    #[serde(default)]
    integrations: Vec<String>,
    /// The browser origins it may be used from, such as `https://shop.example`; absent or empty is any client.
    #[serde(default)]
    origins: Vec<String>,
    /// Whether web pages show it to everyone: it must name integrations and origins, and then executes, schedules,
    /// reschedules and cancels, and nothing else.
    #[serde(default)]
    publishable: bool,
    /// Of a publishable key: whether it may cancel and reschedule by `match`, a part of a job's key.
    #[serde(default)]
    allow_match: bool,
    /// How many requests it may make (300 a second, 1000 at once), in each process of the API.
    #[schema(value_type = Option<KeyRateBody>)]
    rate_limit: Option<Value>,
    #[serde(skip)]
    rate: Option<Rule>,
}

/// A leaky bucket.
#[derive(ToSchema)]
#[schema(example = json!({"limit": 20, "interval": "1s", "burst": 100}))]
#[expect(dead_code, reason = "documentation: `workers` reads it")]
pub struct KeyRateBody {
    /// Requests per interval.
    #[schema(minimum = 1, maximum = 1_000_000)]
    limit: u32,
    /// Milliseconds, or a text such as `1s`.
    #[schema(value_type = Value)]
    interval: Value,
    /// How many at once (as `limit`).
    #[schema(minimum = 1, maximum = 1_000_000)]
    burst: Option<u32>,
}

impl Wire for KeyBody {
    fn read(value: Value) -> Result<Self, Problem> {
        let mut body: Self = typed(value)?;
        let chars = body.name.trim().chars().count();
        if !(1..=MAX_NAME_CHARS).contains(&chars) || body.name.chars().any(char::is_control) {
            let detail = format!("must have 1 to {MAX_NAME_CHARS} printable characters");
            return Err(Problem::invalid("name", "invalid_name", detail));
        }
        if body.publishable && body.scopes.is_empty() {
            body.scopes.push(ScopeName::Invoke);
        }
        let twice = body.scopes.iter().enumerate().any(|(at, scope)| body.scopes[..at].contains(scope));
        if body.scopes.is_empty() || twice {
            return Err(Problem::invalid("scopes", "invalid_scopes", "must name at least one scope, and none twice"));
        }
        check_each("integrations", &body.integrations, is_name, "must be an integration's name")?;
        check_each(
            "origins",
            &body.origins,
            is_origin,
            "must be an origin such as https://shop.example, without a path",
        )?;
        body.rate = body.rate_limit.take().map(rate).transpose()?;
        check_publishable(&body)?;
        Ok(body)
    }
}

fn rate(value: Value) -> Result<Rule, Problem> {
    if value.get("algorithm").is_some() {
        let detail = "is always a leaky bucket: leave it out";
        return Err(Problem::invalid("rateLimit.algorithm", "unknown_field", detail));
    }
    Ok(limits::numbers("rateLimit", value)?)
}

/// What everyone can see must be bound; what is bound to a page must not reach further than its calls.
fn check_publishable(body: &KeyBody) -> Result<(), Problem> {
    let refuse = |field: &str, detail: &str| Err(Problem::invalid(field, "invalid_publishable_key", detail));
    match body {
        KeyBody { publishable: false, allow_match: true, .. } => {
            refuse("allowMatch", "belongs to a publishable key; every other key may use `match`")
        }
        KeyBody { publishable: false, .. } => Ok(()),
        KeyBody { scopes, .. } if *scopes != [ScopeName::Invoke] => {
            refuse("scopes", "of a publishable key must be `invoke` alone")
        }
        KeyBody { integrations, .. } if integrations.is_empty() => {
            refuse("integrations", "must name those that a publishable key may call")
        }
        KeyBody { origins, .. } if origins.is_empty() => {
            refuse("origins", "must name the pages a publishable key is used on, such as https://shop.example")
        }
        _ => Ok(()),
    }
}

fn check_each(field: &str, list: &[String], is_fine: fn(&str) -> bool, right: &str) -> Result<(), Problem> {
    if list.len() > MAX_BINDINGS {
        return Err(Problem::invalid(field, "too_many", format!("must have at most {MAX_BINDINGS} entries")));
    }
    match list.iter().position(|item| !is_fine(item)) {
        Some(at) => Err(Problem::invalid(format!("{field}[{at}]"), "invalid_value", right)),
        None => Ok(()),
    }
}

fn is_name(text: &str) -> bool {
    Target::from_str(text).is_ok_and(|target| target.major.is_none())
}

/// Whether this is exactly what a browser sends: a scheme, a host in lower case, a port unless it is the usual one.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return false;
    };
    let usual = matches!((scheme, authority.port_u16()), ("http", Some(80)) | ("https", Some(443)));
    let plain = !text.contains(['@', '*']) && text == text.to_ascii_lowercase() && text.len() <= 300;
    matches!(scheme, "http" | "https") && plain && !usual && text == format!("{scheme}://{authority}")
}

/// An API key; the key itself is not kept.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    /// Its id.
    id: String,
    /// What it is for.
    name: String,
    /// The first characters of the key, to recognise it by.
    prefix: String,
    /// What it may do.
    scopes: Vec<&'static str>,
    /// The integrations it is bound to; empty is all.
    integrations: Vec<String>,
    /// The browser origins it is bound to; empty is any client.
    origins: Vec<String>,
    /// Whether web pages show it to everyone.
    publishable: bool,
    /// Of a publishable key: whether it may cancel and reschedule by `match`.
    allow_match: bool,
    /// How many requests it may make; null is 300 a second, 1000 at once.
    rate_limit: Option<KeyRate>,
    /// When it was made.
    created_at: String,
    /// When it was revoked; null while it is valid.
    revoked_at: Option<String>,
}

/// How many requests a key may make.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRate {
    /// Requests per interval.
    limit: u32,
    /// The interval.
    interval_ms: u64,
    /// How many at once.
    burst: u32,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes.into_iter().map(Scope::name).collect(),
            integrations: key.integrations,
            origins: key.origins,
            publishable: key.publishable,
            allow_match: key.may_match,
            rate_limit: key.rate.map(|rate| KeyRate {
                limit: rate.limit,
                interval_ms: rate.interval_ms,
                burst: rate.burst(),
            }),
            created_at: wire::time(key.created),
            revoked_at: key.revoked.map(wire::time),
        }
    }
}

/// A new API key, with the key.
#[derive(Serialize, ToSchema)]
pub struct NewKeyView {
    /// The key: shown now, and never again.
    key: String,
    #[serde(flatten)]
    view: KeyView,
}

/// Make an API key
#[utoipa::path(post, operation_id = "createApiKey", path = "/v1/api-keys", tag = "api keys", request_body = KeyBody,
    responses((status = 201, description = "The key, shown this once", body = NewKeyView)))]
pub async fn create(
    Extracted(state): Extracted<State>,
    Body(body): Body<KeyBody>,
) -> Result<(StatusCode, Json<NewKeyView>), Problem> {
    let token = if body.publishable { Token::generate_publishable() } else { Token::generate() };
    let now = state.services.clock.now();
    let id = Ulid::from_parts(u64::try_from(now.0).unwrap_or(0), rand::random());
    let key = ApiKey {
        id: id.to_string(),
        workspace: state.services.options.workspace.clone(),
        name: body.name.trim().to_owned(),
        hash: fingerprint(token.reveal()),
        prefix: shown(token.reveal()),
        scopes: body.scopes.into_iter().map(Scope::from).collect(),
        integrations: body.integrations,
        origins: body.origins,
        publishable: body.publishable,
        may_match: body.allow_match,
        rate: body.rate,
        created: now,
        revoked: None,
    };
    state.services.catalog.add_api_key(key.clone()).await.map_err(|error| match error {
        store::Error::Full { limit, .. } => {
            let detail = format!("there are {limit} valid API keys, and no more may be: revoke one");
            Problem::new(StatusCode::CONFLICT, "too_many_api_keys", detail)
        }
        error => error.into(),
    })?;
    state.keys.forget();
    Ok((StatusCode::CREATED, Json(NewKeyView { key: token.reveal().to_owned(), view: key.into() })))
}

/// Which keys to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// How many (20).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    first: Option<First>,
    /// Those after this id in the list.
    #[param(value_type = Option<String>)]
    after: Option<Word<Ulid>>,
    /// Those before this id in the list.
    #[param(value_type = Option<String>)]
    before: Option<Word<Ulid>>,
}

/// List the API keys, newest first
#[utoipa::path(get, operation_id = "listApiKeys", path = "/v1/api-keys", tag = "api keys", params(Listing),
    responses((status = 200, description = "A page of keys, revoked ones included", body = List<KeyView>)))]
pub async fn list(
    Extracted(state): Extracted<State>,
    Query(listing): Query<Listing>,
) -> Result<Json<List<KeyView>>, Problem> {
    let keys = state.services.catalog.list_api_keys(&state.services.options.workspace).await?;
    let keys: Vec<KeyView> = keys.into_iter().map(KeyView::from).collect();
    Ok(Json(cut(keys, listing)?))
}

/// A page of a list that is read whole; it has at most a thousand items.
fn cut(keys: Vec<KeyView>, listing: Listing) -> Result<List<KeyView>, Problem> {
    if listing.after.is_some() && listing.before.is_some() {
        return Err(Problem::invalid("before", "invalid_parameter", "cannot be used together with `after`"));
    }
    let first = listing.first.map_or(20, |Number(first)| first);
    let total = keys.len();
    let (start, end) = match (listing.after, listing.before) {
        (Some(Word(after)), _) => {
            let start = keys.partition_point(|key| key.id >= after.to_string());
            (start, start.saturating_add(first).min(total))
        }
        (None, Some(Word(before))) => {
            let end = keys.partition_point(|key| key.id > before.to_string());
            (end.saturating_sub(first), end)
        }
        (None, None) => (0, first.min(total)),
    };
    let id = |at: usize| keys.get(at).map(|key| key.id.clone());
    let next = if end < total && end > start { id(end - 1) } else { None };
    let prev = if start > 0 && end > start { id(start) } else { None };
    let items = keys.into_iter().skip(start).take(end - start).collect();
    Ok(List { items, next, prev, total_count: total as u64 })
}

/// Revoke an API key
#[utoipa::path(delete, operation_id = "revokeApiKey", path = "/v1/api-keys/{id}", tag = "api keys", params(("id" = String, Path, description = "The key")),
    responses((status = 204, description = "It is not valid any more")))]
pub async fn revoke(Extracted(state): Extracted<State>, Id(id): Id<Ulid>) -> Result<StatusCode, Problem> {
    let now = state.services.clock.now();
    state.services.catalog.revoke_api_key(&id.to_string(), now).await.map_err(|error| match error {
        store::Error::NotFound { .. } => {
            Problem::not_found("api_key_not_found", format!("there is no API key {id}; GET /v1/api-keys lists them"))
        }
        error => error.into(),
    })?;
    state.keys.forget();
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use schedules::rate::Algorithm;
    use serde_json::json;

    use super::*;

    fn check(body: Value, field: Option<&str>) {
        let found = KeyBody::read(body.clone()).err().and_then(|problem| problem.field);
        assert_eq!(found.as_deref(), field, "{body}");
    }

    #[test]
    fn bodies_are_checked() {
        check(json!({"name": "a", "scopes": ["read", "invoke"]}), None);
        check(
            json!({"name": "a", "scopes": ["read"], "integrations": ["a-1"], "origins": ["https://a.example:8443"]}),
            None,
        );
        check(json!({"scopes": ["read"]}), Some("name"));
        check(json!({"name": " ", "scopes": ["read"]}), Some("name"));
        check(json!({"name": "a\n", "scopes": ["read"]}), Some("name"));
        check(json!({"name": "a".repeat(101), "scopes": ["read"]}), Some("name"));
        check(json!({"name": "a", "scopes": []}), Some("scopes"));
        check(json!({"name": "a", "scopes": ["read", "read"]}), Some("scopes"));
        check(json!({"name": "a", "scopes": ["root"]}), Some("scopes[0]"));
        check(json!({"name": "a", "scopes": ["read"], "integrations": ["a", "B"]}), Some("integrations[1]"));
        check(json!({"name": "a", "scopes": ["read"], "integrations": ["a@2"]}), Some("integrations[0]"));
        check(json!({"name": "a", "scopes": ["read"], "workspace": "other"}), Some("workspace"));
        check(json!({"name": "a"}), Some("scopes"));
    }

    #[test]
    fn a_publishable_key_must_be_bound() {
        let key = |more: Value| {
            let mut body = json!({
                "name": "a", "publishable": true, "integrations": ["a"], "origins": ["https://a.example"]
            });
            body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
            body
        };
        check(key(json!({})), None);
        check(key(json!({"scopes": ["invoke"], "allowMatch": true})), None);
        check(key(json!({"scopes": ["admin"]})), Some("scopes"));
        check(key(json!({"scopes": ["invoke", "read"]})), Some("scopes"));
        check(key(json!({"integrations": []})), Some("integrations"));
        check(key(json!({"origins": []})), Some("origins"));
        check(key(json!({"origins": ["null"]})), Some("origins[0]"));
        check(key(json!({"origins": ["https://*.example"]})), Some("origins[0]"));
        check(json!({"name": "a", "scopes": ["read"], "allowMatch": true}), Some("allowMatch"));
    }

    #[test]
    fn a_rate_is_a_leaky_bucket() {
        let key = |rate: Value| json!({"name": "a", "scopes": ["read"], "rateLimit": rate});
        let rate = |body: Value| KeyBody::read(body).ok().and_then(|body| body.rate);
        let rule = Rule { limit: 20, interval_ms: 1_000, burst: Some(40), algorithm: Algorithm::LeakyBucket };
        assert_eq!(rate(key(json!({"limit": 20, "interval": "1s", "burst": 40}))), Some(rule));
        assert_eq!(rate(key(Value::Null)), None);
        check(key(Value::Null), None);
        check(key(json!({"limit": 0, "interval": "1s"})), Some("rateLimit.limit"));
        check(key(json!({"limit": 1})), Some("rateLimit.interval"));
        check(key(json!({"limit": 1, "interval": "soon"})), Some("rateLimit.interval"));
        check(key(json!({"limit": 1, "interval": 1, "burst": 0})), Some("rateLimit.burst"));
        check(key(json!({"limit": 1, "interval": 1, "key": ["a"]})), Some("rateLimit.key"));
        check(key(json!({"limit": 1, "interval": 1, "algorithm": "sliding_window"})), Some("rateLimit.algorithm"));
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for good in ["https://a.example", "http://localhost:3000", "https://a.example:8443"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "*",
            "a.example",
            "https://a.example/",
            "https://a.example/x",
            "https://*.example",
            "null",
            "https://A.example",
            "ftp://a.example",
            "https://u@a.example",
            "https://a.example:443",
            "file:///x",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    fn keys(n: usize) -> Vec<KeyView> {
        let id = |at: usize| Ulid::from_parts(0, at as u128).to_string();
        let key = |at| KeyView {
            id: id(at),
            name: String::new(),
            prefix: String::new(),
            scopes: vec![],
            integrations: vec![],
            origins: vec![],
            publishable: false,
            allow_match: false,
            rate_limit: None,
            created_at: String::new(),
            revoked_at: None,
        };
        (0..n).rev().map(key).collect()
    }

    #[test]
    fn pages_join_without_gap_or_duplicate() {
        let mut after = None;
        let mut seen = Vec::new();
        loop {
            let page = cut(keys(7), Listing { first: Some(Number(3)), after, before: None }).expect("page");
            seen.extend(page.items.iter().map(|key| key.id.clone()));
            let Some(next) = page.next else { break };
            after = Some(Word(next.parse().expect("id")));
        }
        assert_eq!(seen, keys(7).into_iter().map(|key| key.id).collect::<Vec<_>>());
        let before = Some(Word(seen[5].parse().expect("id")));
        let page = cut(keys(7), Listing { first: Some(Number(3)), after: None, before }).expect("page");
        assert_eq!(page.items.iter().map(|key| &key.id).collect::<Vec<_>>(), seen[2..5].iter().collect::<Vec<_>>());
        assert_eq!((page.prev.as_ref(), page.next.as_ref()), (Some(&seen[2]), Some(&seen[4])));
    }
}

//! API keys: make one (shown once), list them, revoke one.

use std::str::FromStr;

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::catalog::{ApiKey, Scope};
use ulid::Ulid;
use utoipa::{IntoParams, ToSchema};
use workers::invoke::Target;

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
#[schema(example = json!({"name": "web shop", "scopes": ["invoke"], "integrations": ["order-alert"]}))]
pub struct KeyBody {
    /// What it is for, at most 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it may do; `admin` includes all others.
    #[schema(min_items = 1)]
    scopes: Vec<ScopeName>,
    /// The integrations it is bound to, by name; absent or empty is all.
    #[serde(default)]
    integrations: Vec<String>,
    /// The browser origins it may be used from, such as `https://shop.example`; absent or empty is any client.
    #[serde(default)]
    origins: Vec<String>,
}

impl Wire for KeyBody {
    fn read(value: Value) -> Result<Self, Problem> {
        let body: Self = typed(value)?;
        let chars = body.name.trim().chars().count();
        if !(1..=MAX_NAME_CHARS).contains(&chars) || body.name.chars().any(char::is_control) {
            let detail = format!("must have 1 to {MAX_NAME_CHARS} printable characters");
            return Err(Problem::invalid("name", "invalid_name", detail));
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
        Ok(body)
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
    /// When it was made.
    created_at: String,
    /// When it was revoked; null while it is valid.
    revoked_at: Option<String>,
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
    let (token, now) = (Token::generate(), state.services.clock.now());
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

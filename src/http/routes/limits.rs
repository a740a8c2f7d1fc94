//! Rate limits: what is in their buckets; single keys paused, resumed and reset.

use axum::Json;
use axum::extract::State as Extracted;
use schedules::Key;
use schedules::rate::{Limit, NEVER, OnExceed};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use store::queue::BucketView;
use utoipa::{IntoParams, ToSchema};
use workers::limits::{self, Change, Order, RuleView, Wanted};

use crate::http::body::{Body, Wire, typed};
use crate::http::error::Problem;
use crate::http::params::{self, First, Named, Number, Query, RulePlace};
use crate::http::state::State;
use crate::http::wire::{self, List};

/// A rule, added up over its keys.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitView {
    /// Its place in `settings.rateLimits`: how the other routes name it.
    rule: usize,
    /// As a reader would write it: `100 per 1h by email`.
    text: String,
    /// Units per interval.
    limit: u32,
    /// The interval.
    interval_ms: u64,
    /// How many units its buckets hold.
    capacity: u32,
    /// The fields of the key that it counts by; none is the whole integration.
    key: Vec<String>,
    /// What it does when it is full: `reject` or `delay`.
    on_exceed: &'static str,
    /// The limiter whose buckets it fills.
    limiter: Option<String>,
    /// Whether another server's `Retry-After` shuts its buckets.
    back_pressure: bool,
    /// How many of its buckets are not empty.
    buckets: u64,
    /// How many jobs wait in line at them.
    waiting: u64,
    /// How many jobs it refused today (UTC); of a limiter, for whatever integration.
    refused_today: u64,
    /// How many of its keys are paused or held shut.
    shut: u64,
}

impl From<RuleView> for RateLimitView {
    fn from(view: RuleView) -> Self {
        Self {
            rule: view.rule,
            text: view.words,
            limit: view.limit.rule.limit,
            interval_ms: view.limit.rule.interval_ms,
            capacity: view.limit.rule.capacity(),
            key: view.limit.fields,
            on_exceed: match view.limit.on_exceed {
                OnExceed::Reject => "reject",
                OnExceed::Delay => "delay",
            },
            limiter: view.limiter,
            back_pressure: view.limit.back_pressure,
            buckets: view.buckets,
            waiting: view.waiting,
            refused_today: view.refused,
            shut: view.shut,
        }
    }
}

/// What a rule counts one key under.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitKeyView {
    /// The fields that the rule counts by; `{}` is the whole integration.
    #[schema(value_type = Value)]
    key: Box<RawValue>,
    /// How many units are in its bucket, rounded up.
    level: u32,
    /// How many it holds.
    capacity: u32,
    /// From when on there is room for one more; null while it is paused.
    next_slot_at: Option<String>,
    /// How many jobs wait in line.
    waiting: u64,
    /// How many were refused today (UTC).
    refused_today: u64,
    /// Whether it is paused.
    paused: bool,
    /// Until when another server's `Retry-After` holds it shut.
    held_until: Option<String>,
}

fn view(state: &State, name: &str, limit: &Limit, bucket: &BucketView) -> LimitKeyView {
    let now = state.services.clock.now();
    LimitKeyView {
        key: masked(state, name, &bucket.name),
        level: bucket.level,
        capacity: limit.rule.capacity(),
        next_slot_at: Some(bucket.opens).filter(|opens| *opens < NEVER).map(wire::time),
        waiting: bucket.waiting,
        refused_today: bucket.refused,
        paused: bucket.hold.paused,
        held_until: Some(bucket.hold.until).filter(|until| *until > now).map(wire::time),
    }
}

/// A script may have put a secret into a key.
fn masked(state: &State, name: &str, json: &str) -> Box<RawValue> {
    let secrets = state.services.directory.by_name(name).map(|entry| state.services.secrets.of(entry.id));
    match secrets {
        Some(Ok(secrets)) => wire::raw(&secrets.redactor().redact_json(json)),
        _ => wire::raw("\"******\""),
    }
}

/// List the rate limits of an integration, with what is in their buckets
#[utoipa::path(get, operation_id = "listRateLimits", path = "/v1/integrations/{name}/limits", tag = "limits",
    params(("name" = String, Path, description = "The integration", example = "order-alert")),
    responses((status = 200, description = "Its rules, in the order of the settings", body = List<RateLimitView>)))]
pub async fn list(
    Extracted(state): Extracted<State>,
    Named(name): Named,
) -> Result<Json<List<RateLimitView>>, Problem> {
    let rules = limits::rules(&state.services, &name).await?;
    let items: Vec<_> = rules.into_iter().map(RateLimitView::from).collect();
    Ok(Json(List { next: None, prev: None, total_count: items.len() as u64, items }))
}

/// Which keys of a rule.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Top {
    /// Those first of which there is most: `level` (default), `waiting` or `refused`.
    #[param(inline)]
    by: Option<OrderName>,
    /// How many (20).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    first: Option<First>,
    /// Those after this key in the list, as `next` says it.
    #[param(value_type = Option<String>)]
    after: Option<params::Json>,
    /// Those before this key in the list, as `prev` says it.
    #[param(value_type = Option<String>)]
    before: Option<params::Json>,
}

/// By what keys are ordered.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OrderName {
    /// How full their buckets are.
    Level,
    /// How many jobs wait.
    Waiting,
    /// How many jobs were refused today.
    Refused,
}

impl From<OrderName> for Order {
    fn from(name: OrderName) -> Self {
        match name {
            OrderName::Level => Self::Level,
            OrderName::Waiting => Self::Waiting,
            OrderName::Refused => Self::Refused,
        }
    }
}

/// List the keys of a rate limit, those of which there is most first
#[utoipa::path(get, operation_id = "listRateLimitKeys", path = "/v1/integrations/{name}/limits/{rule}/keys", tag = "limits",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("rule" = usize, Path, description = "The rule's place in the settings"), Top),
    responses((status = 200, description = "Keys whose bucket is not empty, is shut, has jobs in line or refused some today; the list changes while one looks", body = List<LimitKeyView>)))]
pub async fn keys(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    RulePlace(rule): RulePlace,
    Query(top): Query<Top>,
) -> Result<Json<List<LimitKeyView>>, Problem> {
    if top.after.is_some() && top.before.is_some() {
        return Err(Problem::invalid("before", "invalid_parameter", "cannot be used together with `after`"));
    }
    let wanted = Wanted {
        order: top.by.map(Order::from).unwrap_or_default(),
        first: top.first.map_or(20, |Number(first)| first),
        after: place("after", top.after)?,
        before: place("before", top.before)?,
    };
    let (limit, keys) = limits::keys(&state.services, &name, rule, &wanted).await?;
    Ok(Json(List {
        next: keys.items.last().filter(|_| keys.has_next).map(|bucket| bucket.name.clone()),
        prev: keys.items.first().filter(|_| keys.has_previous).map(|bucket| bucket.name.clone()),
        total_count: keys.total,
        items: keys.items.iter().map(|bucket| view(&state, &name, &limit, bucket)).collect(),
    }))
}

/// Which key to look at.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct One {
    /// A key, as JSON; fields that the rule does not count by do not matter. Absent for a rule of the whole integration.
    #[param(value_type = Option<String>, example = r#"{"email":"a@example.com"}"#)]
    key: Option<params::Json>,
}

/// Look at one key of a rate limit
#[utoipa::path(get, operation_id = "getRateLimitKey", path = "/v1/integrations/{name}/limits/{rule}/key", tag = "limits",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("rule" = usize, Path, description = "The rule's place in the settings"), One),
    responses((status = 200, description = "What is in its bucket", body = LimitKeyView)))]
pub async fn key(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    RulePlace(rule): RulePlace,
    Query(one): Query<One>,
) -> Result<Json<LimitKeyView>, Problem> {
    let key = read(one.key.map(|params::Json(key)| key))?;
    let (limit, bucket) = limits::key(&state.services, &name, rule, key.as_ref()).await?;
    Ok(Json(view(&state, &name, &limit, &bucket)))
}

fn read(key: Option<Value>) -> Result<Option<Key>, Problem> {
    let invalid = |error: schedules::Error| Problem::invalid(&error.field, error.code, error.message);
    key.filter(|key| !key.is_null()).map(|key| Key::parse(&key).map_err(invalid)).transpose()
}

/// A place in the list of keys: what a rule counts one under, as canonical JSON; `{}` is the whole integration.
fn place(name: &str, place: Option<params::Json>) -> Result<Option<String>, Problem> {
    let Some(params::Json(place)) = place else { return Ok(None) };
    match &place {
        Value::Object(fields) if fields.is_empty() => Ok(Some("{}".into())),
        key => match Key::parse(key) {
            Ok(key) => Ok(Some(key.canonical().to_owned())),
            Err(error) => Err(Problem::invalid(name, "invalid_parameter", error.message)),
        },
    }
}

/// Which key to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"key": {"email": "a@example.com"}}))]
pub struct LimitKeyBody {
    /// A key that has the fields that the rule counts by; absent for a rule of the whole integration.
    #[serde(default)]
    key: Option<Value>,
}

impl Wire for LimitKeyBody {
    fn read(value: Value) -> Result<Self, Problem> {
        typed(value)
    }
}

async fn change(
    state: &State,
    name: &str,
    rule: usize,
    body: LimitKeyBody,
    to: Change,
) -> Result<Json<LimitKeyView>, Problem> {
    let key = read(body.key)?;
    let (limit, bucket) = limits::adjust(&state.services, name, rule, (key.as_ref(), to)).await?;
    Ok(Json(view(state, name, &limit, &bucket)))
}

/// Pause one key of a rate limit: its jobs wait until it is resumed
#[utoipa::path(post, operation_id = "pauseRateLimitKey", path = "/v1/integrations/{name}/limits/{rule}/keys/pause", tag = "limits", request_body = LimitKeyBody,
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("rule" = usize, Path, description = "The rule's place in the settings")),
    responses((status = 200, description = "It is paused; of a limiter, for all that share it", body = LimitKeyView)))]
pub async fn pause(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    RulePlace(rule): RulePlace,
    Body(body): Body<LimitKeyBody>,
) -> Result<Json<LimitKeyView>, Problem> {
    change(&state, &name, rule, body, Change::Pause).await
}

/// Resume one key of a rate limit
#[utoipa::path(post, operation_id = "resumeRateLimitKey", path = "/v1/integrations/{name}/limits/{rule}/keys/resume", tag = "limits", request_body = LimitKeyBody,
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("rule" = usize, Path, description = "The rule's place in the settings")),
    responses((status = 200, description = "Its jobs go on", body = LimitKeyView)))]
pub async fn resume(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    RulePlace(rule): RulePlace,
    Body(body): Body<LimitKeyBody>,
) -> Result<Json<LimitKeyView>, Problem> {
    change(&state, &name, rule, body, Change::Resume).await
}

/// Empty the bucket of one key of a rate limit, and end what back-pressure holds
#[utoipa::path(post, operation_id = "resetRateLimitKey", path = "/v1/integrations/{name}/limits/{rule}/keys/reset", tag = "limits", request_body = LimitKeyBody,
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("rule" = usize, Path, description = "The rule's place in the settings")),
    responses((status = 200, description = "Its bucket is empty; a pause stays", body = LimitKeyView)))]
pub async fn reset(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    RulePlace(rule): RulePlace,
    Body(body): Body<LimitKeyBody>,
) -> Result<Json<LimitKeyView>, Problem> {
    change(&state, &name, rule, body, Change::Reset).await
}

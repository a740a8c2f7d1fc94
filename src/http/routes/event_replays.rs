//! Replays of events to one integration.

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schedules::Millis;
use serde::{Deserialize, Serialize};
use store::ReplayId;
use store::catalog::{EventReplay, ReplayState};
use utoipa::{IntoParams, ToSchema};
use workers::events::replay::{self, Answer, Noted};

use super::invoke::Invocation;
use super::jobs::name_of;
use crate::http::auth::Caller;
use crate::http::body::{Body, Nothing};
use crate::http::error::Problem;
use crate::http::openapi::bodies::ReplayEventsBody;
use crate::http::params::{First, Id, Number, Query};
use crate::http::state::State;
use crate::http::wire;

/// A replay, and how far it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventReplayView {
    /// Its id.
    id: String,
    /// The integration.
    integration: String,
    /// `running`, `finished` or `stopped`.
    state: &'static str,
    /// The types that are meant; null is those that the integration subscribes to.
    types: Option<Vec<String>>,
    /// Events that came in at this time or later.
    from: Option<String>,
    /// Events that came in before this time.
    to: Option<String>,
    /// How fast; null is as fast as they can be queued.
    rate: Option<String>,
    /// Whether the integration's filter decides.
    filter: bool,
    /// How many events the stretch has.
    total: u64,
    /// How many jobs were made.
    done: u64,
    /// How many events were left out: not of its types, or not for its filter.
    skipped: u64,
    /// When it was asked for.
    created_at: String,
    /// When it came to its end, or was stopped.
    finished_at: Option<String>,
}

/// What a replay would do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayDryRun {
    /// How many events the stretch has.
    total: u64,
    /// How many of them were looked at, from the oldest on.
    looked_at: u64,
    /// How many of those would make a job.
    matched: u64,
    /// The ids of the first of those.
    samples: Vec<String>,
}

fn view(state: &State, replay: &EventReplay) -> EventReplayView {
    let noted: Option<Noted> = serde_json::from_str(&replay.request).ok();
    let time = |at: fn(&Noted) -> i64| noted.as_ref().map(|noted| wire::time(Millis(at(noted))));
    EventReplayView {
        id: replay.id.to_string(),
        integration: name_of(state, replay.integration),
        state: replay.state.name(),
        from: time(|noted| noted.from_ms),
        to: time(|noted| noted.to_ms),
        filter: noted.as_ref().is_none_or(|noted| noted.filter),
        rate: noted.as_ref().and_then(|noted| noted.rate.clone()),
        types: noted.and_then(|noted| noted.types),
        total: replay.total,
        done: replay.done,
        skipped: replay.skipped,
        created_at: wire::time(replay.created),
        finished_at: replay.finished.map(wire::time),
    }
}

/// Give events of the log to one integration again
///
/// In their order, marked with `meta.replayed`, as jobs whose runs say `cause: replay`. They are worked off in the
/// background: ask for the progress with `GET /v1/events/replays/{id}`. With `dryRun` nothing is made.
#[utoipa::path(post, operation_id = "replayEvents", path = "/v1/events/replay", tag = "events", request_body = ReplayEventsBody,
    responses(
        (status = 202, description = "It is under way", body = EventReplayView),
        (status = 200, description = "What it would do (`dryRun`)", body = ReplayDryRun),
    ))]
pub async fn start(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Body(Invocation(body)): Body<Invocation>,
) -> Result<Response, Problem> {
    Ok(match replay::start(&state.services, body, |name| caller.sees(name)).await? {
        Answer::Started(replay) => (StatusCode::ACCEPTED, Json(view(&state, &replay))).into_response(),
        Answer::DryRun(found) => Json(ReplayDryRun {
            total: found.total,
            looked_at: found.looked_at,
            matched: found.matched,
            samples: found.samples,
        })
        .into_response(),
    })
}

/// Replays, the newest first.
#[derive(Serialize, ToSchema)]
pub struct EventReplays {
    /// The replays.
    items: Vec<EventReplayView>,
}

/// How many replays to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// How many (20).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    first: Option<First>,
}

/// List the newest replays; they are known for a week
#[utoipa::path(get, operation_id = "listEventReplays", path = "/v1/events/replays", tag = "events", params(Listing),
    responses((status = 200, description = "The replays", body = EventReplays)))]
pub async fn list(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Query(listing): Query<Listing>,
) -> Result<Json<EventReplays>, Problem> {
    let first = listing.first.map_or(20, |Number(first)| first);
    let replays = state.services.catalog.replays(&state.services.options.workspace, first).await?;
    let seen = replays.iter().filter(|replay| caller.sees(&name_of(&state, replay.integration)));
    Ok(Json(EventReplays { items: seen.map(|replay| view(&state, replay)).collect() }))
}

/// Look at a replay: how far it is
#[utoipa::path(get, operation_id = "getEventReplay", path = "/v1/events/replays/{id}", tag = "events", params(("id" = String, Path, description = "The replay")),
    responses((status = 200, description = "The replay", body = EventReplayView)))]
pub async fn show(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Id(id): Id<ReplayId>,
) -> Result<Json<EventReplayView>, Problem> {
    Ok(Json(view(&state, &find(&state, &caller, id).await?)))
}

/// End a running replay; the jobs that it made stay
#[utoipa::path(post, operation_id = "stopEventReplay", path = "/v1/events/replays/{id}/stop", tag = "events", params(("id" = String, Path, description = "The replay")),
    responses((status = 200, description = "It is stopped", body = EventReplayView)))]
pub async fn stop(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Id(id): Id<ReplayId>,
    Body(Nothing): Body<Nothing>,
) -> Result<Json<EventReplayView>, Problem> {
    let replay = find(&state, &caller, id).await?;
    if replay.state == ReplayState::Running {
        replay::stop(&state.services, &replay).await?;
    }
    Ok(Json(view(&state, &find(&state, &caller, id).await?)))
}

/// The replay, if the key may see it.
async fn find(state: &State, caller: &Caller, id: ReplayId) -> Result<EventReplay, Problem> {
    let found = state.services.catalog.replay(&state.services.options.workspace, id).await?;
    let found = found.filter(|replay| caller.sees(&name_of(state, replay.integration)));
    let detail = || format!("there is no replay {id}; GET /v1/events/replays lists them");
    found.ok_or_else(|| Problem::not_found("replay_not_found", detail()))
}

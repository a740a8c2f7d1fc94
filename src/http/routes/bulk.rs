//! Bulk actions: what one call does to many jobs.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::BulkId;
use store::catalog::{Bulk, BulkAction, BulkState};
use utoipa::{IntoParams, ToSchema};
use workers::bulk::{self, Answer, UNDO_MS};

use super::invoke::Invocation;
use super::jobs::{JobView, name_of, view};
use crate::http::auth::Caller;
use crate::http::body::{Body, Nothing};
use crate::http::error::Problem;
use crate::http::openapi::bodies::BulkBody;
use crate::http::params::{First, Id, Number, Query};
use crate::http::state::State;
use crate::http::wire;

/// How many skipped jobs a look shows.
const SKIPPED: usize = 100;

/// A bulk action, and how far it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkView {
    /// Its id.
    id: String,
    /// The integration whose jobs it is about.
    integration: String,
    /// `cancel`, `reschedule`, `replay` or `discard`.
    action: &'static str,
    /// `running`, `finished`, `stopped`, `undoing` or `undone`.
    state: &'static str,
    /// Which jobs, as the call said it.
    filter: Value,
    /// How many jobs it means.
    total: u64,
    /// How many were done.
    done: u64,
    /// How many were left alone.
    skipped: u64,
    /// Of those cancelled, how many were put back.
    undone: u64,
    /// Of those cancelled, how many could not be put back.
    lost: u64,
    /// When it was asked for.
    created_at: String,
    /// When it came to its end, or was stopped.
    finished_at: Option<String>,
    /// Until when it can be undone, if it can.
    undo_until: Option<String>,
}

/// A bulk action with what it left alone.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkDetail {
    #[serde(flatten)]
    bulk: BulkView,
    /// Why jobs were left alone or could not be put back, and how many: `gone`, `running`, `pending`, `dead`,
    /// `key_taken`, and others.
    reasons: BTreeMap<String, u64>,
    /// The first of those jobs.
    skipped_jobs: Vec<SkippedJob>,
}

/// A job that was left alone, or could not be put back.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkippedJob {
    /// The job.
    job_id: String,
    /// Why.
    reason: String,
}

/// What a bulk action would do.
#[derive(Serialize, ToSchema)]
pub struct DryRunView {
    /// How many jobs it means.
    count: u64,
    /// Some of them.
    samples: Vec<JobView>,
}

/// What is written down of the call.
#[derive(Deserialize)]
struct Noted {
    filter: Value,
}

fn bulk_view(state: &State, bulk: &Bulk) -> BulkView {
    let noted: Option<Noted> = serde_json::from_str(&bulk.request).ok();
    let until = bulk.finished.map(|at| at.after(UNDO_MS)).filter(|until| {
        bulk.action == BulkAction::Cancel
            && matches!(bulk.state, BulkState::Finished | BulkState::Stopped)
            && *until >= state.services.clock.now()
    });
    BulkView {
        id: bulk.id.to_string(),
        integration: name_of(state, bulk.integration),
        action: bulk.action.name(),
        state: bulk.state.name(),
        filter: noted.map(|noted| noted.filter).unwrap_or_default(),
        total: bulk.total,
        done: bulk.done,
        skipped: bulk.skipped,
        undone: bulk.undone,
        lost: bulk.lost,
        created_at: wire::time(bulk.created),
        finished_at: bulk.finished.map(wire::time),
        undo_until: until.map(wire::time),
    }
}

/// Cancel, move, replay or discard many jobs
///
/// The jobs are worked off in the background: ask for the progress with `GET /v1/bulk/{id}`. With `dryRun` nothing is
/// changed. At most 100,000 jobs at a time.
#[utoipa::path(post, operation_id = "startBulk", path = "/v1/bulk", tag = "bulk", request_body = BulkBody,
    responses(
        (status = 202, description = "It is under way", body = BulkView),
        (status = 200, description = "What it would do (`dryRun`)", body = DryRunView),
    ))]
pub async fn start(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Body(Invocation(body)): Body<Invocation>,
) -> Result<Response, Problem> {
    Ok(match bulk::start(&state.services, body, |name| caller.sees(name)).await? {
        Answer::Started(bulk) => (StatusCode::ACCEPTED, Json(bulk_view(&state, &bulk))).into_response(),
        Answer::DryRun(found) => {
            let samples = found.samples.into_iter().map(|job| view(&state, job)).collect();
            Json(DryRunView { count: found.count, samples }).into_response()
        }
    })
}

/// Bulk actions, the newest first.
#[derive(Serialize, ToSchema)]
pub struct Bulks {
    /// The actions.
    items: Vec<BulkView>,
}

/// How many actions to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// How many (20).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    first: Option<First>,
}

/// List the newest bulk actions; they are known for a week
#[utoipa::path(get, operation_id = "listBulk", path = "/v1/bulk", tag = "bulk", params(Listing),
    responses((status = 200, description = "The actions", body = Bulks)))]
pub async fn list(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Query(listing): Query<Listing>,
) -> Result<Json<Bulks>, Problem> {
    let first = listing.first.map_or(20, |Number(first)| first);
    let bulks = state.services.catalog.bulks(&state.services.options.workspace, first).await?;
    let items = bulks.iter().filter(|bulk| caller.sees(&name_of(&state, bulk.integration)));
    Ok(Json(Bulks { items: items.map(|bulk| bulk_view(&state, bulk)).collect() }))
}

/// Look at a bulk action: how far it is, and what it left alone
#[utoipa::path(get, operation_id = "getBulk", path = "/v1/bulk/{id}", tag = "bulk", params(("id" = String, Path, description = "The action")),
    responses((status = 200, description = "The action", body = BulkDetail)))]
pub async fn show(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Id(id): Id<BulkId>,
) -> Result<Json<BulkDetail>, Problem> {
    let bulk = find(&state, &caller, id).await?;
    let skipped = state.services.catalog.refused_bulk_items(id, SKIPPED).await?;
    Ok(Json(BulkDetail {
        bulk: bulk_view(&state, &bulk),
        reasons: state.services.catalog.bulk_reasons(id).await?.into_iter().collect(),
        skipped_jobs: skipped
            .into_iter()
            .map(|item| SkippedJob { job_id: item.job.to_string(), reason: item.reason.unwrap_or_default() })
            .collect(),
    }))
}

/// End a running bulk action; what is done stays done
#[utoipa::path(post, operation_id = "stopBulk", path = "/v1/bulk/{id}/stop", tag = "bulk", params(("id" = String, Path, description = "The action")),
    responses((status = 200, description = "It is stopped", body = BulkView)))]
pub async fn stop(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Id(id): Id<BulkId>,
    Body(Nothing): Body<Nothing>,
) -> Result<Json<BulkView>, Problem> {
    let bulk = find(&state, &caller, id).await?;
    bulk::stop(&state.services, &bulk).await?;
    Ok(Json(bulk_view(&state, &find(&state, &caller, id).await?)))
}

/// Put back what a bulk action cancelled
///
/// For ten minutes after it ended. The jobs get the due time and the key they had; one whose key was taken meanwhile is
/// not put back, and counts as `lost`.
#[utoipa::path(post, operation_id = "undoBulk", path = "/v1/bulk/{id}/undo", tag = "bulk", params(("id" = String, Path, description = "The action")),
    responses((status = 202, description = "It is being undone", body = BulkView)))]
pub async fn undo(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Id(id): Id<BulkId>,
    Body(Nothing): Body<Nothing>,
) -> Result<(StatusCode, Json<BulkView>), Problem> {
    let bulk = find(&state, &caller, id).await?;
    bulk::undo(&state.services, &bulk).await?;
    Ok((StatusCode::ACCEPTED, Json(bulk_view(&state, &find(&state, &caller, id).await?))))
}

/// The action, if the key may see it.
async fn find(state: &State, caller: &Caller, id: BulkId) -> Result<Bulk, Problem> {
    let found = state.services.catalog.bulk(&state.services.options.workspace, id).await?;
    let found = found.filter(|bulk| caller.sees(&name_of(state, bulk.integration)));
    let detail = || format!("there is no bulk action {id}; GET /v1/bulk lists them");
    found.ok_or_else(|| Problem::not_found("bulk_not_found", detail()))
}

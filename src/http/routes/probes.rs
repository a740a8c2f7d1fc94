//! What machines ask: is it alive, is it ready, its metrics, its description.

use std::time::Duration;

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use schedules::Stopwatch;
use serde::Serialize;
use store::queue::Queue;
use utoipa::ToSchema;

use crate::http::error::Problem;
use crate::http::openapi;
use crate::http::state::State;

const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// That the process answers.
#[derive(Serialize, ToSchema)]
pub struct Liveness {
    /// Always `live`.
    status: &'static str,
}

/// Is the process alive?
#[utoipa::path(get, operation_id = "live", path = "/livez", tag = "probes",
    responses((status = 200, description = "It is", body = Liveness)))]
pub async fn livez() -> Json<Liveness> {
    Json(Liveness { status: "live" })
}

/// Whether the process can work.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// `ready` or `unready`.
    pub status: &'static str,
    /// What was tested.
    pub checks: Vec<Check>,
}

/// One thing that was tested.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// `process`, `queue` or `catalog`.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// How long the test took.
    pub duration_ms: u64,
}

/// Tests what a request needs.
pub async fn readiness(state: &State) -> Readiness {
    let queue = check("queue", async { state.services.queue.now().await.is_ok() });
    let catalog = check("catalog", async { state.services.catalog.version().await.is_ok() });
    let (queue, catalog) = tokio::join!(queue, catalog);
    let process = Check { name: "process", ok: state.is_ready(), duration_ms: 0 };
    let checks = vec![process, queue, catalog];
    Readiness { status: if checks.iter().all(|check| check.ok) { "ready" } else { "unready" }, checks }
}

async fn check(name: &'static str, test: impl Future<Output = bool>) -> Check {
    let clock = Stopwatch::start();
    let ok = tokio::time::timeout(CHECK_TIMEOUT, test).await.unwrap_or(false);
    Check { name, ok, duration_ms: clock.elapsed_ms() }
}

/// Can the process work?
#[utoipa::path(get, operation_id = "ready", path = "/readyz", tag = "probes",
    responses(
        (status = 200, description = "It can", body = Readiness),
        (status = 503, description = "It cannot, or is about to stop", body = Readiness),
    ))]
pub async fn readyz(Extracted(state): Extracted<State>) -> (StatusCode, Json<Readiness>) {
    let readiness = readiness(&state).await;
    let status = if readiness.status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

/// Metrics in Prometheus' text format
///
/// Open to clients on the same machine unless configured otherwise; others need an API key with the scope `read`.
#[utoipa::path(get, operation_id = "metrics", path = "/metrics", tag = "probes",
    responses((status = 200, description = "The metrics", content_type = "text/plain", body = String)))]
pub async fn metrics(Extracted(state): Extracted<State>) -> Result<Response, Problem> {
    let text = state.metrics.render(&state.services).await.map_err(|error| {
        tracing::error!(%error, "the metrics could not be written");
        Problem::internal()
    })?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// This document
#[utoipa::path(get, operation_id = "openapi", path = "/v1/openapi.json", tag = "probes",
    responses((status = 200, description = "The OpenAPI 3.1 description of every route", body = serde_json::Value)))]
pub async fn describe() -> Response {
    ([(CONTENT_TYPE, "application/json")], openapi::document()).into_response()
}

//! Runs of a draft.

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use workers::authoring;
use workers::live::Update;

use super::runs::{RunView, events, next};
use crate::http::body::{Body, Wire, typed};
use crate::http::error::Problem;
use crate::http::params::Named;
use crate::http::state::{Limits, State};
use crate::http::streams;

/// What to try a draft with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"payload": {"order": 17}}))]
pub struct PreviewBody {
    /// The handler's `payload`; null if absent.
    #[serde(default)]
    payload: Value,
}

impl Wire for PreviewBody {
    fn limit(limits: &Limits) -> usize {
        limits.payload_body_bytes
    }

    fn read(value: Value) -> Result<Self, Problem> {
        typed(value)
    }
}

/// Run the draft now
///
/// With `Accept: text/event-stream` the run's lines are streamed, as by `GET /v1/runs/{id}/stream`.
#[utoipa::path(post, operation_id = "preview", path = "/v1/integrations/{name}/preview", tag = "integrations", request_body = PreviewBody,
    params(("name" = String, Path, description = "The integration", example = "order-alert")),
    responses((status = 200, description = "The finished run, however it ended", body = RunView)))]
pub async fn preview(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    headers: HeaderMap,
    Body(PreviewBody { payload }): Body<PreviewBody>,
) -> Result<Response, Problem> {
    let (run, mut follow) = authoring::preview(&state.services, &name, payload).await?;
    if wants_stream(&headers) {
        return streams::stream(&state, events(state.clone(), run, follow));
    }
    while let Some(update) = next(&state, run, &mut follow).await {
        if let Update::Finished(record) = update {
            return Ok(Json(RunView::full(&record)).into_response());
        }
    }
    Err(Problem::from(workers::Error::Unavailable(format!("preview {run} ended without a record"))))
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|media| media.split(';').next().unwrap_or("").trim() == "text/event-stream")
}

//! The next ticks of a schedule.

use axum::Json;
use axum::extract::State as Extracted;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use workers::authoring;

use crate::http::error::Problem;
use crate::http::params::{First, Named, Number, Query, Time};
use crate::http::state::State;
use crate::http::wire;

/// Which ticks to compute.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// How many (10).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    n: Option<First>,
    /// Those after this time (now): ISO 8601 or Unix milliseconds.
    #[param(value_type = Option<String>, example = "2026-03-01T09:00:00Z")]
    from: Option<Time>,
}

/// The next ticks.
#[derive(Serialize, ToSchema)]
pub struct Ticks {
    /// Their nominal times, the earliest first.
    items: Vec<String>,
}

/// Compute the next ticks
#[utoipa::path(get, operation_id = "nextTicks", path = "/v1/integrations/{name}/schedule/next", tag = "integrations",
    params(("name" = String, Path, description = "The integration", example = "exchange-rate-report"), Which),
    responses((status = 200, description = "The next ticks of its schedule", body = Ticks)))]
pub async fn next(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Query(which): Query<Which>,
) -> Result<Json<Ticks>, Problem> {
    let n = which.n.map_or(10, |Number(n)| n);
    let ticks = authoring::next_ticks(&state.services, &name, n, which.from.map(|Time(from)| from)).await?;
    Ok(Json(Ticks { items: ticks.into_iter().map(wire::time).collect() }))
}

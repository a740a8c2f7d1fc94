//! Limiters: buckets of rate limits that integrations share by name.

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::StatusCode;
use schedules::rate::Algorithm;
use serde::Serialize;
use serde_json::Value;
use store::catalog::Limiter;
use utoipa::ToSchema;
use workers::limits;

use crate::http::body::{Body, Wire};
use crate::http::error::Problem;
use crate::http::openapi::bodies::LimiterBody;
use crate::http::params::LimiterName;
use crate::http::state::State;
use crate::http::wire::{self, List};

/// A limiter.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimiterView {
    /// Its name, as rules name it.
    name: String,
    /// Units per interval.
    limit: u32,
    /// The interval.
    interval_ms: u64,
    /// How many units may start at once.
    burst: Option<u32>,
    /// `leaky_bucket` or `sliding_window`.
    algorithm: &'static str,
    /// When it was made.
    created_at: String,
    /// When its numbers were set last.
    updated_at: String,
}

impl From<&Limiter> for LimiterView {
    fn from(limiter: &Limiter) -> Self {
        Self {
            name: limiter.name.clone(),
            limit: limiter.rule.limit,
            interval_ms: limiter.rule.interval_ms,
            burst: limiter.rule.burst,
            algorithm: match limiter.rule.algorithm {
                Algorithm::LeakyBucket => "leaky_bucket",
                Algorithm::SlidingWindow => "sliding_window",
            },
            created_at: wire::time(limiter.created),
            updated_at: wire::time(limiter.updated),
        }
    }
}

/// The numbers of a limiter, for `workers` to read.
pub struct Numbers(Value);

impl Wire for Numbers {
    fn read(value: Value) -> Result<Self, Problem> {
        Ok(Self(value))
    }
}

/// List the limiters, by name
#[utoipa::path(get, operation_id = "listLimiters", path = "/v1/limiters", tag = "limits",
    responses((status = 200, description = "All of them", body = List<LimiterView>)))]
pub async fn list(Extracted(state): Extracted<State>) -> Result<Json<List<LimiterView>>, Problem> {
    let items: Vec<_> = state.services.directory.limiters().all().map(LimiterView::from).collect();
    Ok(Json(List { next: None, prev: None, total_count: items.len() as u64, items }))
}

/// Look at a limiter
#[utoipa::path(get, operation_id = "getLimiter", path = "/v1/limiters/{limiter}", tag = "limits",
    params(("limiter" = String, Path, description = "The limiter", example = "crm")),
    responses((status = 200, description = "The limiter", body = LimiterView)))]
pub async fn show(
    Extracted(state): Extracted<State>,
    LimiterName(name): LimiterName,
) -> Result<Json<LimiterView>, Problem> {
    let limiter = limits::get(&state.services, &name).await?;
    Ok(Json(LimiterView::from(&limiter)))
}

/// Make a limiter, or edit its numbers: what is in its buckets stays
#[utoipa::path(put, operation_id = "putLimiter", path = "/v1/limiters/{limiter}", tag = "limits", request_body = LimiterBody,
    params(("limiter" = String, Path, description = "The limiter", example = "crm")),
    responses((status = 201, description = "It is made", body = LimiterView), (status = 200, description = "Its numbers are set", body = LimiterView)))]
pub async fn put(
    Extracted(state): Extracted<State>,
    LimiterName(name): LimiterName,
    Body(Numbers(body)): Body<Numbers>,
) -> Result<(StatusCode, Json<LimiterView>), Problem> {
    let (limiter, is_new) = limits::put(&state.services, &name, body).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(LimiterView::from(&limiter))))
}

/// Delete a limiter that no release names
#[utoipa::path(delete, operation_id = "deleteLimiter", path = "/v1/limiters/{limiter}", tag = "limits",
    params(("limiter" = String, Path, description = "The limiter", example = "crm")),
    responses((status = 204, description = "It is gone, with its buckets")))]
pub async fn remove(Extracted(state): Extracted<State>, LimiterName(name): LimiterName) -> Result<StatusCode, Problem> {
    limits::delete(&state.services, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Releases: make one, list them, go back to one.

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::catalog::{Bump, Release, ReleaseNumber};
use utoipa::{IntoParams, ToSchema};
use workers::authoring;

use super::integrations::find;
use crate::http::body::{Body, Wire, typed};
use crate::http::error::Problem;
use crate::http::params::{First, Named, Query, Word, page};
use crate::http::state::State;
use crate::http::wire::{self, List};

/// An immutable version of an integration.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseView {
    /// Its number, such as `1.0`.
    release: String,
    /// The author's words.
    note: String,
    /// When it was made.
    created_at: String,
}

impl From<Release> for ReleaseView {
    fn from(release: Release) -> Self {
        let created_at = wire::time(release.created);
        Self { release: release.number.to_string(), note: release.note, created_at }
    }
}

/// What kind of release to make of the draft.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"note": "retries the chat webhook", "bump": "minor"}))]
pub struct ReleaseBody {
    /// The author's words, at most 1 KiB.
    #[serde(default)]
    note: String,
    /// `minor` (default), or `major` for changes that callers notice.
    #[serde(default)]
    bump: BumpName,
}

/// Which part of the number is raised.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BumpName {
    /// The second.
    #[default]
    Minor,
    /// The first.
    Major,
}

impl Wire for ReleaseBody {
    fn read(value: Value) -> Result<Self, Problem> {
        typed(value)
    }
}

/// Release the draft
#[utoipa::path(post, operation_id = "createRelease", path = "/v1/integrations/{name}/releases", tag = "releases", request_body = ReleaseBody,
    params(("name" = String, Path, description = "The integration", example = "order-alert")),
    responses((status = 201, description = "The release; it serves triggers from now on", body = ReleaseView)))]
pub async fn create(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Body(body): Body<ReleaseBody>,
) -> Result<(StatusCode, Json<ReleaseView>), Problem> {
    let bump = match body.bump {
        BumpName::Minor => Bump::Minor,
        BumpName::Major => Bump::Major,
    };
    let release = authoring::release(&state.services, &name, body.note, bump).await?;
    Ok((StatusCode::CREATED, Json(release.into())))
}

/// Which releases to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// How many (20).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    first: Option<First>,
    /// Those after this release in the list.
    #[param(value_type = Option<String>, example = "1.3")]
    after: Option<Word<ReleaseNumber>>,
    /// Those before this release in the list.
    #[param(value_type = Option<String>)]
    before: Option<Word<ReleaseNumber>>,
}

/// List the releases, newest first
#[utoipa::path(get, operation_id = "listReleases", path = "/v1/integrations/{name}/releases", tag = "releases",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), Listing),
    responses((status = 200, description = "A page of releases", body = List<ReleaseView>)))]
pub async fn list(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Query(listing): Query<Listing>,
) -> Result<Json<List<ReleaseView>>, Problem> {
    let request = page(listing.first, listing.after, listing.before)?;
    let id = find(&state, &name).await?.id;
    let page = state.services.catalog.list_releases(id, request).await?;
    Ok(Json(List::of(page, |release| release.number.to_string(), ReleaseView::from)))
}

/// Which release to go back to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"release": "1.0"}))]
pub struct RollbackBody {
    /// Its number, such as `1.0`.
    release: String,
    /// The author's words, at most 1 KiB.
    #[serde(default)]
    note: String,
}

impl Wire for RollbackBody {
    fn read(value: Value) -> Result<Self, Problem> {
        typed(value)
    }
}

/// Go back to an earlier release's code
#[utoipa::path(post, operation_id = "rollback", path = "/v1/integrations/{name}/rollback", tag = "releases", request_body = RollbackBody,
    params(("name" = String, Path, description = "The integration", example = "order-alert")),
    responses((status = 201, description = "A new release with the old code", body = ReleaseView)))]
pub async fn rollback(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Body(body): Body<RollbackBody>,
) -> Result<(StatusCode, Json<ReleaseView>), Problem> {
    let number: ReleaseNumber = body
        .release
        .parse()
        .map_err(|()| Problem::invalid("release", "invalid_release", "must be a release's number, such as 1.0"))?;
    let release = authoring::rollback(&state.services, &name, number, body.note).await?;
    Ok((StatusCode::CREATED, Json(release.into())))
}

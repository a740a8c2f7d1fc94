//! Dead jobs by what went wrong.

use axum::Json;
use axum::extract::State as Extracted;
use serde::{Deserialize, Serialize};
use store::queue::MAX_PAGE;
use utoipa::{IntoParams, ToSchema};
use workers::dead::{self, Fingerprint, Group};

use super::jobs::{JobView, listed, name_of, view};
use crate::http::auth::Caller;
use crate::http::error::Problem;
use crate::http::params::{Fingerprinted, First, Number, Query};
use crate::http::state::State;
use crate::http::wire;

/// Dead jobs of one integration that failed in the same way.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupView {
    /// What they have in common: 16 hexadecimal digits.
    fingerprint: String,
    /// Their integration.
    integration: String,
    /// The error's code.
    code: String,
    /// The error's name.
    name: String,
    /// The message of the one that died last.
    message: String,
    /// How many there are.
    count: u64,
    /// When the first of them died.
    first_at: String,
    /// When the last of them died.
    last_at: String,
    /// The one that died last.
    sample: JobView,
}

/// Groups of dead jobs, those with the most jobs first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadGroups {
    /// The groups.
    items: Vec<GroupView>,
    /// What to pass as `after` for the next page; null at the end.
    next: Option<String>,
    /// How many groups there are.
    total_count: u64,
    /// Whether all dead jobs were looked at, and not only the newest 20,000.
    complete: bool,
}

/// Which groups to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Of this integration.
    integration: Option<String>,
    /// How many (20).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    first: Option<First>,
    /// Those after this place in the list.
    after: Option<String>,
}

/// List dead jobs, grouped by what went wrong
///
/// Errors are the same if they have the same code, name and innermost function, and their messages differ in numbers, ids
/// and quoted parts alone.
#[utoipa::path(get, operation_id = "listDead", path = "/v1/dead", tag = "jobs", params(Listing),
    responses((status = 200, description = "A page of groups", body = DeadGroups)))]
pub async fn list(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Query(listing): Query<Listing>,
) -> Result<Json<DeadGroups>, Problem> {
    let integration = listed(&state, &caller, listing.integration.as_deref())?;
    let groups = dead::groups(&state.services, integration).await?;
    let total_count = groups.items.len() as u64;
    let skipped = match &listing.after {
        None => 0,
        Some(after) => {
            let found = groups.items.iter().position(|group| place(group) == *after);
            found.map(|at| at + 1).ok_or_else(|| {
                Problem::invalid("after", "invalid_parameter", "is no group any more: begin again without it")
            })?
        }
    };
    let first = listing.first.map_or(20, |Number(first)| first);
    let page: Vec<Group> = groups.items.into_iter().skip(skipped).take(first).collect();
    let more = (skipped + page.len()) < usize::try_from(total_count).unwrap_or(usize::MAX);
    let next = page.last().filter(|_| more).map(place);
    let items = page.into_iter().map(|group| group_view(&state, group)).collect();
    Ok(Json(DeadGroups { items, next, total_count, complete: groups.is_complete }))
}

/// A group's place in the list.
fn place(group: &Group) -> String {
    format!("{}-{}", group.fingerprint, group.integration)
}

fn group_view(state: &State, group: Group) -> GroupView {
    GroupView {
        fingerprint: group.fingerprint.to_string(),
        integration: name_of(state, group.integration),
        code: group.error.code,
        name: group.error.name,
        message: group.error.message,
        count: group.count,
        first_at: wire::time(group.first),
        last_at: wire::time(group.last),
        sample: view(state, group.sample),
    }
}

/// One group, with its jobs.
#[derive(Serialize, ToSchema)]
pub struct DeadGroup {
    #[serde(flatten)]
    group: GroupView,
    /// Its newest jobs, at most 100.
    jobs: Vec<JobView>,
}

/// Whose group.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Whose {
    /// The integration; may be left out if the group is of one alone.
    integration: Option<String>,
}

/// Look at a group of dead jobs
#[utoipa::path(get, operation_id = "getDead", path = "/v1/dead/{fingerprint}", tag = "jobs",
    params(("fingerprint" = String, Path, description = "The group's fingerprint"), Whose),
    responses((status = 200, description = "The group and its newest jobs", body = DeadGroup)))]
pub async fn show(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Fingerprinted(fingerprint): Fingerprinted,
    Query(whose): Query<Whose>,
) -> Result<Json<DeadGroup>, Problem> {
    let integration = listed(&state, &caller, whose.integration.as_deref())?;
    let group = find(&state, integration, fingerprint).await?;
    let mut jobs = dead::jobs_of(&state.services, group.integration, fingerprint).await?;
    jobs.truncate(MAX_PAGE);
    let jobs = jobs.into_iter().map(|job| view(&state, job)).collect();
    Ok(Json(DeadGroup { group: group_view(&state, group), jobs }))
}

async fn find(
    state: &State,
    integration: Option<store::IntegrationId>,
    fingerprint: Fingerprint,
) -> Result<Group, Problem> {
    let groups = dead::groups(&state.services, integration).await?;
    let mut found = groups.items.into_iter().filter(|group| group.fingerprint == fingerprint);
    match (found.next(), found.next()) {
        (Some(group), None) => Ok(group),
        (Some(_), Some(_)) => {
            let detail = "jobs of several integrations died of this: name one of them";
            Err(Problem::invalid("integration", "missing_parameter", detail))
        }
        (None, _) => Err(Problem::not_found(
            "group_not_found",
            format!("no dead job has the fingerprint {fingerprint}; GET /v1/dead lists the groups"),
        )),
    }
}

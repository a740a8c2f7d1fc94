//! Jobs: list, look at, delete, replay.

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::StatusCode;
use schedules::{Key, Outside, WindowSpec};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::catalog::RunRecord;
use store::queue::{Inspect, JobFilter, JobView as Queued, Selector, State as Place};
use store::{IntegrationId, JobId};
use utoipa::{IntoParams, ToSchema};
use workers::{dead, invoke, jobs};

use super::invoke::Invocation;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::error::Problem;
use crate::http::openapi::bodies::{MoveBody, ReplayBody};
use crate::http::params::{self, First, Id, Query, Word, page};
use crate::http::state::State;
use crate::http::wire::{self, List};

/// A job; of one that has left the queue, what its latest run tells.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// Its id.
    id: String,
    /// The integration's name.
    integration: String,
    /// `pending`, `running` or `dead`; after it left the queue, its outcome.
    state: String,
    /// Why it exists.
    cause: String,
    /// The caller's key.
    #[schema(value_type = Option<Value>)]
    key: Option<Box<RawValue>>,
    /// When it was, or is, due.
    due_at: String,
    /// When the call was accepted.
    created_at: String,
    /// Attempts made, the running one included.
    attempt: u32,
    /// The last attempt's error.
    #[schema(value_type = Option<Value>)]
    error: Option<Box<RawValue>>,
    /// The latest run, once the job has left the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<String>,
    /// When it left the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    /// What only jobs in the queue have.
    #[serde(flatten)]
    queued: Option<QueuedPart>,
}

/// What only jobs in the queue have.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuedPart {
    /// The payload.
    #[schema(value_type = Value)]
    payload: Box<RawValue>,
    /// The major release it is pinned to.
    major: Option<u32>,
    /// 0 (last) to 9 (first).
    priority: u8,
    /// The key fields that it takes turns by, and shares a concurrency and a backlog with.
    #[schema(value_type = Option<Value>)]
    lane: Option<Box<RawValue>>,
    /// How many units of each rate limit it takes.
    weight: u32,
    /// Whether it waits in line for room in a rate limit.
    delayed_by_limit: bool,
    /// The days and hours in which it may start.
    window: Option<WindowView>,
    /// The nominal time of its tick.
    nominal: Option<String>,
    /// Leases that ran out.
    leases_lost: u32,
    /// Until when the lease lasts, while running.
    lease_until: Option<String>,
    /// When it died, for dead jobs.
    died_at: Option<String>,
}

/// A window as the caller wrote it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowView {
    day: Option<String>,
    time: Option<String>,
    timezone: Option<String>,
    timezone_offset: Option<i32>,
    holidays: Vec<String>,
    outside: &'static str,
}

impl From<WindowSpec> for WindowView {
    fn from(window: WindowSpec) -> Self {
        Self {
            day: window.day,
            time: window.time,
            timezone: window.timezone,
            timezone_offset: window.timezone_offset_minutes,
            holidays: window.holidays,
            outside: match window.outside {
                Outside::Move => "move",
                Outside::Drop => "drop",
            },
        }
    }
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Pending => "pending",
        Place::Running => "running",
        Place::Dead => "dead",
    }
}

/// A job in the queue as the API shows it.
pub fn view(state: &State, queued: Queued) -> JobView {
    let job = queued.job;
    // A script may have put a secret into what it scheduled.
    let secrets = state.services.secrets.of(job.integration);
    let masked = |json: &str| match &secrets {
        Ok(secrets) => wire::raw(&secrets.redactor().redact_json(json)),
        Err(_) => wire::raw("\"******\""),
    };
    JobView {
        id: job.id.to_string(),
        integration: name_of(state, job.integration),
        state: place(queued.state).to_owned(),
        cause: job.cause.to_string(),
        key: job.key.as_ref().map(|key| masked(key.canonical())),
        due_at: wire::time(job.due),
        created_at: wire::time(job.created),
        attempt: queued.attempt,
        error: wire::raw_option(queued.error.as_deref()),
        run_id: None,
        finished_at: None,
        queued: Some(QueuedPart {
            payload: masked(&job.payload),
            major: job.release,
            priority: job.priority,
            weight: job.weight,
            lane: job.lane.as_deref().map(masked),
            delayed_by_limit: queued.delayed_by_limit,
            window: job.window.map(WindowView::from),
            nominal: job.tick.map(|tick| wire::time(tick.nominal)),
            leases_lost: queued.lost,
            lease_until: queued.lease_until.map(wire::time),
            died_at: queued.died.map(wire::time),
        }),
    }
}

fn gone(run: RunRecord) -> JobView {
    JobView {
        id: run.job.to_string(),
        integration: run.integration_name,
        state: run.outcome.to_string(),
        cause: run.cause.to_string(),
        key: wire::raw_option(run.key.as_deref()),
        due_at: wire::time(run.due),
        created_at: wire::time(run.queued),
        attempt: run.attempt,
        error: wire::raw_option(run.error.as_deref()),
        run_id: Some(run.id.to_string()),
        finished_at: Some(wire::time(run.finished)),
        queued: None,
    }
}

/// The integration's name, or its id when it was deleted meanwhile.
pub fn name_of(state: &State, id: IntegrationId) -> String {
    state.services.directory.by_id(id).map_or_else(|| id.to_string(), |entry| entry.name.to_string())
}

/// The job, if the queue holds it and the key may see it.
async fn queued(state: &State, caller: &Caller, job: JobId) -> Result<Option<Queued>, Problem> {
    let found = state.services.queue.get(job).await?;
    match found {
        Some(queued) if !caller.sees(&name_of(state, queued.job.integration)) => Err(Problem::no_job(job)),
        found => Ok(found),
    }
}

/// A job by its id, in the queue or in the history.
async fn find(state: &State, caller: &Caller, job: JobId) -> Result<JobView, Problem> {
    if let Some(queued) = queued(state, caller, job).await? {
        return Ok(view(state, queued));
    }
    if let Some(run) = state.services.catalog.latest_run_of(job).await? {
        return if caller.sees(&run.integration_name) { Ok(gone(run)) } else { Err(Problem::no_job(job)) };
    }
    // Between the two looks a retry may have put it back.
    let found = queued(state, caller, job).await?;
    found.map(|queued| view(state, queued)).ok_or_else(|| Problem::no_job(job))
}

/// Which jobs to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Of this integration.
    integration: Option<String>,
    /// `pending`, `running` or `dead`; jobs that left the queue are found as runs.
    #[param(inline)]
    state: Option<PlaceName>,
    /// With exactly this key, as JSON; needs `integration`.
    #[param(value_type = Option<String>, example = r#"{"email":"a@example.com"}"#)]
    key: Option<params::Json>,
    /// Whose key contains these fields, as JSON; needs `integration`.
    #[param(value_type = Option<String>)]
    r#match: Option<params::Json>,
    /// How many (20).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    first: Option<First>,
    /// Those after this id in the list.
    #[param(value_type = Option<String>)]
    after: Option<Word<JobId>>,
    /// Those before this id in the list.
    #[param(value_type = Option<String>)]
    before: Option<Word<JobId>>,
}

/// Where a job is.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PlaceName {
    /// It waits.
    Pending,
    /// A worker has it.
    Running,
    /// Its last attempt failed.
    Dead,
}

impl From<PlaceName> for Place {
    fn from(name: PlaceName) -> Self {
        match name {
            PlaceName::Pending => Self::Pending,
            PlaceName::Running => Self::Running,
            PlaceName::Dead => Self::Dead,
        }
    }
}

/// The integration a list is about: the one that is named, or the only one the key is bound to.
pub fn listed(state: &State, caller: &Caller, named: Option<&str>) -> Result<Option<IntegrationId>, Problem> {
    let name = match (named, caller.integrations()) {
        (Some(name), _) if !caller.sees(name) => {
            let problem = Problem::forbidden("integration_not_allowed", "this API key is bound to other integrations");
            return Err(Problem { field: Some("integration".into()), ..problem });
        }
        (Some(name), _) => name,
        (None, []) => return Ok(None),
        (None, [only]) => only,
        (None, [..]) => {
            let detail = "this API key is bound to several integrations: name one of them";
            return Err(Problem::invalid("integration", "missing_parameter", detail));
        }
    };
    let entry = state.services.directory.by_name(name);
    entry.map(|entry| Some(entry.id)).ok_or_else(|| Problem::no_integration(name))
}

fn selector(listing: &Listing) -> Result<Option<Selector>, Problem> {
    let (field, value) = match (&listing.key, &listing.r#match) {
        (None, None) => return Ok(None),
        (Some(params::Json(key)), None) => ("key", key),
        (None, Some(params::Json(part))) => ("match", part),
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("match", "invalid_parameter", "cannot be used together with `key`"));
        }
    };
    if listing.integration.is_none() {
        return Err(Problem::invalid(
            "integration",
            "missing_parameter",
            format!("must be given together with `{field}`"),
        ));
    }
    let key = Key::parse(value).map_err(|error| Problem::invalid(field, error.code, error.message))?;
    Ok(Some(if field == "key" { Selector::Key(key) } else { Selector::Match(key) }))
}

/// List the jobs in the queue, newest first
#[utoipa::path(get, operation_id = "listJobs", path = "/v1/jobs", tag = "jobs", params(Listing),
    responses((status = 200, description = "A page of jobs", body = List<JobView>)))]
pub async fn list(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Query(listing): Query<Listing>,
) -> Result<Json<List<JobView>>, Problem> {
    let filter = JobFilter {
        integration: listed(&state, &caller, listing.integration.as_deref())?,
        state: listing.state.map(Place::from),
        selector: selector(&listing)?,
    };
    let request = page(listing.first, listing.after, listing.before)?;
    let page = state.services.queue.list(filter, request).await?;
    Ok(Json(List::of(page, |queued| queued.job.id.to_string(), |queued| view(&state, queued))))
}

/// Look at a job
#[utoipa::path(get, operation_id = "getJob", path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path, description = "The job")),
    responses((status = 200, description = "The job, in the queue or as its latest run tells", body = JobView)))]
pub async fn show(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Id(job): Id<JobId>,
) -> Result<Json<JobView>, Problem> {
    find(&state, &caller, job).await.map(Json)
}

/// Take a pending job out, or forget a dead one
#[utoipa::path(delete, operation_id = "deleteJob", path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path, description = "The job")),
    responses((status = 204, description = "It is gone")))]
pub async fn remove(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Id(job): Id<JobId>,
) -> Result<StatusCode, Problem> {
    queued(&state, &caller, job).await?;
    jobs::delete(&state.services, job).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A job that is pending again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// Its id.
    job_id: String,
}

/// Run a dead job again, with all its attempts
#[utoipa::path(post, operation_id = "replayJob", path = "/v1/jobs/{id}/replay", tag = "jobs", params(("id" = String, Path, description = "The job")),
    request_body = ReplayBody,
    responses((status = 202, description = "It is pending again", body = Replayed)))]
pub async fn replay(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Id(job): Id<JobId>,
    Body(Invocation(body)): Body<Invocation>,
) -> Result<(StatusCode, Json<Replayed>), Problem> {
    queued(&state, &caller, job).await?;
    dead::replay(&state.services, job, body).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed { job_id: job.to_string() })))
}

/// A job with a new due time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// Its id.
    job_id: String,
    /// When it is due, inside its window.
    due_at: String,
}

/// Give a pending job another due time
#[utoipa::path(post, operation_id = "rescheduleJob", path = "/v1/jobs/{id}/reschedule", tag = "jobs", params(("id" = String, Path, description = "The job")),
    request_body = MoveBody, responses((status = 200, description = "It is moved", body = Moved)))]
pub async fn reschedule(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Id(job): Id<JobId>,
    Body(Invocation(body)): Body<Invocation>,
) -> Result<Json<Moved>, Problem> {
    queued(&state, &caller, job).await?;
    let due = invoke::reschedule_job(&state.services, job, body).await?;
    Ok(Json(Moved { job_id: job.to_string(), due_at: wire::time(due) }))
}

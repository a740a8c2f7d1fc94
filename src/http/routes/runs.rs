//! Runs: list, look at, follow.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extracted;
use axum::response::Response;
use axum::response::sse::Event;
use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::catalog::{LogLine, Outcome, RunFilter, RunRecord};
use store::{JobId, RunId};
use utoipa::{IntoParams, ToSchema};
use workers::live::{Follow, FollowAll, Lagged, Running, Update};

use super::jobs::listed;
use crate::http::auth::Caller;
use crate::http::error::Problem;
use crate::http::params::{First, Id, Query, Time, Word, page};
use crate::http::state::State;
use crate::http::streams;
use crate::http::wire::{self, List};

/// One attempt at a job, or the end of a job that never ran.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// Its id.
    id: String,
    /// Whose attempt.
    job_id: String,
    /// The integration's name at that time.
    integration: String,
    /// The release that ran; null for previews.
    release: Option<String>,
    /// Why it ran.
    cause: String,
    /// Which attempt, from 1; 0 for jobs that never ran.
    attempt: u32,
    /// How it ended; null while it runs.
    outcome: Option<&'static str>,
    /// When the job was accepted.
    queued_at: String,
    /// When the job was due.
    due_at: String,
    /// When the attempt started; null for jobs that never ran.
    started_at: Option<String>,
    /// When it ended; null while it runs.
    finished_at: Option<String>,
    /// The caller's key.
    #[schema(value_type = Option<Value>)]
    key: Option<Box<RawValue>>,
    /// What the handler returned.
    #[schema(value_type = Option<Value>)]
    result: Option<Box<RawValue>>,
    /// What went wrong.
    #[schema(value_type = Option<Value>)]
    error: Option<Box<RawValue>>,
    /// The log; lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<Vec<LineView>>,
}

/// One line of a run's log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineView {
    /// Milliseconds since the run started.
    at_ms: u32,
    /// `boot`, `debug`, `info`, `warn`, `error`, `http` or `end`.
    level: String,
    /// The line.
    message: String,
    /// What it expands to.
    #[schema(value_type = Option<Value>)]
    detail: Option<Box<RawValue>>,
}

/// A line in a stream of many runs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineOf<'a> {
    run_id: String,
    integration: &'a str,
    #[serde(flatten)]
    line: LineView,
}

impl From<&LogLine> for LineView {
    fn from(line: &LogLine) -> Self {
        let detail = wire::raw_option(line.detail.as_deref());
        Self { at_ms: line.at_ms, level: line.level.clone(), message: line.message.clone(), detail }
    }
}

impl RunView {
    /// A run without its log.
    pub fn summary(run: &RunRecord) -> Self {
        Self {
            id: run.id.to_string(),
            job_id: run.job.to_string(),
            integration: run.integration_name.clone(),
            release: run.release.map(|number| number.to_string()),
            cause: run.cause.to_string(),
            attempt: run.attempt,
            outcome: Some(run.outcome.name()),
            queued_at: wire::time(run.queued),
            due_at: wire::time(run.due),
            started_at: run.started.map(wire::time),
            finished_at: Some(wire::time(run.finished)),
            key: wire::raw_option(run.key.as_deref()),
            result: wire::raw_option(run.result.as_deref()),
            error: wire::raw_option(run.error.as_deref()),
            logs: None,
        }
    }

    /// A run with its log.
    pub fn full(run: &RunRecord) -> Self {
        Self { logs: Some(run.logs.iter().map(LineView::from).collect()), ..Self::summary(run) }
    }

    fn running(run: &Running, lines: &[LogLine]) -> Self {
        Self {
            id: run.run.to_string(),
            job_id: run.job.to_string(),
            integration: run.integration_name.to_string(),
            release: run.release.map(|number| number.to_string()),
            cause: run.cause.to_string(),
            attempt: run.attempt,
            outcome: None,
            queued_at: wire::time(run.queued),
            due_at: wire::time(run.due),
            started_at: Some(wire::time(run.started)),
            finished_at: None,
            key: None,
            result: None,
            error: None,
            logs: Some(lines.iter().map(LineView::from).collect()),
        }
    }
}

/// Which runs to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Of this integration.
    integration: Option<String>,
    /// With this outcome, such as `succeeded` or `failed`.
    #[param(value_type = Option<String>)]
    outcome: Option<Word<Outcome>>,
    /// Of this job.
    #[param(value_type = Option<String>)]
    job_id: Option<Word<JobId>>,
    /// Finished at or after this time: ISO 8601 or Unix milliseconds.
    #[param(value_type = Option<String>)]
    from: Option<Time>,
    /// Finished before this time.
    #[param(value_type = Option<String>)]
    to: Option<Time>,
    /// How many (20).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    first: Option<First>,
    /// Those after this id in the list.
    #[param(value_type = Option<String>)]
    after: Option<Word<RunId>>,
    /// Those before this id in the list.
    #[param(value_type = Option<String>)]
    before: Option<Word<RunId>>,
}

/// List the finished runs, newest first
#[utoipa::path(get, operation_id = "listRuns", path = "/v1/runs", tag = "runs", params(Listing),
    responses((status = 200, description = "A page of runs, without their logs", body = List<RunView>)))]
pub async fn list(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Query(listing): Query<Listing>,
) -> Result<Json<List<RunView>>, Problem> {
    let filter = RunFilter {
        integration: listed(&state, &caller, listing.integration.as_deref())?,
        outcome: listing.outcome.map(|Word(outcome)| outcome),
        job: listing.job_id.map(|Word(job)| job),
        from: listing.from.map(|Time(from)| from),
        to: listing.to.map(|Time(to)| to),
    };
    let request = page(listing.first, listing.after, listing.before)?;
    let page = state.services.catalog.list_runs(&state.services.options.workspace, filter, request).await?;
    Ok(Json(List::of(page, |run| run.id.to_string(), |run| RunView::summary(&run))))
}

/// The finished run, if there is one that the key may see.
async fn finished(state: &State, caller: &Caller, id: RunId) -> Result<RunRecord, Problem> {
    let run = state.services.catalog.run(id).await?.filter(|run| caller.sees(&run.integration_name));
    run.ok_or_else(|| Problem::no_run(id))
}

/// Look at a run
#[utoipa::path(get, operation_id = "getRun", path = "/v1/runs/{id}", tag = "runs", params(("id" = String, Path, description = "The run")),
    responses((status = 200, description = "The run with its log, running or finished", body = RunView)))]
pub async fn show(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Id(id): Id<RunId>,
) -> Result<Json<RunView>, Problem> {
    match state.services.live.running(id).filter(|running| caller.sees(&running.integration_name)) {
        Some(running) => Ok(Json(RunView::running(&running, &state.services.live.lines(id)))),
        None => Ok(Json(RunView::full(&finished(&state, &caller, id).await?))),
    }
}

/// Follow one run
///
/// Events `line`, one per line of its log from the first on, then `finished` with the run, or `given_up` when its job went back to
/// the queue.
#[utoipa::path(get, operation_id = "followRun", path = "/v1/runs/{id}/stream", tag = "runs", params(("id" = String, Path, description = "The run")),
    responses((status = 200, description = "Its lines, then the run", content_type = "text/event-stream", body = String)))]
pub async fn follow(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Id(id): Id<RunId>,
) -> Result<Response, Problem> {
    let running = state.services.live.running(id).filter(|running| caller.sees(&running.integration_name));
    if let Some(follow) = running.and_then(|_| state.services.live.follow(id)) {
        return streams::stream(&state, events(state.clone(), id, follow));
    }
    let run = finished(&state, &caller, id).await?;
    let lines: Vec<Event> = run.logs.iter().map(|line| streams::event("line", &LineView::from(line))).collect();
    let last = streams::event("finished", &RunView::full(&run));
    streams::stream(&state, stream::iter(lines.into_iter().chain([last])))
}

/// A running run's events until it ends.
pub fn events(state: State, id: RunId, follow: Follow) -> impl Stream<Item = Event> + Send {
    let updates = stream::unfold((state, follow, false), move |(state, mut follow, ended)| async move {
        if ended {
            return None;
        }
        let update = next(&state, id, &mut follow).await?;
        let ended = matches!(update, Update::Finished(_) | Update::GivenUp { .. });
        Some((update, (state, follow, ended)))
    });
    updates.filter_map(|update| std::future::ready(event(&update)))
}

/// The next update of a run; when its end was missed, what the history has.
pub async fn next(state: &State, id: RunId, follow: &mut Follow) -> Option<Update> {
    match follow.next().await {
        Some(update) => Some(update),
        None => state.services.catalog.run(id).await.ok().flatten().map(|run| Update::Finished(Arc::new(run))),
    }
}

fn event(update: &Update) -> Option<Event> {
    match update {
        Update::Started(_) => None,
        Update::Line { line, .. } => Some(streams::event("line", &LineView::from(line))),
        Update::Finished(run) => Some(streams::event("finished", &RunView::full(run))),
        Update::GivenUp { run, .. } => Some(streams::event("given_up", &serde_json::json!({ "id": run.to_string() }))),
    }
}

/// Which runs to follow.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Following {
    /// Of this integration.
    integration: Option<String>,
}

/// Follow all runs from now on
///
/// Events `started`, `line`, `finished` and `given_up`, and `lagged` with `{missed}` for a client that reads too slowly.
#[utoipa::path(get, operation_id = "followRuns", path = "/v1/runs/stream", tag = "runs", params(Following),
    responses((status = 200, description = "What happens", content_type = "text/event-stream", body = String)))]
pub async fn follow_all(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Query(Following { integration }): Query<Following>,
) -> Result<Response, Problem> {
    if let Some(name) = &integration {
        listed(&state, &caller, Some(name))?;
    }
    let updates =
        stream::unfold(
            state.services.live.follow_all(),
            |mut all: FollowAll| async move { Some((all.next().await, all)) },
        );
    let wanted = move |name: &str| caller.sees(name) && integration.as_deref().is_none_or(|only| only == name);
    streams::stream(&state, updates.filter_map(move |update| std::future::ready(event_of_all(update, &wanted))))
}

fn event_of_all(update: Result<Update, Lagged>, wanted: &impl Fn(&str) -> bool) -> Option<Event> {
    match update {
        Ok(Update::Started(run)) => {
            wanted(&run.integration_name).then(|| streams::event("started", &RunView::running(&run, &[])))
        }
        Ok(Update::Line { run, integration_name, line }) => wanted(&integration_name).then(|| {
            let (run_id, line) = (run.to_string(), LineView::from(&line));
            streams::event("line", &LineOf { run_id, integration: &integration_name, line })
        }),
        Ok(Update::Finished(run)) => {
            wanted(&run.integration_name).then(|| streams::event("finished", &RunView::summary(&run)))
        }
        Ok(Update::GivenUp { run, integration_name }) => {
            wanted(&integration_name).then(|| streams::event("given_up", &serde_json::json!({ "id": run.to_string() })))
        }
        Err(Lagged(missed)) => Some(streams::event("lagged", &serde_json::json!({ "missed": missed }))),
    }
}

//! Schedules: put, look at, list, delete, pause, resume, run now, backfill; their ticks, the next ones, and the proof.

mod views;

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::StatusCode;
use schedules::Millis;
use serde::Deserialize;
use serde_json::Value;
use store::ScheduleId;
use store::catalog::{ScheduleFilter, TickPlace};
use store::queue::{PageRequest, TickRecord};
use utoipa::IntoParams;
use workers::timetable::{self, Written};

use super::integrations::PauseBody;
use crate::http::auth::Caller;
use crate::http::body::{Body, Nothing, Wire};
use crate::http::error::Problem;
use crate::http::openapi::bodies::{BackfillBody, TimetableBody};
use crate::http::params::{Backfilled, First, Named, Number, Query, Scheduled, Time};
use crate::http::state::State;
use crate::http::wire::{self, List};
use views::{BackfillView, JobOf, ReportView, ScheduleView, TickView, UpcomingView};

const DAY_MS: i64 = 86_400_000;

/// A schedule as a body has it; `workers` reads it.
pub struct Put(Written);

impl Wire for Put {
    fn read(value: Value) -> Result<Self, Problem> {
        Ok(Self(Written::parse(value)?))
    }
}

/// A body that `workers` reads.
pub struct Raw(Value);

impl Wire for Raw {
    fn read(value: Value) -> Result<Self, Problem> {
        Ok(Self(value))
    }
}

/// Make a schedule, or change the one with that name
#[utoipa::path(put, operation_id = "putSchedule", path = "/v1/integrations/{name}/schedules/{schedule}", tag = "schedules", request_body = TimetableBody,
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("schedule" = String, Path, description = "The schedule", example = "customer-17")),
    responses((status = 201, description = "Made", body = ScheduleView), (status = 200, description = "Changed, or the same already", body = ScheduleView)))]
pub async fn put(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Scheduled(schedule): Scheduled,
    Body(Put(written)): Body<Put>,
) -> Result<(StatusCode, Json<ScheduleView>), Problem> {
    let (_, made) = timetable::put(&state.services, &name, &schedule, written).await?;
    let shown = timetable::show(&state.services, &name, &schedule).await?;
    Ok((if made { StatusCode::CREATED } else { StatusCode::OK }, Json(shown.into())))
}

/// Look at a schedule
#[utoipa::path(get, operation_id = "getSchedule", path = "/v1/integrations/{name}/schedules/{schedule}", tag = "schedules",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("schedule" = String, Path, description = "The schedule; `default` is that of the settings", example = "customer-17")),
    responses((status = 200, description = "The schedule, and where it is", body = ScheduleView)))]
pub async fn show(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Scheduled(schedule): Scheduled,
) -> Result<Json<ScheduleView>, Problem> {
    Ok(Json(timetable::show(&state.services, &name, &schedule).await?.into()))
}

/// Which schedules to list.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Narrow {
    /// Those that are paused.
    Paused,
    /// Those whose last tick failed for good.
    Failing,
}

/// Which schedules to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// How many (20).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    first: Option<First>,
    /// Those after this name.
    after: Option<String>,
    /// Those before this name.
    before: Option<String>,
    /// Only those that are `paused` or `failing`.
    #[param(value_type = Option<String>, example = "paused")]
    only: Option<Narrow>,
}

/// List the schedules of an integration, by name
#[utoipa::path(get, operation_id = "listSchedules", path = "/v1/integrations/{name}/schedules", tag = "schedules",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), Listing),
    responses((status = 200, description = "A page of schedules", body = List<ScheduleView>)))]
pub async fn list(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Query(Listing { first, after, before, only }): Query<Listing>,
) -> Result<Json<List<ScheduleView>>, Problem> {
    let filter = match only {
        None => ScheduleFilter::All,
        Some(Narrow::Paused) => ScheduleFilter::Paused,
        Some(Narrow::Failing) => ScheduleFilter::Failing,
    };
    let page = timetable::list(&state.services, &name, filter, page(first, after, before)?).await?;
    Ok(Json(List::of(page, |shown| shown.stored.name.clone(), ScheduleView::from)))
}

fn page<C>(first: Option<First>, after: Option<C>, before: Option<C>) -> Result<PageRequest<C>, Problem> {
    if after.is_some() && before.is_some() {
        return Err(Problem::invalid("before", "invalid_parameter", "cannot be used together with `after`"));
    }
    Ok(PageRequest { first: first.map_or(20, |Number(first)| first), after, before })
}

/// Delete a schedule
#[utoipa::path(delete, operation_id = "deleteSchedule", path = "/v1/integrations/{name}/schedules/{schedule}", tag = "schedules",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("schedule" = String, Path, description = "The schedule", example = "customer-17")),
    responses((status = 204, description = "It is gone; ticks that are queued already still run")))]
pub async fn remove(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Scheduled(schedule): Scheduled,
) -> Result<StatusCode, Problem> {
    timetable::delete(&state.services, &name, &schedule).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hold a schedule: its ticks are skipped
#[utoipa::path(post, operation_id = "pauseSchedule", path = "/v1/integrations/{name}/schedules/{schedule}/pause", tag = "schedules", request_body = PauseBody,
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("schedule" = String, Path, description = "The schedule", example = "customer-17")),
    responses((status = 200, description = "The paused schedule", body = ScheduleView)))]
pub async fn pause(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Named(name): Named,
    Scheduled(schedule): Scheduled,
    Body(PauseBody { note }): Body<PauseBody>,
) -> Result<Json<ScheduleView>, Problem> {
    let by = format!("api key {}", caller.id());
    timetable::pause(&state.services, &name, &schedule, note, &by).await?;
    Ok(Json(timetable::show(&state.services, &name, &schedule).await?.into()))
}

/// Let a schedule fire again
#[utoipa::path(post, operation_id = "resumeSchedule", path = "/v1/integrations/{name}/schedules/{schedule}/resume", tag = "schedules",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("schedule" = String, Path, description = "The schedule", example = "customer-17")),
    responses((status = 200, description = "The schedule; ticks of the pause are not made up for", body = ScheduleView)))]
pub async fn resume(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Scheduled(schedule): Scheduled,
    Body(Nothing): Body<Nothing>,
) -> Result<Json<ScheduleView>, Problem> {
    timetable::resume(&state.services, &name, &schedule).await?;
    Ok(Json(timetable::show(&state.services, &name, &schedule).await?.into()))
}

/// Run a schedule's job now, beside its ticks
#[utoipa::path(post, operation_id = "runSchedule", path = "/v1/integrations/{name}/schedules/{schedule}/run", tag = "schedules",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("schedule" = String, Path, description = "The schedule", example = "customer-17")),
    responses((status = 202, description = "It is queued, with the cause `manual`", body = JobOf)))]
pub async fn run(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Scheduled(schedule): Scheduled,
    Body(Nothing): Body<Nothing>,
) -> Result<(StatusCode, Json<JobOf>), Problem> {
    let job = timetable::run(&state.services, &name, &schedule).await?;
    Ok((StatusCode::ACCEPTED, Json(JobOf { job_id: job.to_string() })))
}

/// Fire the ticks of a stretch of the past
#[utoipa::path(post, operation_id = "backfillSchedule", path = "/v1/integrations/{name}/schedules/{schedule}/backfill", tag = "schedules", request_body = BackfillBody,
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("schedule" = String, Path, description = "The schedule", example = "customer-17")),
    responses((status = 202, description = "It begins", body = BackfillView)))]
pub async fn backfill(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Scheduled(schedule): Scheduled,
    Body(Raw(body)): Body<Raw>,
) -> Result<(StatusCode, Json<BackfillView>), Problem> {
    let backfill = timetable::backfill(&state.services, &name, &schedule, body).await?;
    Ok((StatusCode::ACCEPTED, Json(backfill.into())))
}

/// List the backfills of a schedule, newest first
#[utoipa::path(get, operation_id = "listBackfills", path = "/v1/integrations/{name}/schedules/{schedule}/backfills", tag = "schedules",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("schedule" = String, Path, description = "The schedule", example = "customer-17")),
    responses((status = 200, description = "All that are kept, with their progress", body = List<BackfillView>)))]
pub async fn backfills(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Scheduled(schedule): Scheduled,
) -> Result<Json<List<BackfillView>>, Problem> {
    let all = timetable::backfills(&state.services, &name, &schedule).await?;
    let items: Vec<BackfillView> = all.into_iter().map(BackfillView::from).collect();
    Ok(Json(List { next: None, prev: None, total_count: items.len() as u64, items }))
}

/// Stop a backfill
#[utoipa::path(delete, operation_id = "stopBackfill", path = "/v1/integrations/{name}/schedules/{schedule}/backfills/{backfill}", tag = "schedules",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("schedule" = String, Path, description = "The schedule", example = "customer-17"), ("backfill" = String, Path, description = "The backfill", example = "01JD4Z8M3V9Q6T5X2Y7W0K1B8C")),
    responses((status = 200, description = "It is stopped; ticks that are queued already still run", body = BackfillView)))]
pub async fn stop_backfill(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Scheduled(schedule): Scheduled,
    Backfilled(id): Backfilled<ScheduleId>,
) -> Result<Json<BackfillView>, Problem> {
    Ok(Json(timetable::stop_backfill(&state.services, &name, &schedule, id).await?.into()))
}

/// Which records to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Records {
    /// How many (20).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    first: Option<First>,
    /// Those after this place, as `next` of a page says.
    after: Option<String>,
    /// Those before this place, as `prev` of a page says.
    before: Option<String>,
}

/// List what became of the ticks of a schedule, newest first
#[utoipa::path(get, operation_id = "listTicks", path = "/v1/integrations/{name}/schedules/{schedule}/ticks", tag = "schedules",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("schedule" = String, Path, description = "The schedule", example = "customer-17"), Records),
    responses((status = 200, description = "A page of the ledger", body = List<TickView>)))]
pub async fn ticks(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Scheduled(schedule): Scheduled,
    Query(Records { first, after, before }): Query<Records>,
) -> Result<Json<List<TickView>>, Problem> {
    let place = |name: &'static str, text: Option<String>| text.map(|text| read_place(name, &text)).transpose();
    let request = page(first, place("after", after)?, place("before", before)?)?;
    let page = timetable::ticks(&state.services, &name, &schedule, request).await?;
    Ok(Json(List::of(page, write_place, TickView::from)))
}

/// A place in the ledger: milliseconds of the first tick, and the job if there is one.
fn write_place(record: &TickRecord) -> String {
    let job = record.job.map(|job| format!("-{job}")).unwrap_or_default();
    format!("{}{job}", record.first.0)
}

fn read_place(field: &'static str, text: &str) -> Result<TickPlace, Problem> {
    let (ms, job) = text.split_once('-').unwrap_or((text, ""));
    match ms.parse() {
        Ok(ms) => Ok((Millis(ms), job.to_owned())),
        Err(_) => Err(Problem::invalid(field, "invalid_parameter", "must be a place that a page of this list named")),
    }
}

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
    /// The zone of the local times; that of the schedule if absent.
    #[param(example = "Europe/London")]
    timezone: Option<String>,
}

/// Compute the next ticks of a schedule
#[utoipa::path(get, operation_id = "nextTicksOfSchedule", path = "/v1/integrations/{name}/schedules/{schedule}/next", tag = "schedules",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("schedule" = String, Path, description = "The schedule", example = "customer-17"), Which),
    responses((status = 200, description = "The next ticks, from the engine's own code", body = List<UpcomingView>)))]
pub async fn next(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Scheduled(schedule): Scheduled,
    Query(Which { n, from, timezone }): Query<Which>,
) -> Result<Json<List<UpcomingView>>, Problem> {
    let (n, from) = (n.map_or(10, |Number(n)| n), from.map(|Time(from)| from));
    let next = timetable::next(&state.services, &name, &schedule, n, from, timezone.as_deref()).await?;
    let items: Vec<UpcomingView> = next.into_iter().map(UpcomingView::from).collect();
    Ok(Json(List { next: None, prev: None, total_count: items.len() as u64, items }))
}

/// Which period to compare.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Period {
    /// From this time on (a day before `to`): ISO 8601 or Unix milliseconds.
    #[param(value_type = Option<String>, example = "2026-03-01T00:00:00Z")]
    from: Option<Time>,
    /// Up to this time (now).
    #[param(value_type = Option<String>, example = "2026-03-02T00:00:00Z")]
    to: Option<Time>,
}

/// Prove that no tick of a period is missing or doubled
#[utoipa::path(get, operation_id = "verifySchedule", path = "/v1/integrations/{name}/schedules/{schedule}/verify", tag = "schedules",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("schedule" = String, Path, description = "The schedule", example = "customer-17"), Period),
    responses((status = 200, description = "The ledger, compared with what was in force", body = ReportView)))]
pub async fn verify(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Scheduled(schedule): Scheduled,
    Query(Period { from, to }): Query<Period>,
) -> Result<Json<ReportView>, Problem> {
    let to = to.map_or_else(|| state.services.clock.now(), |Time(to)| to);
    let from = from.map_or(to.after(-DAY_MS), |Time(from)| from);
    let report = timetable::verify(&state.services, &name, &schedule, from, to).await?;
    Ok(Json(ReportView::of(report, wire::time(from), wire::time(to))))
}

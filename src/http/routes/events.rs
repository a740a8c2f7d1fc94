//! Events: publish, look at the log, follow.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::StatusCode;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::EventPlace;
use store::catalog::{EventFilter, EventTypes, LoggedEvent};
use utoipa::{IntoParams, ToSchema};
use workers::events::{self, Judged, Miss, Reach, Verdict};
use workers::settings::TypePattern;

use crate::http::auth::Caller;
use crate::http::error::Problem;
use crate::http::openapi::bodies::EventBody;
use crate::http::params::{EventId, First, Query, Time, Word, page};
use crate::http::publication::Publication;
use crate::http::state::State;
use crate::http::streams;
use crate::http::wire::{self, List};

/// What became of the events of a call.
#[derive(Serialize, ToSchema)]
pub struct Published {
    /// Always true.
    ok: bool,
    /// What became of them.
    data: PublishedData,
}

/// What became of the events of a call.
#[derive(Serialize, ToSchema)]
pub struct PublishedData {
    /// How many were accepted, those among them that came before.
    accepted: usize,
    /// How many were refused.
    rejected: usize,
    /// Each, in order.
    events: Vec<EventVerdict>,
}

/// What became of one event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventVerdict {
    /// Its id; one was made if it had none.
    id: Option<String>,
    /// Whether it was accepted.
    ok: bool,
    /// Whether it came before, within a day: then this is what it did the first time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
    /// The jobs it made.
    matched: Vec<MatchView>,
    /// How many integrations it made no job for; with `verbose=true` each, with the reason.
    not_matched: NotMatched,
    /// The integrations whose pending jobs it cancelled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cancelled: Vec<CancelledView>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RefusedEvent>,
}

/// A job that an event made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MatchView {
    /// The integration.
    integration: String,
    /// The job.
    job_id: String,
}

/// Integrations that an event made no job for.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum NotMatched {
    /// How many.
    Count(u64),
    /// Each.
    Each(Vec<MissView>),
}

/// An integration that an event made no job for.
#[derive(Serialize, ToSchema)]
pub struct MissView {
    /// The integration.
    integration: String,
    /// `type`, `filter_false`, `filter_error`, `key_error`, `payload_error`, `no_release`, `backlog_full` or
    /// `not_allowed`.
    reason: String,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Jobs that an event cancelled.
#[derive(Serialize, ToSchema)]
pub struct CancelledView {
    /// The integration.
    integration: String,
    /// How many of its jobs.
    jobs: u64,
    /// Why it could not be told which.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Why an event was refused.
#[derive(Serialize, ToSchema)]
pub struct RefusedEvent {
    /// A stable code.
    code: String,
    /// What is wrong and what would be right.
    message: String,
    /// The field within the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// How much is told.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Telling {
    /// `true` tells of each integration why the event was not for it.
    #[param(value_type = Option<bool>)]
    verbose: Option<Word<bool>>,
}

/// Publish events
///
/// One event, a list of at most 500 (1 MiB), or CloudEvents 1.0 in the structured, batch or binary mode. Each event of a
/// list has a verdict of its own: a wrong one harms no other. Each makes one job for every integration with the trigger `event` that
/// subscribes to its type and whose filter is true. An event whose `meta.id` came within a day makes nothing.
#[utoipa::path(post, operation_id = "publishEvents", path = "/v1/events", tag = "events", params(Telling), request_body = EventBody,
    responses((status = 202, description = "What became of each event", body = Published)))]
pub async fn publish(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Query(Telling { verbose }): Query<Telling>,
    Publication { events, via, single }: Publication,
) -> Result<Response, Problem> {
    if !caller.origins().is_empty() {
        let detail = "this API key is bound to browser origins, and may not publish events";
        return Err(Problem::forbidden("origin_bound_key", detail));
    }
    let reach = if caller.is_bound() { Reach::Only(caller.integrations().into()) } else { Reach::All };
    let verdicts = events::publish(&state.services, events, via, reach).await?;
    let verbose = verbose.is_some_and(|Word(verbose)| verbose);
    let mut events = Vec::with_capacity(verdicts.len());
    for verdict in verdicts {
        let verdict = match verdict {
            Verdict { judged: Err(error), .. } if single => return Err(error.into()),
            other => other,
        };
        events.push(told(&state, &caller, verdict, verbose).await?);
    }
    let accepted = events.iter().filter(|event| event.ok).count();
    let data = PublishedData { accepted, rejected: events.len() - accepted, events };
    Ok((StatusCode::ACCEPTED, Json(Published { ok: true, data })).into_response())
}

async fn told(state: &State, caller: &Caller, verdict: Verdict, verbose: bool) -> Result<EventVerdict, Problem> {
    let Verdict { id, kind, judged } = verdict;
    Ok(match judged {
        Ok(judged) => {
            let others = match kind.filter(|_| verbose) {
                Some(kind) => events::others(&state.services, &kind).await?,
                None => Vec::new(),
            };
            let not_matched = if verbose {
                NotMatched::Each(misses(caller, judged.missed.iter().chain(&others)))
            } else {
                NotMatched::Count(judged.missed.len() as u64 + judged.others)
            };
            let duplicate = judged.duplicate;
            let (matched, cancelled) = parts(caller, judged);
            EventVerdict { id, ok: true, duplicate, matched, not_matched, cancelled, error: None }
        }
        Err(error) => {
            let problem = Problem::from(error);
            let error = RefusedEvent { code: problem.code.into_owned(), message: problem.detail, field: problem.field };
            let (matched, cancelled) = (Vec::new(), Vec::new());
            let not_matched = if verbose { NotMatched::Each(Vec::new()) } else { NotMatched::Count(0) };
            EventVerdict { id, ok: false, duplicate: false, matched, not_matched, cancelled, error: Some(error) }
        }
    })
}

/// What a verdict says of those integrations that the key may see.
fn parts(caller: &Caller, judged: Judged) -> (Vec<MatchView>, Vec<CancelledView>) {
    let matched = judged.matched.into_iter().filter(|it| caller.sees(&it.integration));
    let cancelled = judged.cancelled.into_iter().filter(|it| caller.sees(&it.integration));
    (
        matched.map(|it| MatchView { integration: it.integration, job_id: it.job.to_string() }).collect(),
        cancelled.map(|it| CancelledView { integration: it.integration, jobs: it.jobs, detail: it.detail }).collect(),
    )
}

fn misses<'a>(caller: &Caller, misses: impl Iterator<Item = &'a Miss>) -> Vec<MissView> {
    let seen = misses.filter(|it| caller.sees(&it.integration)).cloned();
    seen.map(|Miss { integration, reason, detail }| MissView { integration, reason, detail }).collect()
}

/// An event of the log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// Its id.
    id: String,
    /// Its place in the log, for `after` and `before`.
    place: String,
    /// Its type.
    r#type: String,
    /// Where it came from.
    source: Option<String>,
    /// When it happened, by itself.
    ts: String,
    /// When it came in.
    received_at: String,
    /// How: `http`, `cloudevents` or `stream`.
    via: &'static str,
    /// The jobs it made.
    matched: Vec<MatchView>,
    /// How many integrations it made no job for.
    not_matched: u64,
    /// The integrations whose pending jobs it cancelled.
    cancelled: Vec<CancelledView>,
}

/// An event of the log, whole.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventDetail {
    #[serde(flatten)]
    event: EventView,
    /// The integrations that subscribe to its type and got no job, with the reason.
    missed: Vec<MissView>,
    /// How many integrations subscribe to other types, or have no release.
    others: u64,
    /// The event.
    #[schema(value_type = Value)]
    body: Box<RawValue>,
}

fn view(caller: &Caller, logged: &LoggedEvent) -> (EventView, Vec<MissView>, u64) {
    let judged = Judged::kept(&logged.verdict).unwrap_or_default();
    let not_matched = judged.missed.len() as u64 + judged.others;
    let (missed, others) = (misses(caller, judged.missed.iter()), judged.others);
    let (matched, cancelled) = parts(caller, judged);
    let view = EventView {
        id: logged.event.clone(),
        place: logged.place.to_string(),
        r#type: logged.kind.clone(),
        source: logged.source.clone(),
        ts: wire::time(logged.occurred),
        received_at: wire::time(logged.received),
        via: logged.via.name(),
        matched,
        not_matched,
        cancelled,
    };
    (view, missed, others)
}

/// Which events to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Of this type, or of those below a name: `shop.*`.
    r#type: Option<String>,
    /// From this source.
    source: Option<String>,
    /// Came in at or after this time: ISO 8601 or Unix milliseconds.
    #[param(value_type = Option<String>)]
    from: Option<Time>,
    /// Came in before this time.
    #[param(value_type = Option<String>)]
    to: Option<Time>,
    /// `true`: those that made jobs; `false`: those that made none.
    #[param(value_type = Option<bool>)]
    matched: Option<Word<bool>>,
    /// How many (20).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    first: Option<First>,
    /// Those after this place in the list.
    #[param(value_type = Option<String>)]
    after: Option<Word<EventPlace>>,
    /// Those before this place in the list.
    #[param(value_type = Option<String>)]
    before: Option<Word<EventPlace>>,
}

/// The types a parameter names.
pub fn types(field: &str, text: &str) -> Result<EventTypes, Problem> {
    let pattern = TypePattern::parse(text).map_err(|detail| Problem::invalid(field, "invalid_parameter", detail))?;
    Ok(match pattern {
        TypePattern::Exact(kind) => EventTypes::Exact(kind.into()),
        TypePattern::Below(start) => EventTypes::Below(start.into()),
    })
}

/// List the events that came in, the newest first
#[utoipa::path(get, operation_id = "listEvents", path = "/v1/events", tag = "events", params(Listing),
    responses((status = 200, description = "A page of events, without their bodies", body = List<EventView>)))]
pub async fn list(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Query(listing): Query<Listing>,
) -> Result<Json<List<EventView>>, Problem> {
    unbound(&caller)?;
    let filter = EventFilter {
        types: listing.r#type.as_deref().map(|text| types("type", text)).transpose()?,
        source: listing.source,
        from: listing.from.map(|Time(from)| from),
        to: listing.to.map(|Time(to)| to),
        matched: listing.matched.map(|Word(matched)| matched),
    };
    let request = page(listing.first, listing.after, listing.before)?;
    let page = state.services.catalog.list_events(&state.services.options.workspace, filter, request).await?;
    Ok(Json(List::of(page, |event| event.place.to_string(), |event| view(&caller, &event).0)))
}

/// Events are of the whole workspace: what they carry may be for integrations that a bound key must not see.
fn unbound(caller: &Caller) -> Result<(), Problem> {
    if !caller.is_bound() {
        return Ok(());
    }
    let detail = "this API key is bound to named integrations; the events are those of all of them";
    Err(Problem::forbidden("integration_not_allowed", detail))
}

/// Look at an event: its body, and what became of it
#[utoipa::path(get, operation_id = "getEvent", path = "/v1/events/{event}", tag = "events", params(("event" = String, Path, description = "The event's id")),
    responses((status = 200, description = "The event", body = EventDetail)))]
pub async fn show(
    Extracted(state): Extracted<State>,
    caller: Caller,
    EventId(id): EventId,
) -> Result<Json<EventDetail>, Problem> {
    unbound(&caller)?;
    let found = state.services.catalog.event(&state.services.options.workspace, &id).await?;
    let logged = found.ok_or_else(|| {
        let shown: String = id.chars().take(100).collect();
        let detail = format!("there is no event {shown:?}; old events are forgotten, GET /v1/events lists them");
        Problem::not_found("event_not_found", detail)
    })?;
    let (event, missed, others) = view(&caller, &logged);
    let body = wire::raw(&events::masked(&state.services, &logged));
    Ok(Json(EventDetail { event, missed, others, body }))
}

/// Which events to follow.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Following {
    /// Of this type, or of those below a name: `shop.*`.
    r#type: Option<String>,
}

/// Follow the events that come in from now on
///
/// Events `event`, each an event without its body, and `lagged` with `{missed}` for a client that reads too slowly.
#[utoipa::path(get, operation_id = "followEvents", path = "/v1/events/stream", tag = "events", params(Following),
    responses((status = 200, description = "What comes in", content_type = "text/event-stream", body = String)))]
pub async fn follow(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Query(Following { r#type }): Query<Following>,
) -> Result<Response, Problem> {
    unbound(&caller)?;
    let wanted = r#type
        .map(|text| TypePattern::parse(&text).map_err(|detail| Problem::invalid("type", "invalid_parameter", detail)));
    let wanted = wanted.transpose()?;
    let coming =
        stream::unfold(
            events::follow(&state.services),
            |mut coming| async move { Some((coming.next().await, coming)) },
        );
    let told = move |heard: Result<Arc<LoggedEvent>, u64>| -> Option<Event> {
        match heard {
            Ok(logged) => {
                let meant = wanted.as_ref().is_none_or(|pattern| pattern.means(&logged.kind));
                meant.then(|| streams::event("event", &view(&caller, &logged).0))
            }
            Err(missed) => Some(streams::event("lagged", &serde_json::json!({ "missed": missed }))),
        }
    };
    streams::stream(&state, coming.filter_map(move |heard| std::future::ready(told(heard))))
}

//! Why a job has not started, and when it will.

use axum::Json;
use axum::extract::State as Extracted;
use schedules::Key;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::JobId;
use store::catalog::RunRecord;
use store::queue::JobView;
use utoipa::{IntoParams, ToSchema};
use workers::explain::{self, Explanation, Found, Gate};

use crate::http::auth::Caller;
use crate::http::error::Problem;
use crate::http::params::{self, Id, Named, Query};
use crate::http::state::State;
use crate::http::wire;

/// Why a job is where it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplanationView {
    /// The job.
    job_id: String,
    /// The job's state, or the outcome with which it left the queue.
    state: String,
    /// What matters, the most important one first.
    reasons: Vec<Reason>,
    /// The gates between a pending job and its start, in the order in which it passes them.
    gates: Vec<GateView>,
    /// The gate that holds it now.
    held_by: Option<&'static str>,
    /// When it starts, if nothing changes; null while a gate holds it of which nobody knows until when.
    earliest_start: Option<String>,
    /// The same, under its older name.
    next_at: Option<String>,
}

/// One thing that matters.
#[derive(Serialize, ToSchema)]
pub struct Reason {
    /// A stable code.
    code: String,
    /// The same as a sentence.
    message: String,
}

/// One gate.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateView {
    /// `schedule`, `window`, `limit`, `concurrency`, `pause`, `limit_pause`, `turn` or `runners`.
    gate: &'static str,
    /// `open`, or `holds` if it stops the job when the job comes to it.
    state: &'static str,
    /// Why, or why not.
    message: String,
    /// Since when it holds, if that is known.
    since: Option<String>,
    /// Until when it holds; null while it does: nobody knows.
    until: Option<String>,
    /// The rule's place in the settings, of `limit` and `limit_pause`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<usize>,
    /// The key that counts, of `limit` and `limit_pause`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    key: Option<Box<RawValue>>,
    /// How many stand before the job: in line, of `limit`; in its lane, of `turn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead: Option<u64>,
}

/// Say why a job is where it is, and when it starts
#[utoipa::path(get, operation_id = "explainJob", path = "/v1/jobs/{id}/explain", tag = "jobs", params(("id" = String, Path, description = "The job")),
    responses((status = 200, description = "The gates before it", body = ExplanationView)))]
pub async fn job(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Id(job): Id<JobId>,
) -> Result<Json<ExplanationView>, Problem> {
    let found = explain::by_job(&state.services, job).await?;
    if !caller.sees(&integration(&state, &found)) {
        return Err(Problem::no_job(job));
    }
    Ok(Json(view(&state, found)))
}

/// Which job.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OfKey {
    /// The whole key, as JSON.
    #[param(value_type = String, example = r#"{"email":"a@example.com"}"#)]
    key: params::Json,
}

/// Say why the job of a key is where it is, and when it starts
#[utoipa::path(get, operation_id = "explainKey", path = "/v1/integrations/{name}/explain", tag = "integrations",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), OfKey),
    responses((status = 200, description = "The gates before it; of a key whose job is gone, how the last one ended", body = ExplanationView)))]
pub async fn key(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Query(of): Query<OfKey>,
) -> Result<Json<ExplanationView>, Problem> {
    let params::Json(key) = of.key;
    let key = Key::parse(&key).map_err(|error| Problem::invalid(&error.field, error.code, error.message))?;
    let found = explain::by_key(&state.services, &name, &key).await?;
    Ok(Json(view(&state, found)))
}

fn integration(state: &State, found: &Found) -> String {
    match found {
        Found::Queued(view, _) => {
            let id = view.job.integration;
            state.services.directory.by_id(id).map_or_else(|| id.to_string(), |entry| entry.name.to_string())
        }
        Found::Ended(run) => run.integration_name.clone(),
    }
}

fn view(state: &State, found: Found) -> ExplanationView {
    match found {
        Found::Queued(view, explanation) => pending(state, &view, explanation),
        Found::Ended(run) => ended(&run),
    }
}

fn pending(state: &State, job: &JobView, explanation: Explanation) -> ExplanationView {
    // A script may have put a secret into a key.
    let secrets = state.services.secrets.of(job.job.integration);
    let text = |text: String| match &secrets {
        Ok(secrets) => secrets.redactor().redact(&text).into_owned(),
        Err(_) => "******".to_owned(),
    };
    let raw = |json: String| match &secrets {
        Ok(secrets) => wire::raw(&secrets.redactor().redact_json(&json)),
        Err(_) => wire::raw("\"******\""),
    };
    let gate = |gate: Gate| GateView {
        gate: gate.gate.name(),
        state: if gate.holds { "holds" } else { "open" },
        message: text(gate.message),
        since: gate.since.map(wire::time),
        until: gate.until.map(wire::time),
        rule: gate.rule,
        key: gate.key.map(raw),
        ahead: gate.ahead,
    };
    let earliest_start = explanation.earliest_start.map(wire::time);
    ExplanationView {
        job_id: job.job.id.to_string(),
        state: explanation.state.to_owned(),
        reasons: explanation
            .reasons
            .into_iter()
            .map(|(code, message)| Reason { code: code.to_owned(), message: text(message) })
            .collect(),
        gates: explanation.gates.into_iter().map(gate).collect(),
        held_by: explanation.held_by.map(explain::GateName::name),
        next_at: earliest_start.clone(),
        earliest_start,
    }
}

fn ended(run: &RunRecord) -> ExplanationView {
    let (state, at) = (run.outcome.to_string(), wire::time(run.finished));
    let message = format!("it left the queue at {at} as {state}; run {} tells more", run.id);
    ExplanationView {
        job_id: run.job.to_string(),
        state,
        reasons: vec![Reason { code: "ended".into(), message }],
        gates: Vec::new(),
        held_by: None,
        earliest_start: None,
        next_at: None,
    }
}

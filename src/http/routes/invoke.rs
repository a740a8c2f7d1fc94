//! The invocation plane: execute, schedule, reschedule, cancel.

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use scripts::protocol::ScriptError;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use store::catalog::Outcome;
use store::{JobId, RunId};
use utoipa::ToSchema;
use workers::invoke::{self, ExecuteAnswer, How};

use crate::http::auth::{Caller, check_match, own_idempotency};
use crate::http::body::{Body, Wire};
use crate::http::error::Problem;
use crate::http::openapi::bodies::{CancelBody, ExecuteBody, RescheduleBody, ScheduleBody};
use crate::http::params::Invoked;
use crate::http::state::{Limits, State};
use crate::http::wire;

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The body of a call; `workers` reads it, for a script's calls use the same words.
pub struct Invocation(pub Value);

impl Wire for Invocation {
    fn limit(limits: &Limits) -> usize {
        limits.payload_body_bytes
    }

    fn read(value: Value) -> Result<Self, Problem> {
        if value.is_object() {
            return Ok(Self(value));
        }
        Err(Problem::invalid("body", "invalid_type", "the body must be a JSON object"))
    }
}

/// What every call of this plane answers when it worked.
#[derive(Serialize, ToSchema)]
pub struct Answer<T> {
    /// Always true.
    ok: bool,
    /// What the call brought.
    data: T,
}

/// The answer of a call that worked.
pub fn answer<T: Serialize>(status: StatusCode, data: T) -> Response {
    (status, Json(Answer { ok: true, data })).into_response()
}

/// A job that will run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The job's id.
    job_id: String,
}

/// A scheduled job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scheduled {
    /// The job's id.
    job_id: String,
    /// The job's key, in canonical form.
    #[schema(value_type = Option<Value>)]
    key: Option<Box<RawValue>>,
    /// When it is due, inside its window.
    due_at: String,
    /// Whether it took the place of a pending job with the same key.
    replaced: bool,
    /// Whether it is a job that was there already and stays as it was; not said again to a repeated call.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<bool>,
    /// Of a debounced job: how often calls have pushed it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pushed: Option<u32>,
    /// What the caller may not have meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

/// Jobs with a new due time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rescheduled {
    /// The job's id; the first one's, if there are several.
    job_id: String,
    /// Its new due time.
    due_at: String,
    /// Every job that was moved.
    jobs: Vec<Moved>,
}

/// One job with a new due time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// The job's id.
    job_id: String,
    /// Its new due time.
    due_at: String,
}

/// How many jobs were taken out.
#[derive(Serialize, ToSchema)]
pub struct Cancelled {
    /// 0 when nothing pending matched, which is no error.
    cancelled: u64,
}

/// Run an integration now and wait for its result
///
/// A run that fails, times out or breaks a limit answers 422 with the script's error; a rate limit that refuses it 429
/// `rate_limited`; a key with too many pending jobs 429 `backlog_full`. After 30 s of waiting the answer is 504
/// `execution_pending` with the job's id, and the run goes on.
#[utoipa::path(post, operation_id = "execute", path = "/v1/integrations/{name}/execute", tag = "invoke", request_body = ExecuteBody,
    params(
        ("name" = String, Path, description = "`name`, or `name@2` for its second major release", example = "order-alert"),
        ("Prefer" = Option<String>, Header, description = "`respond-async` answers at once; `wait=5` waits at most 5 s"),
        ("Idempotency-Key" = Option<String>, Header, description = "the first answer again for 24 h"),
    ),
    responses(
        (status = 200, description = "The handler's result", body = Answer<Value>),
        (status = 202, description = "With `Prefer: respond-async`: the job that will run", body = Answer<Accepted>),
    ))]
pub async fn execute(
    Extracted(state): Extracted<State>,
    Invoked(target): Invoked,
    caller: Caller,
    headers: HeaderMap,
    Body(Invocation(mut body)): Body<Invocation>,
) -> Result<Response, Problem> {
    let idempotency_key = own_idempotency(&caller, only(&headers, IDEMPOTENCY_KEY)?, &mut body);
    let Preference { respond_async, wait_ms } = preference(&headers)?;
    let how = How { idempotency_key, respond_async, wait_ms };
    match invoke::execute(&state.services, &target, body, how).await? {
        ExecuteAnswer::Finished { outcome: Outcome::Succeeded, result, .. } => {
            Ok(answer(StatusCode::OK, wire::raw(&result)))
        }
        ExecuteAnswer::Finished { job, run, outcome, error, .. } => {
            Err(of(failed(outcome, error.as_deref()), job, run))
        }
        ExecuteAnswer::RateLimited { job, run, refused } => {
            Err(of(Problem::from(workers::Error::RateLimited(refused)), job, run))
        }
        ExecuteAnswer::Waiting { job } => {
            let detail = "the run goes on; ask for it with GET /v1/jobs/{jobId}";
            let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, "execution_pending", detail);
            Err(problem.with("jobId", job.to_string().into()))
        }
        ExecuteAnswer::Accepted { job } => {
            let applied = (HeaderName::from_static("preference-applied"), HeaderValue::from_static("respond-async"));
            let answer = answer(StatusCode::ACCEPTED, Accepted { job_id: job.to_string() });
            Ok(([applied], answer).into_response())
        }
    }
}

/// The problem with where to read more about it.
fn of(problem: Problem, job: JobId, run: RunId) -> Problem {
    problem.with("jobId", job.to_string().into()).with("runId", run.to_string().into())
}

/// A run that did not succeed: 422 with the error's own code.
fn failed(outcome: Outcome, error: Option<&str>) -> Problem {
    let error: ScriptError = error
        .and_then(|error| serde_json::from_str(error).ok())
        .unwrap_or_else(|| ScriptError { message: format!("the run ended as {outcome}"), ..ScriptError::default() });
    Problem::script(error).with("outcome", outcome.name().into())
}

/// Run an integration later
///
/// Rate limits are tested when the job starts. A key with too many pending jobs is refused with 429 `backlog_full`.
#[utoipa::path(post, operation_id = "schedule", path = "/v1/integrations/{name}/schedule", tag = "invoke", request_body = ScheduleBody,
    params(
        ("name" = String, Path, description = "`name`, or `name@2` for its second major release", example = "reminder-email"),
        ("Idempotency-Key" = Option<String>, Header, description = "the first answer again for 24 h"),
    ),
    responses((status = 202, description = "The job that will run", body = Answer<Scheduled>)))]
pub async fn schedule(
    Extracted(state): Extracted<State>,
    Invoked(target): Invoked,
    caller: Caller,
    headers: HeaderMap,
    Body(Invocation(mut body)): Body<Invocation>,
) -> Result<Response, Problem> {
    let idempotency_key = own_idempotency(&caller, only(&headers, IDEMPOTENCY_KEY)?, &mut body);
    let scheduled = invoke::schedule(&state.services, &target, body, idempotency_key).await?;
    Ok(answer(
        StatusCode::ACCEPTED,
        Scheduled {
            job_id: scheduled.job.to_string(),
            key: wire::raw_option(scheduled.key.as_deref()),
            due_at: wire::time(scheduled.due),
            replaced: scheduled.replaced,
            kept: scheduled.kept,
            pushed: scheduled.pushed,
            warning: scheduled.warning,
        },
    ))
}

/// Give pending jobs another due time
#[utoipa::path(post, operation_id = "reschedule", path = "/v1/integrations/{name}/reschedule", tag = "invoke", request_body = RescheduleBody,
    params(("name" = String, Path, description = "The integration", example = "reminder-email")),
    responses((status = 200, description = "The moved jobs", body = Answer<Rescheduled>)))]
pub async fn reschedule(
    Extracted(state): Extracted<State>,
    Invoked(target): Invoked,
    caller: Caller,
    Body(Invocation(body)): Body<Invocation>,
) -> Result<Response, Problem> {
    check_match(&caller, &body)?;
    let moved = invoke::reschedule(&state.services, &target, body).await?.jobs;
    let jobs = moved.into_iter().map(|(job, due)| Moved { job_id: job.to_string(), due_at: wire::time(due) });
    let jobs: Vec<Moved> = jobs.collect();
    let Some(Moved { job_id, due_at }) = jobs.first() else {
        return Err(Problem::no_job("with this key"));
    };
    let (job_id, due_at) = (job_id.clone(), due_at.clone());
    Ok(answer(StatusCode::OK, Rescheduled { job_id, due_at, jobs }))
}

/// Take pending jobs out
#[utoipa::path(post, operation_id = "cancel", path = "/v1/integrations/{name}/cancel", tag = "invoke", request_body = CancelBody,
    params(("name" = String, Path, description = "The integration", example = "reminder-email")),
    responses((status = 200, description = "How many jobs there were", body = Answer<Cancelled>)))]
pub async fn cancel(
    Extracted(state): Extracted<State>,
    Invoked(target): Invoked,
    caller: Caller,
    Body(Invocation(body)): Body<Invocation>,
) -> Result<Response, Problem> {
    check_match(&caller, &body)?;
    let cancelled = invoke::cancel(&state.services, &target, body).await?;
    Ok(answer(StatusCode::OK, Cancelled { cancelled }))
}

/// The value of a header that may be there once.
fn only(headers: &HeaderMap, name: &str) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map(|text| Some(text.to_owned()));
            text.map_err(|_| Problem::invalid(name, "invalid_header", "must be visible ASCII characters"))
        }
        (Some(_), Some(_)) => Err(Problem::invalid(name, "invalid_header", "must not be there twice")),
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Preference {
    respond_async: bool,
    wait_ms: Option<u64>,
}

/// Reads the `Prefer` headers (RFC 7240); preferences that are not ours are ignored, as the RFC wants it.
fn preference(headers: &HeaderMap) -> Result<Preference, Problem> {
    let mut preference = Preference::default();
    for value in headers.get_all("prefer") {
        let text = value.to_str().map_err(|_| Problem::invalid("Prefer", "invalid_header", "must be ASCII"))?;
        for part in text.split(',').map(|part| part.trim().to_ascii_lowercase()) {
            if part == "respond-async" {
                preference.respond_async = true;
            } else if let Some(seconds) = part.strip_prefix("wait=") {
                let seconds: u64 = seconds.trim_matches('"').parse().map_err(|_| {
                    Problem::invalid("Prefer", "invalid_header", "wait must be a number of seconds, as in wait=5")
                })?;
                preference.wait_ms = Some(seconds.saturating_mul(1_000));
            }
        }
    }
    Ok(preference)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn preferences_are_read_as_the_rfc_has_them() {
        let check = |values: &[&'static str], respond_async, wait_ms| {
            let pairs: Vec<_> = values.iter().map(|value| ("prefer", *value)).collect();
            let found = preference(&headers(&pairs)).expect("read");
            assert_eq!(found, Preference { respond_async, wait_ms }, "{values:?}");
        };
        check(&[], false, None);
        check(&["respond-async"], true, None);
        check(&["Respond-Async, wait=5"], true, Some(5_000));
        check(&["return=minimal", "wait=\"0\""], false, Some(0));
        assert!(preference(&headers(&[("prefer", "wait=soon")])).is_err());
    }

    #[test]
    fn an_idempotency_key_may_be_there_once() {
        let once = headers(&[("idempotency-key", "a")]);
        assert_eq!(only(&once, IDEMPOTENCY_KEY).expect("read").as_deref(), Some("a"));
        let twice = headers(&[("idempotency-key", "a"), ("idempotency-key", "a")]);
        assert_eq!(only(&twice, IDEMPOTENCY_KEY).expect_err("refused").field.as_deref(), Some(IDEMPOTENCY_KEY));
    }

    #[test]
    fn a_failed_run_is_422() {
        let check = |outcome, error: Option<&str>, status: u16, code: &str| {
            let problem = failed(outcome, error);
            assert_eq!((problem.status.as_u16(), &*problem.code), (status, code));
        };
        let thrown = r#"{"code":"exception","name":"TypeError","message":"no"}"#;
        check(Outcome::Failed, Some(thrown), 422, "exception");
        check(Outcome::TimedOut, Some(r#"{"code":"timeout","name":"Error","message":"slow"}"#), 422, "timeout");
        check(Outcome::Cancelled, None, 422, "execution_failed");
    }
}

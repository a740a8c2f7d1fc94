//! From what became of a request to what its sender is answered. Senders are strangers: they learn no more than what it
//! takes to send again.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, WWW_AUTHENTICATE};
use axum::response::Response;
use serde_json::json;
use store::JobId;
use workers::Error;
use workers::hooks::{Answer, Auth, Received, Refusal};

use crate::http::error::Problem;
use crate::http::routes::invoke::answer;

/// When the sender of a request to a paused integration may come back.
const PAUSED_MS: u64 = 60_000;

/// 401, with what is asked for.
pub fn refused(refusal: Refusal, auth: &Auth) -> Problem {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, refusal.code(), refusal.message());
    problem.header(WWW_AUTHENTICATE, HeaderValue::from_static(auth.challenge()))
}

/// The answer. Runs that fail are 502: senders take it as a reason to send again.
pub fn of(received: workers::Result<Received>, refuse: impl FnOnce(Refusal) -> Problem) -> Result<Response, Problem> {
    let with = |problem: Problem, job: JobId| problem.with("jobId", job.to_string().into());
    match received {
        Ok(Received::Answered(own)) => Ok(sent(own)),
        Ok(Received::Accepted { job }) => Ok(answer(StatusCode::ACCEPTED, json!({ "jobId": job.to_string() }))),
        Ok(Received::Duplicate { job }) => {
            Ok(answer(StatusCode::OK, json!({ "jobId": job.to_string(), "duplicate": true })))
        }
        Ok(Received::Refused(refusal)) => Err(refuse(refusal)),
        Ok(Received::Failed { job, run, outcome }) => {
            let detail = "the integration failed; its run's log tells why";
            let problem = with(Problem::new(StatusCode::BAD_GATEWAY, "execution_failed", detail), job);
            Err(problem.with("runId", run.to_string().into()).with("outcome", outcome.name().into()))
        }
        Ok(Received::Unsendable { job, run, message }) => {
            let detail = format!("the integration's answer cannot be sent: {message}");
            let problem = with(Problem::new(StatusCode::BAD_GATEWAY, "invalid_response", detail), job);
            Err(problem.with("runId", run.to_string().into()))
        }
        Ok(Received::RateLimited { job, refused }) => {
            let detail = "too many requests to this hook";
            let problem = with(Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail), job);
            Err(refused.retry_after_ms.map_or(problem.clone(), |ms| problem.retry_after(ms)))
        }
        Ok(Received::Waiting { job }) => {
            let detail = "the run takes longer than a request may wait; it goes on";
            Err(with(Problem::new(StatusCode::GATEWAY_TIMEOUT, "execution_pending", detail), job))
        }
        Ok(Received::Paused) => {
            let detail = "the integration is paused; send it again later";
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "integration_paused", detail);
            Err(problem.retry_after(PAUSED_MS))
        }
        Err(Error::Crowded { .. }) => {
            let detail = "too many requests to this hook wait already";
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "backlog_full", detail).retry_after(1_000))
        }
        Err(error) => Err(error.into()),
    }
}

fn sent(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in answer.headers {
        response.headers_mut().append(name, value);
    }
    response
}

//! The one place that gives every refusal its status, its code and its shape on the wire.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use scripts::protocol::ScriptError;
use serde_json::{Map, Value, json};
use workers::Error;

/// A refusal on its way out; [`Self::render`] writes it in the shape of the route's plane.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The answer's status.
    pub status: StatusCode,
    /// The stable code.
    pub code: Cow<'static, str>,
    /// What is wrong and what would be right.
    pub detail: String,
    /// The field, header or parameter that is wrong.
    pub field: Option<String>,
    /// What only some refusals have; boxed, so that a `Result` of one stays small.
    pub more: Box<More>,
}

/// What only some refusals have.
#[derive(Clone, Debug, Default)]
pub struct More {
    /// Members of the answer.
    extra: Map<String, Value>,
    /// Headers of the answer.
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Which shape errors have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// `{ok:false,error:{code,message,…}}`.
    Invocation,
    /// RFC 9457 problem documents.
    Management,
}

impl Problem {
    /// A refusal with a status of its own.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        let (code, detail) = (code.into(), detail.into());
        Self { status, code, detail, field: None, more: Box::default() }
    }

    /// 400: a field, header or parameter is wrong.
    pub fn invalid(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(StatusCode::BAD_REQUEST, code, detail) }
    }

    /// 404: something of this kind does not exist, or the key may not see it.
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 404: no such job.
    pub fn no_job(id: impl std::fmt::Display) -> Self {
        Self::not_found("job_not_found", format!("there is no job {id}; GET /v1/jobs lists them"))
    }

    /// 404: no such run.
    pub fn no_run(id: impl std::fmt::Display) -> Self {
        Self::not_found(
            "run_not_found",
            format!("there is no run {id}; old runs are forgotten, GET /v1/runs lists them"),
        )
    }

    /// 404: no such integration.
    pub fn no_integration(name: &str) -> Self {
        Error::no_integration(name).into()
    }

    /// 403: the key may not do this.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 401: who is calling?
    pub fn unauthenticated(code: &'static str, detail: impl Into<String>) -> Self {
        let challenge = match code {
            "unauthenticated" => "Bearer realm=\"tidegate\"",
            _ => "Bearer realm=\"tidegate\", error=\"invalid_token\"",
        };
        let problem = Self::new(StatusCode::UNAUTHORIZED, code, detail);
        problem.header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// 413: too many bytes.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the body may have at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail).with("limitBytes", limit.into())
    }

    /// 404: no route has this path.
    pub fn no_route(path: &str) -> Self {
        let path: String = path.chars().take(200).collect();
        Self::not_found("route_not_found", format!("there is no route {path}; /v1/openapi.json lists them"))
    }

    /// 405: the route exists, its `Allow` header is set by the router.
    pub fn method_not_allowed(method: &str) -> Self {
        let method: String = method.chars().take(40).collect();
        let detail = format!("{method} is not a method of this route; the header Allow lists those that are");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// 500: a fault of ours; the caller learns nothing about it.
    pub fn internal() -> Self {
        let detail = "something went wrong here; the server's log tells what";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", detail)
    }

    /// The same with a member more.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.extra.insert(name.to_owned(), value);
        self
    }

    /// Takes a member out, if it is there.
    pub fn leave_out(&mut self, name: &str) {
        self.more.extra.remove(name);
    }

    /// The same with a header more.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.more.headers.push((name, value));
        self
    }

    /// The same with a pause after which another try makes sense, in whole seconds as the header has it.
    #[must_use]
    pub fn retry_after(self, ms: u64) -> Self {
        let seconds = ms.div_ceil(1_000).max(1);
        self.header(RETRY_AFTER, HeaderValue::from(seconds)).with("retryAfterMs", ms.into())
    }

    /// Writes the answer.
    pub fn render(self, plane: Plane) -> Response {
        let (content_type, body) = match plane {
            Plane::Invocation => ("application/json", self.envelope()),
            Plane::Management => ("application/problem+json", self.document()),
        };
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().extend(self.more.headers);
        response
    }

    fn envelope(&self) -> Value {
        let mut error = self.more.extra.clone();
        error.insert("code".into(), self.code.clone().into());
        error.insert("message".into(), self.detail.clone().into());
        error.extend(self.field.clone().map(|field| ("field".to_owned(), field.into())));
        json!({ "ok": false, "error": error })
    }

    fn document(&self) -> Value {
        let mut document = self.more.extra.clone();
        document.insert("type".into(), format!("urn:tidegate:problem:{}", self.code).into());
        document.insert("title".into(), self.status.canonical_reason().unwrap_or("Error").into());
        document.insert("status".into(), self.status.as_u16().into());
        document.insert("detail".into(), self.detail.clone().into());
        document.insert("code".into(), self.code.clone().into());
        document.extend(self.field.clone().map(|field| ("field".to_owned(), field.into())));
        Value::Object(document)
    }
}

impl IntoResponse for Problem {
    /// Leaves the body to the outermost layer, which knows the route's plane.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Turns the [`Problem`] in an answer, if there is one, into bytes; keeps what the router and CORS added.
pub fn render(mut response: Response, plane: Plane) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let mut rendered = problem.render(plane);
    for (name, value) in response.headers() {
        if name == ALLOW || name.as_str().starts_with("access-control-") || name == axum::http::header::VARY {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    rendered
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { field, code: code @ "payload_too_large", message } => {
                Self { field: Some(field), ..Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, message) }
            }
            Error::Invalid { field, code, message } => Self::invalid(field, code, message),
            Error::NotFound { code, message } => Self::not_found(code, message),
            Error::Conflict { code, message } => Self::new(StatusCode::CONFLICT, code, message),
            Error::Script(error) => Self::script(*error),
            Error::RateLimited(refused) => {
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", refused.message());
                let problem = problem.with("rule", refused.rule.into());
                // Without a time it would be refused at any time: its key lacks a field.
                refused.retry_after_ms.map_or(problem.clone(), |ms| problem.retry_after(ms))
            }
            Error::Crowded { limit, ref fields } => {
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "backlog_full", error.to_string());
                problem.with("limit", limit.into()).with("key", json!(fields)).retry_after(1_000)
            }
            Error::Busy { message, retry_after_ms } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message).retry_after(retry_after_ms)
            }
            Error::Registry { message, retry_after_ms } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "registry_unreachable", message).retry_after(retry_after_ms)
            }
            Error::Unavailable(cause) => {
                tracing::error!(%cause, "a request could not be served");
                let detail = "storage or a runner does not answer; try again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(1_000)
            }
        }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        Error::from(error).into()
    }
}

impl Problem {
    /// 422: the script is wrong, or its run failed.
    pub fn script(error: ScriptError) -> Self {
        let code = if error.code.is_empty() { "execution_failed".to_owned() } else { error.code };
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, error.message);
        problem.more.extra.insert("name".into(), error.name.into());
        problem.more.extra.extend(error.stack.map(|stack| ("stack".to_owned(), stack.into())));
        if let Some(at) = error.at {
            let at = json!({ "file": at.file, "line": at.line, "column": at.column, "frame": at.frame });
            problem.more.extra.insert("at".into(), at);
        }
        problem
    }
}

#[cfg(test)]
mod tests {
    use workers::invoke::Refused;

    use super::*;

    fn check(error: Error, status: u16, code: &str) {
        let problem = Problem::from(error);
        assert_eq!((problem.status.as_u16(), &*problem.code), (status, code));
        let document = problem.document();
        assert_eq!((&document["status"], &document["code"]), (&json!(status), &json!(code)));
        assert_eq!(problem.envelope()["error"]["code"], json!(code));
    }

    #[test]
    fn every_error_has_its_status() {
        check(Error::invalid("delay", "invalid_delay", "x"), 400, "invalid_delay");
        check(Error::invalid("payload", "payload_too_large", "x"), 413, "payload_too_large");
        check(Error::no_integration("x"), 404, "integration_not_found");
        check(Error::conflict("trigger_immutable", "x"), 409, "trigger_immutable");
        check(ScriptError { code: "syntax_error".into(), ..ScriptError::default() }.into(), 422, "syntax_error");
        check(ScriptError::default().into(), 422, "execution_failed");
        check(Error::RateLimited(Refused { rule: "r".into(), retry_after_ms: Some(1) }), 429, "rate_limited");
        check(Error::Crowded { limit: 5, fields: vec!["email".into()] }, 429, "backlog_full");
        check(Error::Busy { message: "x".into(), retry_after_ms: 1 }, 503, "busy");
        check(Error::Registry { message: "x".into(), retry_after_ms: 1 }, 503, "registry_unreachable");
        check(Error::Unavailable("/secret/path".into()), 503, "unavailable");
    }

    #[test]
    fn a_refusal_tells_its_rule_and_when_to_come_back() {
        let check = |retry_after_ms: Option<u64>, seconds: Option<&str>| {
            let refused = Refused { rule: "100 per 1h by email".into(), retry_after_ms };
            let problem = Problem::from(Error::RateLimited(refused));
            let body = problem.envelope()["error"].clone();
            assert_eq!((&body["rule"], &body["retryAfterMs"]), (&json!("100 per 1h by email"), &json!(retry_after_ms)));
            let response = problem.render(Plane::Invocation);
            let header = response.headers().get(RETRY_AFTER).map(|value| value.to_str().expect("ASCII"));
            assert_eq!(header, seconds, "{retry_after_ms:?}");
        };
        check(Some(1_500), Some("2"));
        check(None, None);
    }

    #[test]
    fn a_fault_of_storage_stays_in_the_log() {
        let problem = Problem::from(Error::Unavailable("/secret/path".into()));
        assert!(!problem.document().to_string().contains("secret"));
    }

    #[test]
    fn retry_after_is_rounded_up_to_seconds() {
        for (ms, seconds) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (90_000, "90")] {
            let response = Problem::internal().retry_after(ms).render(Plane::Management);
            assert_eq!(response.headers()[RETRY_AFTER], seconds, "{ms}");
        }
    }
}

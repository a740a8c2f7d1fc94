//! What a run asks of the engine: its log lines, requests, cache, and calls to other integrations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use schedules::Stopwatch;
use scripts::protocol::{Answer, Call, Fetch, Format, HostError, Level, Line};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use store::catalog::Outcome;
use store::queue::Cause;

use super::attempt::{Attempt, line};
use super::reflected;
use crate::cache::{Cache, Found, View};
use crate::gateway::{Outgoing, Policy};
use crate::invoke::{self, ExecuteAnswer, How, Target};
use crate::runners::Host;
use crate::secrets::RunSecrets;
use crate::{Error, Event, Services, Version};

/// Requests of one run in all; a script that needs more is a loop.
const MAX_REQUESTS: u32 = 10_000;
/// Lines that the engine itself writes into one log (`HTTP`), beyond the script's own.
const MAX_HOST_LINES: u32 = 1_000;

/// The host of one run.
pub(super) struct RunHost<'a> {
    services: &'a Services,
    attempt: &'a Attempt,
    watch: Stopwatch,
    cache: View,
    policy: Policy,
    secrets: Arc<RunSecrets>,
    requests: AtomicU32,
    host_lines: AtomicU32,
    /// The pause that the last answer asked for, plus one; 0 is none.
    pause_ms: AtomicU64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CacheArgs {
    key: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    ttl_ms: Option<i64>,
    #[serde(default)]
    compute: bool,
}

#[derive(Deserialize)]
struct IntegrationArgs {
    name: String,
    #[serde(default)]
    payload: Option<Value>,
    #[serde(default)]
    options: Option<Map<String, Value>>,
}

impl<'a> RunHost<'a> {
    pub(super) fn new(
        services: &'a Services,
        attempt: &'a Attempt,
        watch: Stopwatch,
        secrets: Arc<RunSecrets>,
    ) -> Self {
        let preview = attempt.job.cause == Cause::Preview;
        Self {
            services,
            attempt,
            watch,
            cache: if preview { Cache::isolated(services.clock.clone()) } else { services.cache.clone() }
                .view(attempt.entry.id),
            policy: Policy {
                allowed_domains: attempt.version.settings.allowed_domains.clone(),
                route: attempt.version.settings.route.clone(),
                secrets: secrets.inserts(),
                ..Policy::default()
            },
            secrets,
            requests: AtomicU32::new(0),
            host_lines: AtomicU32::new(0),
            pause_ms: AtomicU64::new(0),
        }
    }

    /// The first line: what runs.
    pub(super) fn boot(&self, version: &Version) {
        let what = match self.attempt.job.cause {
            Cause::Preview => "the draft".to_owned(),
            _ => format!("release {}", version.number),
        };
        let format = match version.bundle.format {
            Format::CommonJs => "commonjs",
            Format::Module => "module",
        };
        let message = match &version.installed {
            None => format!("Using {what}, no dependencies"),
            Some(installed) if installed.cached => "Using cached dependencies".to_owned(),
            Some(_) => "Installed dependencies".to_owned(),
        };
        let installed = version.installed.clone().unwrap_or_default();
        let detail = json!({
            "release": version.number.to_string(), "entry": version.bundle.entry, "format": format,
            "bytes": version.bundle.code.len(), "dependencies": installed.direct, "transitive": installed.others,
        });
        self.log("boot", message, Some(detail));
    }

    /// The pause that the last answer of another server asked for, by a 429 or 503 with `Retry-After`.
    pub(super) fn pause_ms(&self) -> Option<u64> {
        self.pause_ms.load(Ordering::Relaxed).checked_sub(1)
    }

    /// The last line.
    pub(super) fn end(&self, (message, detail): (String, Value)) {
        self.log("end", message, Some(detail));
    }

    /// Everything that goes into a log passes here: secrets end here.
    fn log(&self, level: &str, message: String, detail: Option<Value>) {
        let redactor = self.secrets.redactor();
        let at_ms = u32::try_from(self.watch.elapsed_ms()).unwrap_or(u32::MAX);
        let message = redactor.redact(&message).into_owned();
        let detail = detail.map(|detail| redactor.redact_json(&detail.to_string()).into_owned());
        self.services.live.line(self.attempt.run, line(at_ms, level, message, detail));
    }

    async fn fetch(&self, mut args: Fetch, body: Option<Vec<u8>>) -> Result<Answer, HostError> {
        if self.requests.fetch_add(1, Ordering::Relaxed) >= MAX_REQUESTS {
            return Err(refused("too_many_requests", format!("a run may make {MAX_REQUESTS} requests")));
        }
        if !args.plain && !args.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            args.headers.push(("accept".into(), "*/*".into()));
        }
        let left_ms = u64::from(self.attempt.version.settings.timeout_ms).saturating_sub(self.watch.elapsed_ms());
        let exchange = self
            .services
            .gateway
            .send(
                Outgoing {
                    method: args.method,
                    url: args.url,
                    headers: args.headers,
                    body,
                    redirect: args.redirect.into(),
                    timeout: Duration::from_millis(args.timeout_ms.unwrap_or(left_ms).min(left_ms).max(1)),
                },
                &self.policy,
            )
            .await;
        if self.host_lines.fetch_add(1, Ordering::Relaxed) < MAX_HOST_LINES {
            self.log("http", exchange.trace.line(), Some(exchange.trace.detail()));
        }
        self.services.events.emit(Event::HttpRequest {
            integration: self.attempt.entry.name.clone(),
            method: exchange.trace.method.clone(),
            status: exchange.trace.status,
            code: exchange.result.as_ref().err().map(|refused| refused.code),
            total_ms: exchange.trace.total_ms,
        });
        let hidden = self.secrets.hidden();
        let refusal = |refused| reflected::strip_refusal(refused, hidden);
        let received = exchange.result.map_err(refusal).map_err(|refused| HostError {
            code: refused.code.to_owned(),
            message: refused.message,
            retry_after_ms: refused.retry_after_ms,
        })?;
        let pause_ms = received.retry_after_ms(self.services.clock.now());
        self.pause_ms.store(pause_ms.map_or(0, |ms| ms.saturating_add(1)), Ordering::Relaxed);
        let received = reflected::strip(received, hidden).await;
        let value = json!({
            "status": received.status, "statusText": received.status_text, "url": received.url,
            "redirected": received.redirected, "headers": received.headers,
        });
        Ok(Answer { value: value.to_string(), body: Some(received.body) })
    }

    async fn cached(&self, op: &str, args: CacheArgs) -> Result<Answer, HostError> {
        let value = match op {
            "cache.get" => match self.cache.get(&args.key, args.compute).await {
                Found::Hit(text) => format!(r#"{{"hit":true,"value":{text}}}"#),
                Found::Miss => r#"{"hit":false}"#.into(),
                Found::Lead => r#"{"hit":false,"lead":true}"#.into(),
            },
            "cache.set" => {
                let kept = self.cache.set(&args.key, &args.value.to_string(), args.ttl_ms).await;
                kept.map_err(|error| refused(error.code(), error.to_string()))?;
                "null".into()
            }
            "cache.abandon" => {
                self.cache.abandon(&args.key);
                "null".into()
            }
            _ => self.cache.delete(&args.key).await.to_string(),
        };
        Ok(Answer { value, body: None })
    }

    async fn integration(&self, verb: &str, args: IntegrationArgs) -> Result<Answer, HostError> {
        let target: Target = args.name.parse().map_err(host_error)?;
        let mut body = args.options.unwrap_or_default();
        if let Some(payload) = args.payload {
            body.insert("payload".into(), payload);
        }
        let body = Value::Object(body);
        let value = match verb {
            "execute" => return self.execute(&target, body).await,
            "schedule" => {
                let scheduled = invoke::schedule(self.services, &target, body, None).await.map_err(host_error)?;
                let key = scheduled.key.and_then(|key| serde_json::from_str::<Value>(&key).ok());
                let mut value = json!({
                    "jobId": scheduled.job.to_string(), "key": key, "dueAt": scheduled.due.to_rfc3339(),
                    "replaced": scheduled.replaced,
                });
                if let Some(kept) = scheduled.kept {
                    value["kept"] = kept.into();
                }
                if let Some(pushed) = scheduled.pushed {
                    value["pushed"] = pushed.into();
                }
                value
            }
            "reschedule" => {
                let moved = invoke::reschedule(self.services, &target, body).await.map_err(host_error)?;
                let first = moved.jobs.first().map(|(job, due)| (job.to_string(), due.to_rfc3339()));
                let (job, due) = first.unwrap_or_default();
                json!({ "jobId": job, "dueAt": due, "rescheduled": moved.jobs.len() })
            }
            _ => json!({ "cancelled": invoke::cancel(self.services, &target, body).await.map_err(host_error)? }),
        };
        Ok(Answer { value: value.to_string(), body: None })
    }

    async fn execute(&self, target: &Target, body: Value) -> Result<Answer, HostError> {
        let how = How::default();
        // While it waits, its room is for the run that it waits for.
        let _loan = self.services.room.lend();
        executed(&target.name, invoke::execute(self.services, target, body, how).await.map_err(host_error)?)
    }
}

/// The answer of an execute as its script is told it; a job may also end without a run, and so without an error.
fn executed(name: &str, answer: ExecuteAnswer) -> Result<Answer, HostError> {
    match answer {
        ExecuteAnswer::Finished { outcome: Outcome::Succeeded, result, .. } => Ok(Answer { value: result, body: None }),
        ExecuteAnswer::Finished { outcome, error, .. } => {
            let error = error.and_then(|error| serde_json::from_str::<Value>(&error).ok()).unwrap_or_default();
            let message = error["message"].as_str().map_or_else(|| format!("it ended as {outcome}"), str::to_owned);
            Err(refused("execution_failed", format!("{name} failed: {message}")))
        }
        ExecuteAnswer::RateLimited { refused, .. } => Err(host_error(Error::RateLimited(refused))),
        ExecuteAnswer::Waiting { job } | ExecuteAnswer::Accepted { job } => {
            Err(refused("execution_pending", format!("job {job} of {name} has not ended yet")))
        }
    }
}

impl Host for RunHost<'_> {
    fn line(&self, line: Line) {
        let level = match line.level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        // The engine's own clock for every line, so that the script's lines and the requests' stand in one order.
        self.log(level, line.message, None);
    }

    async fn call(&self, call: Call) -> Result<Answer, HostError> {
        match call.op.as_str() {
            // Futures whose types are forgotten: together they nest deeper than the compiler looks.
            "fetch" => self.fetch(Fetch::read(&call)?, call.body).boxed().await,
            op @ ("cache.get" | "cache.set" | "cache.abandon" | "cache.delete") => self.cached(op, args(&call)?).await,
            op => match op.strip_prefix("integration.") {
                // Boxed: an execute waits for another run, whose future is of this same kind.
                Some(verb @ ("execute" | "schedule" | "reschedule" | "cancel")) => {
                    self.integration(verb, args(&call)?).boxed().await
                }
                _ => Err(refused("unknown_call", format!("there is no host call {op:?}"))),
            },
        }
    }
}

fn args<T: DeserializeOwned>(call: &Call) -> Result<T, HostError> {
    serde_json::from_str(&call.args).map_err(|error| refused("invalid_call", format!("{}: {error}", call.op)))
}

fn refused(code: &str, message: String) -> HostError {
    HostError { code: code.to_owned(), message, retry_after_ms: None }
}

fn host_error(error: Error) -> HostError {
    let message = error.to_string();
    let (code, retry_after_ms) = match error {
        Error::Invalid { code, .. } | Error::NotFound { code, .. } | Error::Conflict { code, .. } => (code, None),
        Error::Script(_) => ("script_error", None),
        Error::RateLimited(refused) => ("rate_limited", refused.retry_after_ms),
        Error::Crowded { .. } => ("backlog_full", None),
        Error::Busy { retry_after_ms, .. } => ("busy", Some(retry_after_ms)),
        Error::Registry { .. } | Error::Unavailable(_) => ("unavailable", None),
    };
    HostError { code: code.to_owned(), message, retry_after_ms }
}

#[cfg(test)]
mod tests {
    use store::{JobId, RunId};

    use super::*;
    use crate::invoke::Refused;
    use crate::world::NOW;

    fn check(outcome: Outcome, error: Option<&str>, expected: Result<&str, &str>) {
        let answer = ExecuteAnswer::Finished {
            job: JobId::new(NOW),
            run: RunId::new(NOW),
            outcome,
            result: "null".into(),
            error: error.map(str::to_owned),
            duration_ms: 0,
        };
        let told = executed("other", answer);
        let told = told.as_ref().map(|answer| answer.value.as_str()).map_err(|error| error.message.as_str());
        assert_eq!(told, expected, "{outcome}");
    }

    #[test]
    fn a_script_is_told_of_a_job_that_did_not_succeed() {
        check(Outcome::Succeeded, None, Ok("null"));
        check(Outcome::Failed, Some(r#"{"message":"no"}"#), Err("other failed: no"));
        check(Outcome::Cancelled, None, Err("other failed: it ended as cancelled"));
    }

    #[test]
    fn a_script_is_told_of_a_rate_limit_as_an_http_caller_is() {
        let refused = Refused { rule: "1 per 1h".into(), retry_after_ms: Some(1_500) };
        let answer = ExecuteAnswer::RateLimited { job: JobId::new(NOW), run: RunId::new(NOW), refused };
        let told = executed("other", answer).expect_err("refused");
        assert_eq!((&*told.code, told.retry_after_ms), ("rate_limited", Some(1_500)));
        let told = host_error(Error::Crowded { limit: 5, fields: vec!["email".into()] });
        assert!(told.code == "backlog_full" && told.message.contains("5 jobs with this email"), "{told:?}");
    }
}

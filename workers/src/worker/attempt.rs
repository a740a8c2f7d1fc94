//! One attempt: a handler run with its arguments, its log, and the record of how it ended.

use std::sync::Arc;

use schedules::{Millis, Stopwatch};
use scripts::protocol::{Input, Limits, ScriptError, Usage};
use serde_json::{Value, json};
use store::RunId;
use store::catalog::{LogLine, Outcome, ReleaseNumber, RunRecord, Trigger};
use store::queue::{Cause, Job};
use tokio_util::sync::CancellationToken;

use super::host::RunHost;
use super::{Ending, back_pressure};
use crate::live::Running;
use crate::redact::Redactor;
use crate::runners::{Ended, Request};
use crate::secrets::RunSecrets;
use crate::{Entry, Error, Services, Version};

const STACK_BYTES: u32 = 512 << 10;
/// The code of an error that is the engine's own: the secrets of a run cannot be decrypted.
pub(super) const UNREADABLE: &str = "secrets_unreadable";

/// Everything one attempt needs.
#[derive(Clone)]
pub(crate) struct Attempt {
    pub run: RunId,
    pub job: Job,
    pub entry: Arc<Entry>,
    pub version: Arc<Version>,
    /// From 1.
    pub number: u32,
    pub started: Millis,
}

impl Attempt {
    /// Why this attempt runs: a later attempt is a retry, whatever made the job.
    pub(crate) fn cause(&self) -> Cause {
        if self.number > 1 { Cause::Retry } else { self.job.cause }
    }

    fn release(&self) -> Option<ReleaseNumber> {
        (self.job.cause != Cause::Preview).then_some(self.version.number)
    }

    /// How it shows while it runs.
    pub(crate) fn running(&self) -> Running {
        Running {
            run: self.run,
            job: self.job.id,
            integration: self.entry.id,
            integration_name: self.entry.name.clone(),
            release: self.release(),
            cause: self.cause(),
            attempt: self.number,
            queued: self.job.created,
            due: self.job.due,
            started: self.started,
        }
    }

    /// Runs the handler to its end; the run must have been started in [`crate::Live`]. `None` when it was cut short
    /// through no fault of its own, and is to be made again as if it had not begun.
    pub(crate) async fn run(&self, services: &Services, cancel: &CancellationToken) -> Option<(RunRecord, Ending)> {
        let watch = Stopwatch::start();
        let (secrets, unreadable) = match services.secrets.of(self.entry.id) {
            Ok(secrets) => (secrets, None),
            Err(error) => (Arc::new(RunSecrets::none()), Some(error)),
        };
        let host = RunHost::new(services, self, watch, secrets.clone());
        host.boot(&self.version);
        let ended = match unreadable {
            None => {
                let request = Request {
                    workspace: &self.entry.workspace,
                    integration: self.entry.id,
                    job: self.job.id,
                    // A draft has not been tried: nobody else's run should suffer from it.
                    alone: self.job.cause == Cause::Preview,
                    bundle: &self.version.bundle,
                    input: self.input(&secrets),
                    limits: self.limits(),
                };
                services.runners.run(request, &host, cancel).await?
            }
            Some(error) => Ended { result: Err(no_secrets(&error)), usage: Usage::default() },
        };
        if let Some(pause_ms) = host.pause_ms().filter(|_| self.job.cause != Cause::Preview) {
            // Counted as the end of the run is, so that neither looks earlier than the other.
            let now = self.started.after(i64::try_from(watch.elapsed_ms()).unwrap_or(0));
            back_pressure::apply(services, &self.entry, &self.job, (now, pause_ms)).await;
        }
        let ending = match &ended.result {
            Ok(_) => Ending::Returned,
            Err(error) => match Ending::of_error(error) {
                // Back-pressure that the script let through: the other side said when to come back.
                Ending::Threw { retry_after_ms: None } => Ending::Threw { retry_after_ms: host.pause_ms() },
                ending => ending,
            },
        };
        Some((self.record(services, &host, &secrets, ended, ending, watch.elapsed_ms()), ending))
    }

    fn limits(&self) -> Limits {
        Limits {
            timeout_ms: self.version.settings.timeout_ms,
            memory_bytes: u64::from(self.version.settings.memory_mb) << 20,
            stack_bytes: STACK_BYTES,
            ..Limits::default()
        }
    }

    fn input(&self, secrets: &RunSecrets) -> Input {
        let deadline = self.started.after(self.version.settings.timeout_ms.into());
        let run = json!({
            "id": self.run.to_string(),
            "attempt": self.number,
            "scheduledAt": self.job.due.to_rfc3339(),
            "release": self.release().map(|number| number.to_string()),
            "deadline": deadline.to_rfc3339(),
        });
        let context = self.job.context.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        // What starts an event integration is its event, unless an expression made the payload.
        let is_event = self.entry.trigger == Trigger::Event;
        let part = |name: &str| context.as_ref().and_then(|context| context.get(name)).map(Value::to_string);
        Input {
            payload: self.job.payload.to_string(),
            secrets: secrets.visible(),
            key: self.job.key.as_ref().map(|key| key.canonical().to_owned()),
            event: part("event").or_else(|| is_event.then(|| self.job.payload.to_string())),
            request: part("request"),
            run: run.to_string(),
            test: None,
        }
    }

    fn record(
        &self,
        services: &Services,
        host: &RunHost,
        secrets: &RunSecrets,
        ended: Ended,
        ending: Ending,
        run_ms: u64,
    ) -> RunRecord {
        let redactor = secrets.redactor();
        let (result, error) = match ended.result {
            Ok(result) => (Some(redactor.redact_json(&result).into_owned()), None),
            Err(error) => (None, Some(masked(error, redactor))),
        };
        let usage =
            json!({ "cpuMs": ended.usage.cpu_ms, "heapBytes": ended.usage.heap_bytes, "calls": ended.usage.calls });
        let error_json = error.as_ref().and_then(|error| serde_json::to_string(error).ok());
        let error_json = error_json.map(|error| redactor.redact_json(&error).into_owned());
        host.end(match &error {
            None => (format!("Execution finished in {run_ms}ms"), json!({ "usage": usage })),
            Some(error) => (last_words(error, run_ms), json!({ "usage": usage, "error": error })),
        });
        let cancelled = error.as_ref().is_some_and(|error| error.code == "cancelled");
        RunRecord {
            id: self.run,
            job: self.job.id,
            integration: self.entry.id,
            workspace: self.entry.workspace.to_string(),
            integration_name: self.entry.name.to_string(),
            release: self.release(),
            cause: self.cause(),
            attempt: self.number,
            outcome: if cancelled { Outcome::Cancelled } else { ending.outcome() },
            queued: self.job.created,
            due: self.job.due,
            started: Some(self.started),
            finished: self.started.after(i64::try_from(run_ms).unwrap_or(i64::MAX)),
            key: self.job.key.as_ref().map(|key| redactor.redact_json(key.canonical()).into_owned()),
            result,
            error: error_json,
            logs: services.live.lines(self.run),
        }
    }
}

/// No fault of the script: it cannot be given its secrets.
fn no_secrets(error: &Error) -> ScriptError {
    tracing::error!(%error, "a run cannot be given its secrets");
    ScriptError {
        code: UNREADABLE.into(),
        name: "SecretsUnreadable".into(),
        message: error.to_string(),
        ..ScriptError::default()
    }
}

/// The error with each text masked by itself: a runner cuts long ones, and only at its end a text shows that it was cut.
fn masked(error: ScriptError, redactor: &Redactor) -> ScriptError {
    let mask = |text: String| redactor.redact(&text).into_owned();
    ScriptError { name: mask(error.name), message: mask(error.message), stack: error.stack.map(mask), ..error }
}

/// The last line of a run that failed: what went wrong, and where.
fn last_words(error: &ScriptError, run_ms: u64) -> String {
    let mut words = format!("Execution failed after {run_ms}ms: {}: {}", error.name, error.message);
    if let Some(stack) = &error.stack {
        words.push('\n');
        words.push_str(stack);
    }
    words
}

/// A line of the log.
pub(super) fn line(at_ms: u32, level: &str, message: String, detail: Option<String>) -> LogLine {
    LogLine { at_ms, level: level.to_owned(), message, detail }
}

//! Which runner serves which request, when one is ended, and what that means for the other runs in it.

use std::sync::Arc;
use std::time::Duration;

use scripts::protocol::{Bundle, Code, Input, Limits, ScriptError, Usage};
use store::{IntegrationId, JobId};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::choose::Owner;
use super::exchange::{Close, Ended, GRACE, Host, START, UNAVAILABLE, check, serve};
use super::places::{Places, Seat};
use super::process::{Command, End, NotReady};
use crate::{Event, Events};

/// How many drafts are compiled at one time.
const CHECKS_AT_ONCE: usize = 2;

/// How far runs are kept from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Isolation {
    /// Runs of one workspace share runners that are ready; each has a JavaScript runtime of its own.
    #[default]
    Warm,
    /// A process for every run.
    PerRun,
}

/// A run to be made.
pub struct Request<'a> {
    /// The workspace it belongs to.
    pub workspace: &'a Arc<str>,
    /// The integration.
    pub integration: IntegrationId,
    /// The job it is an attempt at.
    pub job: JobId,
    /// Whether it must have a runner for itself.
    pub alone: bool,
    /// What runs.
    pub bundle: &'a Arc<Bundle>,
    /// The handler's argument.
    pub input: Input,
    /// The limits.
    pub limits: Limits,
}

/// The runners; cheap to clone.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    isolation: Isolation,
    /// Checks have their own room: saving a draft must not wait for long runs to end.
    checks: Semaphore,
    places: Places,
    events: Events,
}

impl Pool {
    /// A pool of about `runners` processes, started as they are needed.
    pub fn new(command: Command, runners: usize, isolation: Isolation, events: Events) -> Self {
        let checks = Semaphore::new(CHECKS_AT_ONCE);
        let places = Places::new(command, runners, events.clone());
        Self(Arc::new(Inner { isolation, checks, places, events }))
    }

    /// Starts a runner to see that scripts can run here, and in their jail.
    pub async fn prove(&self) -> Result<(), NotReady> {
        self.0.places.prove().await
    }

    /// Keeps `n` runners ready from now on, so that what needs a new one does not wait for it.
    pub fn warm(&self, n: usize) -> std::io::Result<()> {
        self.0.places.warm(n)
    }

    /// Compiles code and makes sure that it exports a handler, in a process that does nothing else.
    pub async fn check(&self, code: Code, limits: Limits) -> Result<Bundle, ScriptError> {
        let Ok(_slot) = self.0.checks.acquire().await else {
            return Err(unavailable("the engine is stopping"));
        };
        let runner =
            self.0.places.fresh().map_err(|error| unavailable(&format!("no runner can be started: {error}")))?;
        let mut line = runner.open(&limits);
        // One that does not become ready does not answer either.
        let _ready = tokio::time::timeout(START, line.ready()).await;
        let patience = Duration::from_millis(limits.timeout_ms.into()) + GRACE;
        let (reason, result) = match tokio::time::timeout(patience, check(&mut line, code, limits)).await {
            Ok(Some(result)) => ("worn", result),
            Ok(None) => {
                let message =
                    "the compiler crashed on these files: the code is nested too deeply, or is not what it seems";
                ("crashed", Err(gone(message)))
            }
            Err(_) => ("timeout", Err(timed_out(limits.timeout_ms))),
        };
        self.0.events.emit(Event::RunnerKilled { reason });
        result
    }

    /// Runs a handler. `None` when its runner died of another run, or nobody knows of which: nothing is known against
    /// this one, and it should be made again as if it had not begun.
    pub async fn run(&self, request: Request<'_>, host: &impl Host, cancel: &CancellationToken) -> Option<Ended> {
        if cancel.is_cancelled() {
            return Some(Ended::error(cancelled()));
        }
        let mut seat = match self.seat(&request) {
            Ok(seat) => seat,
            Err(error) => return Some(Ended::error(unavailable(&format!("no runner can be started: {error}")))),
        };
        let Request { integration, job, bundle, input, limits, .. } = request;
        let runner = seat.runner();
        let mut line = runner.open(&limits);
        let ended = match serve(&mut line, (bundle, input, limits), host, cancel).await {
            Close::Finished(ended) => {
                seat.retire(broken_limit(&ended));
                Some(ended)
            }
            Close::Stubborn => {
                runner.kill(line.id);
                seat.retire(Some("cancelled"));
                Some(Ended::error(cancelled()))
            }
            Close::Overdue => {
                runner.kill(line.id);
                seat.retire(Some("timeout"));
                self.0.places.suspicion().strike(integration, Instant::now());
                Some(Ended::error(timed_out(limits.timeout_ms)))
            }
            Close::Gone { .. } if cancel.is_cancelled() => Some(Ended::error(cancelled())),
            Close::Gone { late } => self.gone(&mut seat, (line.id, late), (integration, job, limits)),
        };
        if ended.is_some() {
            self.0.places.suspicion().clear(job);
        }
        ended
    }

    /// What a runner's end means for a run that was in it.
    fn gone(
        &self,
        seat: &mut Seat,
        (id, late): (u64, bool),
        (integration, job, limits): (IntegrationId, JobId, Limits),
    ) -> Option<Ended> {
        let now = Instant::now();
        match seat.runner().end() {
            // Two were overdue at the same time, and the other one was first.
            Some(End::Killed(culprit)) if late && culprit != id => Some(Ended::error(timed_out(limits.timeout_ms))),
            Some(End::Killed(culprit)) if culprit != id => None,
            Some(End::Crashed) => {
                seat.retire(Some("crashed"));
                self.0.places.suspicion().suspect(job, now);
                None
            }
            None => {
                seat.retire(Some("crashed"));
                Some(Ended::error(unavailable("the runner does not become ready")))
            }
            Some(End::CrashedAlone | End::Killed(_)) => {
                seat.retire(Some("crashed"));
                self.0.places.suspicion().strike(integration, now);
                Some(Ended::error(gone("the runner process ended in the middle of the run")))
            }
        }
    }

    /// A place for a run in the runner that it should have.
    fn seat(&self, request: &Request<'_>) -> std::io::Result<Seat> {
        let (places, now) = (&self.0.places, Instant::now());
        let (apart, suspect) = {
            let suspicion = places.suspicion();
            (suspicion.apart(request.integration, now), suspicion.alone(request.job, now))
        };
        let owner = Owner { workspace: request.workspace.clone(), integration: apart.then_some(request.integration) };
        match self.0.isolation {
            Isolation::Warm => places.seat(owner, request.alone || suspect),
            Isolation::PerRun => places.seat_apart(owner),
        }
    }
}

impl Ended {
    fn error(error: ScriptError) -> Self {
        Self { result: Err(error), usage: Usage::default() }
    }
}

/// Why a runner should not be used again after a run that ended by itself: what broke such a limit may have left
/// traces in the process.
fn broken_limit(ended: &Ended) -> Option<&'static str> {
    match ended.result.as_ref().err().map(|error| error.code.as_str()) {
        Some("memory_limit") => Some("memory"),
        Some("timeout") => Some("timeout"),
        Some("runner_crashed") => Some("crashed"),
        _ => None,
    }
}

fn script_error(code: &str, name: &str, message: String) -> ScriptError {
    ScriptError { code: code.into(), name: name.into(), message, ..ScriptError::default() }
}

fn timed_out(timeout_ms: u32) -> ScriptError {
    script_error("timeout", "TimeoutError", format!("did not end within its timeout of {timeout_ms} ms"))
}

fn cancelled() -> ScriptError {
    script_error("cancelled", "Cancelled", "the run was ended by the engine".into())
}

/// No fault of the script: the engine cannot run anything now.
fn unavailable(message: &str) -> ScriptError {
    script_error(UNAVAILABLE, "RunnerUnavailable", message.into())
}

fn gone(message: &str) -> ScriptError {
    script_error("runner_crashed", "RunnerCrashed", message.into())
}

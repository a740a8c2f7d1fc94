//! Which runner serves which request, and when one is ended.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use scripts::frame;
use scripts::protocol::{
    Answer, Bundle, Call, Check, Code, FromRunner, HostError, Input, Limits, Line, Reply, Run, ScriptError, ToRunner,
    Usage,
};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::process::{Command, Runner};
use crate::{Event, Events};

/// A runner is replaced after this many requests, so that nothing can pile up in it.
const MAX_SERVED: u32 = 500;
/// How long past its deadline a run may take to end by itself before its runner is killed.
const GRACE: Duration = Duration::from_millis(40);

/// How many drafts are compiled at one time.
const CHECKS_AT_ONCE: usize = 2;
/// The code of an error that is the engine's own: no runner can be had.
pub const UNAVAILABLE: &str = "runner_unavailable";

/// What a run asks of the engine while it runs.
pub trait Host: Send + Sync {
    /// A line of the log.
    fn line(&self, line: Line);

    /// A call; several may be under way.
    fn call(&self, call: Call) -> impl Future<Output = Result<Answer, HostError>> + Send;
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The result as JSON text, or what went wrong.
    pub result: Result<String, ScriptError>,
    /// What it used, as far as the runner could still say.
    pub usage: Usage,
}

/// The runners; cheap to clone.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    command: Command,
    slots: Semaphore,
    /// Checks have their own room: saving a draft must not wait for long runs to end.
    checks: Semaphore,
    idle: Mutex<Vec<Runner>>,
    events: Events,
}

impl Pool {
    /// A pool of at most `size` runners, started as they are needed.
    pub fn new(command: Command, size: usize, events: Events) -> Self {
        let (slots, checks) = (Semaphore::new(size.max(1)), Semaphore::new(CHECKS_AT_ONCE));
        Self(Arc::new(Inner { command, slots, checks, idle: Mutex::default(), events }))
    }

    /// Starts runners ahead of need, so that the first runs do not wait for them.
    pub fn warm(&self, n: usize) -> std::io::Result<()> {
        for _ in 0..n {
            let runner = self.start()?;
            self.idle().push(runner);
        }
        Ok(())
    }

    /// Compiles code and makes sure that it exports a handler.
    pub async fn check(&self, code: Code, limits: Limits) -> Result<Bundle, ScriptError> {
        let Ok(_slot) = self.0.checks.acquire().await else {
            return Err(unavailable("the engine is stopping"));
        };
        let mut runner = self.take().map_err(|error| unavailable(&format!("no runner can be started: {error}")))?;
        let id = u64::from(runner.served);
        let exchange = async {
            runner.send(&ToRunner::Check(Check { id, code, limits })).await?;
            loop {
                if let FromRunner::Checked { id: answered, result } = runner.receive().await?
                    && answered == id
                {
                    return Ok::<_, std::io::Error>(result);
                }
            }
        };
        match tokio::time::timeout(patience(limits), exchange).await {
            Ok(Ok(result)) => {
                self.give_back(runner, result.as_ref().err());
                result
            }
            Ok(Err(_)) => {
                self.0.events.emit(Event::RunnerKilled { reason: "crashed" });
                Err(gone("the compiler crashed on these files: the code is nested too deeply, or is not what it seems"))
            }
            Err(_) => {
                self.0.events.emit(Event::RunnerKilled { reason: "timeout" });
                Err(timed_out(limits.timeout_ms))
            }
        }
    }

    /// Runs a handler. Its runner is killed when `cancel` is, or when the run does not end at its deadline.
    pub async fn run(
        &self,
        bundle: Bundle,
        input: Input,
        limits: Limits,
        host: &impl Host,
        cancel: &CancellationToken,
    ) -> Ended {
        let slot = tokio::select! {
            slot = self.0.slots.acquire() => slot,
            () = cancel.cancelled() => return Ended::error(cancelled()),
        };
        let Ok(_slot) = slot else {
            return Ended::error(unavailable("the engine is stopping"));
        };
        let mut runner = match self.take() {
            Ok(runner) => runner,
            Err(error) => return Ended::error(unavailable(&format!("no runner can be started: {error}"))),
        };
        let id = u64::from(runner.served);
        let run = ToRunner::Run(Box::new(Run { id, bundle, input, limits }));
        let (reason, error) = tokio::select! {
            served = serve(&mut runner, id, &run, host) => match served {
                Ok(ended) => {
                    self.give_back(runner, ended.result.as_ref().err());
                    return ended;
                }
                Err(error) => ("crashed", gone(&format!("the runner process ended in the middle of the run ({error})"))),
            },
            () = tokio::time::sleep(patience(limits)) => ("timeout", timed_out(limits.timeout_ms)),
            () = cancel.cancelled() => ("cancelled", cancelled()),
        };
        self.0.events.emit(Event::RunnerKilled { reason });
        Ended::error(error)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Runner>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> std::io::Result<Runner> {
        let mut runner = match self.take_idle() {
            Some(runner) => runner,
            None => self.start()?,
        };
        runner.served += 1;
        Ok(runner)
    }

    /// An idle runner that is still there: the system may have ended one for want of memory, which is no run's fault.
    fn take_idle(&self) -> Option<Runner> {
        let mut idle = self.idle();
        while let Some(mut runner) = idle.pop() {
            if runner.is_alive() {
                return Some(runner);
            }
            self.0.events.emit(Event::RunnerKilled { reason: "crashed" });
        }
        None
    }

    fn start(&self) -> std::io::Result<Runner> {
        let runner = Runner::start(&self.0.command)?;
        self.0.events.emit(Event::RunnerStarted);
        Ok(runner)
    }

    /// A runner is used again unless it is worn, or something broke a limit in it.
    fn give_back(&self, runner: Runner, error: Option<&ScriptError>) {
        let reason = match error.map(|error| error.code.as_str()) {
            Some("memory_limit") => "memory",
            Some("timeout") => "timeout",
            _ if runner.served >= MAX_SERVED => "worn",
            _ => return self.idle().push(runner),
        };
        self.0.events.emit(Event::RunnerKilled { reason });
    }
}

/// Talks with the runner until the run is over.
async fn serve(runner: &mut Runner, id: u64, run: &ToRunner, host: &impl Host) -> std::io::Result<Ended> {
    runner.send(run).await?;
    let (mut incoming, mut outgoing) = runner.halves();
    let mut calls = FuturesUnordered::new();
    // One reply at a time on its way out, and reading goes on meanwhile: the script writes without reading, so that
    // two who only write would wait for each other until the deadline.
    let mut reply = BytesMut::new();
    loop {
        let message = tokio::select! {
            message = incoming.receive() => message?,
            Some(done) = calls.next(), if reply.is_empty() => {
                reply.extend_from_slice(&frame::encode(&ToRunner::Reply(done))?);
                continue;
            }
            written = outgoing.write_buf(&mut reply), if !reply.is_empty() => {
                written?;
                continue;
            }
        };
        match message {
            FromRunner::Log { id: of, line } if of == id => host.line(line),
            FromRunner::Call(call) if call.id == id => calls.push(async move {
                let number = call.call;
                Reply { id, call: number, result: host.call(call).await }
            }),
            FromRunner::Finished { id: of, result, usage } if of == id => return Ok(Ended { result, usage }),
            // Late words of an earlier request.
            _ => {}
        }
    }
}

impl Ended {
    fn error(error: ScriptError) -> Self {
        Self { result: Err(error), usage: Usage::default() }
    }
}

/// How long a run of this timeout may take in all before its runner is killed.
fn patience(limits: Limits) -> Duration {
    Duration::from_millis(limits.timeout_ms.into()) + GRACE
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

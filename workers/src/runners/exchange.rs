//! One run's talk with its runner: calls are served, lines are passed on, until it ends or is ended.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use scripts::protocol::{
    Answer, Bundle, Call, Check, Code, FromRunner, HostError, Input, Limits, Line as LogLine, Reply, ScriptError,
    ToRunner, Usage,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::process::{Line, Sender};

/// How long past its deadline a run may take to end by itself before its runner is killed.
pub(super) const GRACE: Duration = Duration::from_millis(250);
/// How long a new process may take until it is ready.
pub(super) const START: Duration = Duration::from_secs(20);
/// The code of an error that is the engine's own: no runner can be had.
pub const UNAVAILABLE: &str = "runner_unavailable";

/// What a run asks of the engine while it runs.
pub trait Host: Send + Sync {
    /// A line of the log.
    fn line(&self, line: LogLine);

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

/// How the talk ended.
pub(super) enum Close {
    /// With the run.
    Finished(Ended),
    /// The run did not end in time: its runner must be killed.
    Overdue,
    /// It was cancelled and did not end soon: its runner must be killed.
    Stubborn,
    /// The runner is gone, or was never there.
    Gone {
        /// Whether the run's own time was up by then.
        late: bool,
    },
}

/// Starts a run and serves it. `cancel` asks it to end; it has [`GRACE`] for that.
pub(super) async fn serve(
    line: &mut Line<'_>,
    (bundle, input, limits): (&Arc<Bundle>, Input, Limits),
    host: &impl Host,
    cancel: &CancellationToken,
) -> Close {
    let (id, sender) = (line.id, line.sender());
    // Its time begins when there is a runner for it.
    let ready = cancel.run_until_cancelled(line.ready());
    if tokio::time::timeout(START, ready).await.is_err() {
        return Close::Gone { late: false };
    }
    let deadline = Instant::now() + Duration::from_millis(limits.timeout_ms.into());
    // A runner that is gone is heard of by the line, which also knows why.
    let Ok(_sent) = tokio::time::timeout_at(deadline + GRACE, sender.begin(id, bundle, input, limits)).await else {
        return Close::Overdue;
    };
    let patience = tokio::time::sleep_until(deadline + GRACE);
    tokio::pin!(patience);
    let mut cancelling = false;
    let mut calls = FuturesUnordered::new();
    loop {
        let message = tokio::select! {
            message = line.receive() => message,
            Some(()) = calls.next() => continue,
            () = &mut patience => return if cancelling { Close::Stubborn } else { Close::Overdue },
            () = cancel.cancelled(), if !cancelling => {
                cancelling = true;
                let until = (Instant::now() + GRACE).min(deadline + GRACE);
                patience.as_mut().reset(until);
                // One that cannot be told is killed.
                let _told = tokio::time::timeout_at(until, sender.send(&ToRunner::Cancel(id))).await;
                continue;
            }
        };
        match message {
            None => return Close::Gone { late: Instant::now() >= deadline },
            Some(FromRunner::Log { line, .. }) => host.line(line),
            Some(FromRunner::Call(call)) => calls.push(answer(sender, id, call, host)),
            Some(FromRunner::Finished { result, usage, .. }) => return Close::Finished(Ended { result, usage }),
            Some(FromRunner::Ready | FromRunner::Checked { .. }) => {}
        }
    }
}

async fn answer(sender: Sender<'_>, id: u64, call: Call, host: &impl Host) {
    let number = call.call;
    let result = host.call(call).await;
    // As above.
    let _gone = sender.send(&ToRunner::Reply(Reply { id, call: number, result })).await;
}

/// Has code compiled; `None` when the runner is gone.
pub(super) async fn check(line: &mut Line<'_>, code: Code, limits: Limits) -> Option<Result<Bundle, ScriptError>> {
    line.sender().send(&ToRunner::Check(Check { id: line.id, code, limits })).await.ok()?;
    loop {
        if let FromRunner::Checked { result, .. } = line.receive().await? {
            return Some(result);
        }
    }
}

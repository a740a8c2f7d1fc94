//! Real runner processes under hostile scripts: what each run does to itself, to its neighbours and to the next one.

mod bombs;
mod ended;
mod nested;
mod residue;

use std::sync::Arc;
use std::time::Duration;

use schedules::{Millis, Stopwatch};
use scripts::protocol::{Answer, Bundle, Call, Format, HostError, Input, Limits, Line};
use store::{IntegrationId, JobId};
use tokio_util::sync::CancellationToken;
use workers::Events;
use workers::runners::{Command, Ended, Host, Isolation, Pool, Request};

/// The time of every id made here; they differ by chance.
const NOW: Millis = Millis(1_800_000_000_000);

/// A pool of runners of the real program.
fn pool(runners: usize, isolation: Isolation) -> Pool {
    observed_pool(runners, isolation, Events::default())
}

fn observed_pool(runners: usize, isolation: Isolation, events: Events) -> Pool {
    let program = env!("CARGO_BIN_EXE_tidegate").into();
    Pool::new(Command { program, args: vec!["runner".into()] }, runners, isolation, events)
}

/// A script as an integration of its own.
struct Script {
    integration: IntegrationId,
    bundle: Arc<Bundle>,
}

impl Script {
    /// The handler's body is `body`.
    fn new(body: &str) -> Self {
        Self::module(&format!("module.exports = async ({{ payload }}) => {{ {body}\n}}"))
    }

    fn module(code: &str) -> Self {
        let bundle = Bundle {
            entry: "integration.js".into(),
            format: Format::CommonJs,
            code: code.into(),
            map: None,
            source: None,
            hash: String::new(),
        };
        Self { integration: IntegrationId::new(NOW), bundle: Arc::new(bundle) }
    }
}

/// How a run ended, counted from the attempt that did.
struct Ran {
    ended: Ended,
    took: Duration,
    /// How often it was given back before.
    given_back: u32,
}

impl Ran {
    /// The error's code, or the result.
    fn code(&self) -> &str {
        self.ended.result.as_ref().map_or_else(|error| error.code.as_str(), String::as_str)
    }
}

/// Runs it as the queue does: again when it was given back.
async fn run(pool: &Pool, script: &Script, limits: Limits) -> Ran {
    run_payload(pool, script, limits, "null").await
}

async fn run_payload(pool: &Pool, script: &Script, limits: Limits, payload: &str) -> Ran {
    let (job, workspace, cancel) = (JobId::new(NOW), "default".into(), CancellationToken::new());
    let mut given_back = 0;
    loop {
        let watch = Stopwatch::start();
        let request = Request {
            workspace: &workspace,
            integration: script.integration,
            job,
            alone: false,
            bundle: &script.bundle,
            input: Input { payload: payload.into(), run: "{}".into(), ..Input::default() },
            limits,
        };
        if let Some(ended) = pool.run(request, &Silence, &cancel).await {
            return Ran { ended, took: watch.elapsed(), given_back };
        }
        given_back += 1;
    }
}

/// A host that never answers.
struct Silence;

impl Host for Silence {
    fn line(&self, _: Line) {}

    async fn call(&self, _: Call) -> Result<Answer, HostError> {
        std::future::pending().await
    }
}

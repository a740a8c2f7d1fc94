//! `test`: the tests of integrations, each in a run of its own, in the runner and the jail that real runs have.

mod host;
mod recording;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schedules::Stopwatch;
use scripts::protocol::{Bundle, Input, Limits, ScriptError, Test};
use serde_json::json;
use store::{IntegrationId, JobId, RunId};
use tokio_util::sync::CancellationToken;
use workers::gateway::{Insert, Policy};
use workers::runners::{Ended, Request};
use workers::settings::Settings;
use workers::{Error, Services};

use super::dev::secrets;
use super::failure::code;
use super::{Failure, folder, run};
use crate::app;
use crate::config::{self, Environment};
use host::TestHost;
use recording::{Entry, Recording};
use report::{Outcome, Report};

/// Which tests, and how.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate test                      the tests of every integration below this folder
  tidegate test hello                those of one: hello/*.test.js and *.test.ts
  tidegate test --filter refund      those with `refund` in their name
  tidegate test hello --record       asks the real servers what has no stub, and keeps the answers
  tidegate test --json | jq .        a line of JSON per test

A first test, as hello/integration.test.js:
  const { test, assert, run } = require('tidegate:test')
  test('greets', async () => { assert.deepEqual(await run({ payload: { name: 'Ada' } }), { greeting: 'Hello, Ada!' }) })

Requests are answered by http.on(…) or by the recording beside the file (integration.test.http.json), never by the
network but with --record. docs/TESTING.md says what else there is.")]
pub struct Args {
    /// The folder of an integration, or one with integrations directly below it
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Only the tests with this text in their name
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Send the requests that have no stub, and record their answers
    #[arg(long)]
    record: bool,
    /// Print a line of JSON per test
    #[arg(long)]
    json: bool,
    /// A secret for the tests, as NAME=VALUE; .env and TIDEGATE_SECRET_<NAME> work as well
    #[arg(long, value_name = "NAME=VALUE", value_parser = run::secret)]
    secret: Vec<(String, String)>,
    /// With --record: open an address range and port to the script, as CIDR:port
    #[arg(long, value_name = "CIDR:PORT", requires = "record")]
    allow: Vec<String>,
}

/// The name that stands for a file's top level in a report.
const TOP_LEVEL: &str = "(the file)";

/// The variables that count here: those about the sandbox and where packages come from.
const VARIABLES: [&str; 7] = [
    "TIDEGATE_SANDBOX",
    "TIDEGATE_ESBUILD",
    "TIDEGATE_PACKAGES__REGISTRY",
    "TIDEGATE_PACKAGES__TOKEN_ENV",
    "TIDEGATE_PACKAGES__HOSTS",
    "TIDEGATE_PACKAGES__ALLOW",
    "TIDEGATE_PACKAGES__CA",
];

/// Runs them.
pub async fn test(args: Args) -> Result<(), Failure> {
    let folders = folder::find(&args.folder)?;
    if folders.is_empty() {
        return Err(Failure::usage(format!("there is no integration in {}", args.folder.display()))
            .help("`tidegate new NAME` makes one, with a first test"));
    }
    let watch = Stopwatch::start();
    let data = tempfile::tempdir()?;
    let services = open(&args, data.path()).await?;
    let mut report = Report::new(args.json);
    for path in &folders {
        for file in folder::tests(path)? {
            Suite::load(&services, &args, path, file).await?.run(&args, &mut report).await?;
        }
    }
    match (report.tests(), &args.filter) {
        (0, Some(text)) => Err(Failure::usage(format!("no test has `{text}` in its name"))),
        (0, None) => Err(Failure::usage(format!("there are no tests in {}", args.folder.display()))
            .help("write integration.test.js beside integration.js; `tidegate test --help` shows a first test")),
        _ => {
            report.end(watch.elapsed_ms());
            if report.failed() { Err(Failure::silent(code::FAILED)) } else { Ok(()) }
        }
    }
}

async fn open(args: &Args, data: &Path) -> Result<Services, Failure> {
    let openings = args.allow.iter().map(|text| app::opening(text)).collect::<Result<Vec<_>, _>>()?;
    let mut config = config::load(None, &Environment::of_process().only(&VARIABLES), Vec::new())?;
    config.server.data = data.to_path_buf();
    app::services(&config, openings, Vec::new()).await
}

/// A file of tests and the integration beside it, ready to run.
struct Suite<'a> {
    services: &'a Services,
    shown: String,
    /// Where the recording is.
    recorded: PathBuf,
    integration: IntegrationId,
    subject: Arc<Bundle>,
    tests: Result<Bundle, Box<ScriptError>>,
    sample: String,
    secrets: BTreeMap<String, String>,
    settings: Settings,
}

impl<'a> Suite<'a> {
    async fn load(services: &'a Services, args: &Args, path: &Path, file: String) -> Result<Self, Failure> {
        let folder = folder::load(path)?;
        let settings = Settings::parse(&folder.body["settings"])?;
        let files: BTreeMap<String, String> = serde_json::from_value(folder.body["files"].clone()).unwrap_or_default();
        let built = services.packages.build(&files, None, &services.runners).await?;
        let with_test = folder::with_test(path, &file, &files)?;
        let lock = built.lock.as_ref();
        let tests = match services.packages.build_tests(&with_test, &file, lock, &services.runners).await {
            Ok(bundle) => Ok(bundle),
            Err(Error::Script(error)) => Err(error),
            Err(error) => return Err(error.into()),
        };
        let at = path.join(&file);
        let mut secrets = secrets::read(path)?;
        secrets.extend(Environment::of_process().secrets()?);
        secrets.extend(args.secret.iter().cloned());
        Ok(Self {
            services,
            shown: at.strip_prefix(".").unwrap_or(&at).display().to_string(),
            recorded: at.with_extension("http.json"),
            integration: IntegrationId::new(services.clock.now()),
            subject: Arc::new(built.bundle),
            tests,
            sample: folder.body["sample"].to_string(),
            secrets,
            settings,
        })
    }

    /// Lists the tests, then runs each.
    async fn run(&self, args: &Args, report: &mut Report) -> Result<(), Failure> {
        let watch = Stopwatch::start();
        let tests = match &self.tests {
            Ok(tests) => tests,
            Err(error) => return self.broken(ScriptError::clone(error), watch.elapsed_ms(), report),
        };
        let policy = self.policy();
        let mut recording = Recording::read(&self.recorded)?;
        let listing = TestHost::new(Vec::new(), None, self.timeout());
        let names: Vec<String> = match self.ended(tests, None, &listing).await.result {
            Ok(names) => serde_json::from_str(&names).unwrap_or_default(),
            Err(error) => return self.broken(error, watch.elapsed_ms(), report),
        };
        let wanted = |name: &String| args.filter.as_ref().is_none_or(|text| name.contains(text.as_str()));
        if !names.iter().any(wanted) {
            return Ok(());
        }
        report.file(&self.shown);
        let out = args.record.then_some((&self.services.gateway, &policy));
        for name in names.iter().filter(|name| wanted(name)) {
            let left: Vec<Entry> = recording.tests.get(name).cloned().unwrap_or_default();
            let host = TestHost::new(left, out, self.timeout());
            let watch = Stopwatch::start();
            let ended = self.ended(tests, Some(name), &host).await;
            let (lines, made) = host.into_parts();
            if args.record {
                recording.tests.insert(name.clone(), made);
            }
            let outcome = Outcome { name: name.clone(), error: ended.result.err(), lines, took_ms: watch.elapsed_ms() };
            report.test(&self.shown, &outcome);
        }
        if args.record {
            recording.tests.retain(|name, _| names.contains(name));
            recording.write(&self.recorded)?;
        }
        Ok(())
    }

    /// The file itself does not work.
    fn broken(&self, error: ScriptError, took_ms: u64, report: &mut Report) -> Result<(), Failure> {
        report.file(&self.shown);
        report.test(&self.shown, &Outcome { name: TOP_LEVEL.into(), error: Some(error), lines: Vec::new(), took_ms });
        Ok(())
    }

    async fn ended(&self, tests: &Bundle, name: Option<&str>, host: &TestHost<'_>) -> Ended {
        let now = self.services.clock.now();
        let input = Input {
            payload: self.sample.clone(),
            secrets: self.secrets.clone(),
            run: json!({ "id": RunId::new(now).to_string() }).to_string(),
            test: Some(Box::new(Test {
                bundle: tests.clone(),
                name: name.map(str::to_owned),
                timeout_ms: self.settings.timeout_ms,
            })),
            ..Input::default()
        };
        let limits = Limits {
            timeout_ms: self.settings.timeout_ms,
            memory_bytes: u64::from(self.settings.memory_mb) << 20,
            ..Limits::default()
        };
        let workspace: Arc<str> = self.services.options.workspace.as_str().into();
        let request = Request {
            workspace: &workspace,
            integration: self.integration,
            job: JobId::new(now),
            alone: false,
            bundle: &self.subject,
            input,
            limits,
        };
        let ended = self.services.runners.run(request, host, &CancellationToken::new()).await;
        ended.unwrap_or_else(|| Ended { result: Err(lost()), usage: Default::default() })
    }

    fn policy(&self) -> Policy {
        let insert = |(name, value): (&String, &String)| {
            (name.clone(), Insert { value: value.clone().into(), hosts: Vec::new() })
        };
        Policy {
            allowed_domains: self.settings.allowed_domains.clone(),
            route: self.settings.route.clone(),
            secrets: Arc::new(self.secrets.iter().map(insert).collect()),
            ..Policy::default()
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.settings.timeout_ms.into())
    }
}

fn lost() -> ScriptError {
    ScriptError {
        code: "runner_crashed".into(),
        name: "RunnerCrashed".into(),
        message: "the runner of this test was lost; run it again".into(),
        ..ScriptError::default()
    }
}

//! Our side: runs through a pool of real runner processes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use schedules::{Millis, Stopwatch};
use scripts::protocol::{Answer, Bundle, Call, Format, HostError, Input, Limits, Line};
use store::{IntegrationId, JobId};
use tokio_util::sync::CancellationToken;
use workers::Events;
use workers::runners::{Command, Ended, Host, Isolation, Pool, Request};

use crate::Size;
use crate::figures::Figures;

const RUNNERS: usize = 2;
/// Runs under way at one time when the rate is measured.
const AT_ONCE: usize = 16;
const CALL: Duration = Duration::from_millis(50);

/// A script, ready to be run many times.
struct Script {
    integration: IntegrationId,
    bundle: Arc<Bundle>,
}

impl Script {
    fn new(code: &str) -> Self {
        let bundle = Bundle {
            entry: "integration.js".into(),
            format: Format::CommonJs,
            code: code.into(),
            map: None,
            source: None,
            hash: String::new(),
        };
        Self { integration: IntegrationId::new(Millis(1)), bundle: Arc::new(bundle) }
    }
}

/// Answers every call after a while, as a server does.
struct Slow(Duration);

impl Host for Slow {
    fn line(&self, _: Line) {}

    async fn call(&self, _: Call) -> Result<Answer, HostError> {
        tokio::time::sleep(self.0).await;
        Ok(Answer { value: r#"{"hit":true,"value":1}"#.into(), body: None })
    }
}

fn pool() -> Result<Pool, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let command = Command { program, args: vec!["runner".into()] };
    let pool = Pool::new(command, RUNNERS, Isolation::Warm, Events::new(Vec::new()));
    pool.warm(1).map_err(|error| error.to_string())?;
    Ok(pool)
}

async fn run(pool: &Pool, script: &Script, host: &impl Host, cancel: &CancellationToken) -> Result<String, String> {
    let workspace = "default".into();
    let request = Request {
        workspace: &workspace,
        integration: script.integration,
        job: JobId::new(Millis(1)),
        alone: false,
        bundle: &script.bundle,
        input: Input { payload: r#"{"name":"world","items":[1,2,3]}"#.into(), run: "{}".into(), ..Input::default() },
        limits: Limits { timeout_ms: 60_000, ..Limits::default() },
    };
    match pool.run(request, host, cancel).await {
        Some(Ended { result: Ok(result), .. }) => Ok(result),
        other => Err(format!("a run ended as {other:?}")),
    }
}

/// Measures everything once.
pub async fn all(figures: &mut Figures, size: Size, small: &str, big: &str) -> Result<(), String> {
    rate(figures, "small", &Script::new(small), size.runs).await?;
    rate(figures, "big", &Script::new(big), size.runs / 20).await?;
    waiting(figures, size.waiting).await?;
    fairness(figures).await
}

/// Runs a second, the CPU time of a run in the runners and in the engine, and one run's latency.
async fn rate(figures: &mut Figures, name: &str, script: &Script, runs: usize) -> Result<(), String> {
    let (pool, never, none) = (pool()?, CancellationToken::new(), Slow(CALL));
    let once = || run(&pool, script, &none, &never);
    let many = async |runs: usize| -> Result<(), String> {
        let mut all = stream::iter(0..runs).map(|_| once()).buffer_unordered(AT_ONCE);
        while let Some(ran) = all.next().await {
            ran?;
        }
        Ok(())
    };
    many(AT_ONCE * 4).await?;
    let (children, own, watch) = (cpu_of_children(), cpu_of("self", OWN), Stopwatch::start());
    many(runs).await?;
    let per_run = |us: f64| us / runs as f64;
    figures.note(&format!("rate {name}"), runs as f64 / watch.elapsed().as_secs_f64() / RUNNERS as f64);
    let (in_runners, in_engine) = (cpu_of_children() - children, cpu_of("self", OWN) - own);
    figures.note(&format!("runner {name}"), per_run(in_runners));
    figures.note(&format!("engine {name}"), per_run(in_engine));
    figures.note(&format!("both {name}"), per_run(in_runners + in_engine));
    let mut took = Vec::new();
    for _ in 0..(runs / 20).max(10) {
        took.push(timed(once()).await?);
    }
    percentiles(figures, &format!("latency {name}"), took);
    Ok(())
}

/// Many runs that wait for a call at the same time: how long all of them take, and what the runners hold for it.
async fn waiting(figures: &mut Figures, runs: usize) -> Result<(), String> {
    let (pool, never, host) = (pool()?, CancellationToken::new(), Slow(CALL));
    let script = Script::new("module.exports = async ({ cache }) => await cache.get('x');");
    run(&pool, &script, &host, &never).await?;
    let idle = of_children("VmRSS:");
    let watch = Stopwatch::start();
    let mut all = stream::iter(0..runs).map(|_| run(&pool, &script, &host, &never)).buffer_unordered(runs);
    while let Some(ran) = all.next().await {
        ran?;
    }
    figures.note("waiting ms", watch.elapsed().as_secs_f64() * 1e3);
    figures.note("waiting kB", (of_children("VmHWM:") - idle) / runs as f64);
    figures.note("waiting MB", of_children("VmHWM:") / 1024.0);
    figures.note("waiting address MB", of_children("VmPeak:") / 1024.0);
    Ok(())
}

/// Three runs that never stop computing, beside a hundred short ones that all come at once.
async fn fairness(figures: &mut Figures) -> Result<(), String> {
    let (pool, never, hogs_end) = (pool()?, CancellationToken::new(), CancellationToken::new());
    let hog = Script::new("module.exports = () => { for (;;); };");
    let short = Script::new("module.exports = async ({ cache }) => await cache.get('x');");
    let host = Slow(Duration::from_millis(5));
    let hundred = async || -> Result<Vec<f64>, String> {
        let mut all = stream::iter(0..100).map(|_| timed(run(&pool, &short, &host, &never))).buffer_unordered(100);
        let mut took = Vec::new();
        while let Some(ran) = all.next().await {
            took.push(ran?);
        }
        Ok(took)
    };
    hundred().await?;
    percentiles(figures, "alone", hundred().await?);
    let hogs = async {
        tokio::join!(
            run(&pool, &hog, &host, &hogs_end),
            run(&pool, &hog, &host, &hogs_end),
            run(&pool, &hog, &host, &hogs_end)
        )
    };
    let beside = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let took = hundred().await;
        hogs_end.cancel();
        took
    };
    let (_cancelled, took) = tokio::join!(hogs, beside);
    percentiles(figures, "beside hogs", took?);
    Ok(())
}

/// Milliseconds of one run.
async fn timed(run: impl Future<Output = Result<String, String>>) -> Result<f64, String> {
    let watch = Stopwatch::start();
    run.await?;
    Ok(watch.elapsed().as_secs_f64() * 1e3)
}

fn percentiles(figures: &mut Figures, name: &str, mut took: Vec<f64>) {
    took.sort_by(f64::total_cmp);
    for percent in [50, 99] {
        figures.note(&format!("{name} p{percent}"), took[(took.len() - 1) * percent / 100]);
    }
}

/// The kernel counts CPU time in hundredths of a second; thousands of runs make that fine enough.
const TICK_US: f64 = 10_000.0;

/// Microseconds of CPU: two fields of a process's `stat`, counted from 1 as its manual does.
fn cpu_of(process: &str, fields: [usize; 2]) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name may contain spaces; what follows it begins with the third field.
    let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
    let words: Vec<&str> = after.split(' ').collect();
    fields.iter().filter_map(|field| words.get(field - 3)?.parse::<f64>().ok()).sum::<f64>() * TICK_US
}

const OWN: [usize; 2] = [14, 15];
const OF_ENDED_CHILDREN: [usize; 2] = [16, 17];

/// Runners come and go: those that are there, and those that have ended.
fn cpu_of_children() -> f64 {
    let there: f64 = children().iter().map(|child| cpu_of(child, OWN)).sum();
    there + cpu_of("self", OF_ENDED_CHILDREN)
}

/// The sum of a field of the children's memory, in kB.
fn of_children(field: &str) -> f64 {
    let read = |child: &String| std::fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
    let value = |text: String| {
        let line = text.lines().find_map(|line| line.strip_prefix(field).map(str::to_owned))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    children().iter().map(read).filter_map(value).sum()
}

/// The processes that this one started.
fn children() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

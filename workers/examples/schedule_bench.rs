//! How late ticks are when 10,000 schedules fire in the same second, and jobs beside a million that are not due yet: one
//! process, on each engine, in release.
//!
//! `make bench-schedules`; `QUICK=1` measures less. Nothing is run: what is measured ends when a worker has the job.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use schedules::{Clock, Key, Millis, Stopwatch, SystemClock};
use scripts::protocol::{Bundle, Format};
use serde_json::json;
use store::catalog::{Bump, Draft, NewIntegration, NewRelease, Retention, Trigger};
use store::queue::{Cause, Claim, IfExists, Job, NewJob, Next, Queue, Settlement};
use store::redis::Config;
use store::servers::{Fsync, Options as RedisOptions, Server};
use store::{IntegrationId, JobId};
use tokio_util::sync::CancellationToken;
use workers::queue::{Location, Remote};
use workers::timetable::{self, Written};
use workers::{Options, Roles, Services, queue};

type Failure = Box<dyn std::error::Error>;

/// How much is measured.
struct Size {
    schedules: usize,
    /// How many times all of them fire.
    rounds: usize,
    /// How many jobs wait for a day that is far away,
    pending: usize,
    /// and how many come due meanwhile, a millisecond after the other.
    coming: usize,
}

impl Size {
    const WHOLE: Self = Self { schedules: 10_000, rounds: 5, pending: 1_000_000, coming: 10_000 };
    const QUICK: Self = Self { schedules: 1_000, rounds: 1, pending: 50_000, coming: 1_000 };
}

/// What is claimed at once where many come due together.
const MANY: usize = 1_000;
/// What the program's worker claims at once.
const FEW: usize = 64;
/// How many jobs are put in by one call.
const CALL: usize = 500;
const DAY_MS: i64 = 86_400_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let quick = std::env::var("QUICK").is_ok_and(|quick| !quick.is_empty());
    match bench(if quick { &Size::QUICK } else { &Size::WHOLE }).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("schedule_bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(size: &Size) -> Result<(), Failure> {
    head(&format!("{} schedules on one second, {} times", size.schedules, size.rounds));
    let embedded = tempfile::tempdir()?;
    row("embedded, synced to the disk", lateness(embedded.path(), file(embedded.path()), size).await?);
    let (server, folder) = (redis().await, tempfile::tempdir()?);
    row("Redis, appendfsync everysec", lateness(folder.path(), remote(&server)?, size).await?);
    drop(server);
    println!();
    head(&format!(
        "{} jobs that come due within {} s beside {} pending",
        size.coming,
        size.coming / 1_000,
        size.pending
    ));
    let embedded = tempfile::tempdir()?;
    row("embedded, synced to the disk", beside_pending(embedded.path(), file(embedded.path()), size).await?);
    let (server, folder) = (redis().await, tempfile::tempdir()?);
    row("Redis, appendfsync everysec", beside_pending(folder.path(), remote(&server)?, size).await?);
    Ok(())
}

fn file(folder: &Path) -> Location {
    Location::Embedded(folder.join("queue.db"))
}

async fn redis() -> Server {
    Server::start(RedisOptions { appendfsync: Some(Fsync::Everysec), ..RedisOptions::default() }).await
}

fn remote(server: &Server) -> Result<Location, Failure> {
    let remote = Remote { config: Config::parse(&server.url())?, prefix: "bench".into(), partitions: 1, stream: None };
    Ok(Location::Redis(Box::new(remote)))
}

fn head(what: &str) {
    println!("| {what} | p50 ms | p99 ms | latest ms |");
    println!("|---|--:|--:|--:|");
}

fn row(name: &str, mut late_ms: Vec<i64>) {
    late_ms.sort_unstable();
    let at = |percent: usize| late_ms[(late_ms.len() * percent / 100).min(late_ms.len() - 1)];
    println!("| {name} | {} | {} | {} |", at(50), at(99), at(100));
}

/// How many milliseconds after their due time the ticks of all rounds were in the hands of a worker.
async fn lateness(data: &Path, location: Location, size: &Size) -> Result<Vec<i64>, Failure> {
    let services = Services::open(options(data, location), Arc::new(SystemClock), Vec::new()).await?;
    integration(&services).await?;
    let watch = Stopwatch::start();
    stream::iter(0..size.schedules)
        .for_each_concurrent(64, |n| {
            let services = &services;
            async move {
                let written = Written::parse(json!({ "every": "10s", "overlap": "allow" })).expect("a schedule");
                timetable::put(services, "bench", &format!("s{n}"), written).await.expect("it is put");
            }
        })
        .await;
    eprintln!("{} schedules were put in {} ms", size.schedules, watch.elapsed_ms());
    let stop = CancellationToken::new();
    let roles = Roles { api: false, worker: false, scheduler: true };
    let scheduler = tokio::spawn(workers::work(services.clone(), roles, stop.clone(), Duration::from_secs(1)));
    let rounds = take(&services, size).await?;
    stop.cancel();
    scheduler.await??;
    Ok(rounds)
}

/// Takes ticks as a worker does, until all of enough rounds are there; the first one may be a part of one.
async fn take(services: &Services, size: &Size) -> Result<Vec<i64>, Failure> {
    let mut rounds: BTreeMap<Millis, Vec<i64>> = BTreeMap::new();
    loop {
        for (due, late_ms) in claimed(services, MANY).await? {
            rounds.entry(due).or_default().push(late_ms);
        }
        let whole: Vec<&Vec<i64>> = rounds.values().skip(1).filter(|late| late.len() == size.schedules).collect();
        if whole.len() >= size.rounds {
            return Ok(whole.into_iter().flatten().copied().collect());
        }
    }
}

/// Claims what is due and settles it; the due time of each, and how late it was.
async fn claimed(services: &Services, limit: usize) -> Result<Vec<(Millis, i64)>, Failure> {
    let claimed = services.queue.claim(Claim { limit, lease_ms: 60_000 }).await?;
    let now = services.clock.now();
    if claimed.jobs.is_empty() {
        services.queue.wait(claimed.next_due).await;
        return Ok(Vec::new());
    }
    let late = claimed.jobs.iter().map(|leased| (leased.job.due, now.since(leased.job.due))).collect();
    let settle = claimed.jobs.iter().map(|leased| Settlement { lease: leased.lease, next: Next::Remove });
    services.queue.settle(settle.collect()).await?;
    Ok(late)
}

/// How many milliseconds after their due time jobs were in the hands of a worker, beside many that are not due.
async fn beside_pending(data: &Path, location: Location, size: &Size) -> Result<Vec<i64>, Failure> {
    let services = Services::open(options(data, location), Arc::new(SystemClock), Vec::new()).await?;
    let id = integration(&services).await?;
    let watch = Stopwatch::start();
    let far = services.clock.now().after(DAY_MS);
    put(&services, id, far, size.pending).await?;
    eprintln!("{} jobs were put in in {} ms", size.pending, watch.elapsed_ms());
    let soon = services.clock.now().after(5_000);
    put(&services, id, soon, size.coming).await?;
    let mut late = Vec::with_capacity(size.coming);
    while late.len() < size.coming {
        late.extend(claimed(&services, FEW).await?.into_iter().map(|(_, late_ms)| late_ms));
    }
    Ok(late)
}

/// Puts jobs with keys in, due from `first` on, a millisecond after the other.
async fn put(services: &Services, integration: IntegrationId, first: Millis, count: usize) -> Result<(), Failure> {
    let now = services.clock.now();
    for from in (0..count).step_by(CALL) {
        let jobs = (from..count.min(from + CALL)).map(|n| {
            let key = Key::parse(&json!({ "due": first.0, "n": n }))?;
            let job = Job {
                id: JobId::new(now),
                integration,
                cause: Cause::Manual,
                release: None,
                payload: "null".into(),
                key: Some(key),
                due: first.after(i64::try_from(n)?),
                closes: None,
                window: None,
                jitter_ms: 0,
                priority: 0,
                weight: 1,
                lane: None,
                awaited: false,
                tick: None,
                debounce: None,
                attempts: None,
                context: None,
                created: now,
            };
            Ok(NewJob { job, if_exists: IfExists::Replace, idempotency: None })
        });
        services.queue.enqueue(jobs.collect::<Result<_, Failure>>()?).await?;
    }
    Ok(())
}

async fn integration(services: &Services) -> Result<IntegrationId, Failure> {
    let (id, now) = (IntegrationId::new(services.clock.now()), services.clock.now());
    let files = BTreeMap::from([("integration.js".to_owned(), "module.exports = () => 1".to_owned())]);
    let settings = "{}".to_owned();
    let draft = Draft { files: files.clone(), settings: settings.clone(), sample: "null".into(), lock: None };
    let workspace = services.options.workspace.clone();
    let (name, description, trigger) = ("bench".to_owned(), String::new(), Trigger::Experience);
    let new = NewIntegration { id, workspace, name, description, trigger, draft, created: now };
    services.catalog.create(new).await?;
    let (code, hash) = ("module.exports = () => 1".to_owned(), String::new());
    let bundle =
        Bundle { entry: "integration.js".into(), format: Format::CommonJs, code, map: None, source: None, hash };
    let bundle = serde_json::to_string(&bundle)?;
    let release =
        NewRelease { integration: id, files, settings, bundle, lock: None, note: String::new(), created: now };
    services.catalog.release(release, Bump::Minor).await?;
    services.directory.reload().await?;
    Ok(id)
}

fn options(data: &Path, location: Location) -> Options {
    let small = Options::small(data, location);
    let queue = queue::Options { max_jobs: 5_000_000, ..small.queue };
    let retention = Retention { max_count: 1_000_000, ..small.retention };
    Options { queue, retention, lease_ms: 60_000, ..small }
}

//! How late ticks are when 10,000 schedules fire in the same second: one scheduler, on each engine, in release.
//!
//! `make bench-schedules`; `QUICK=1` measures less. Nothing is run: what is measured ends when a worker has the job.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use schedules::{Clock, Millis, Stopwatch, SystemClock};
use scripts::protocol::{Bundle, Format};
use serde_json::json;
use store::IntegrationId;
use store::catalog::{Bump, Draft, EventRetention, NewIntegration, NewRelease, Retention, Trigger};
use store::queue::{Claim, Next, Queue, Settlement};
use store::redis::Config;
use store::servers::{Fsync, Options as RedisOptions, Server};
use tokio_util::sync::CancellationToken;
use workers::queue::{Location, Remote};
use workers::secrets::KeySource;
use workers::timetable::{self, Written};
use workers::{Options, Roles, Services, packages, queue, runners};

type Failure = Box<dyn std::error::Error>;

/// How much is measured.
struct Size {
    schedules: usize,
    /// How many times all of them fire.
    rounds: usize,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let quick = std::env::var("QUICK").is_ok_and(|quick| !quick.is_empty());
    let size = if quick { Size { schedules: 1_000, rounds: 1 } } else { Size { schedules: 10_000, rounds: 5 } };
    match bench(&size).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("schedule_bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(size: &Size) -> Result<(), Failure> {
    println!("| {} schedules on one second, {} times | p50 ms | p99 ms | latest ms |", size.schedules, size.rounds);
    println!("|---|---|---|---|");
    let folder = tempfile::tempdir()?;
    let embedded = Location::Embedded(folder.path().join("queue.db"));
    row("embedded, synced to the disk", lateness(folder.path(), embedded, size).await?);
    let server = Server::start(RedisOptions { appendfsync: Some(Fsync::Everysec), ..RedisOptions::default() }).await;
    let folder = tempfile::tempdir()?;
    let remote = Remote { config: Config::parse(&server.url())?, prefix: "bench".into(), partitions: 1, stream: None };
    row("Redis, appendfsync everysec", lateness(folder.path(), Location::Redis(Box::new(remote)), size).await?);
    Ok(())
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
        let claimed = services.queue.claim(Claim { limit: 1_000, lease_ms: 60_000 }).await?;
        let now = services.clock.now();
        if claimed.jobs.is_empty() {
            services.queue.wait(claimed.next_due).await;
        }
        for leased in &claimed.jobs {
            rounds.entry(leased.job.due).or_default().push(now.since(leased.job.due));
        }
        let settle = claimed.jobs.iter().map(|leased| Settlement { lease: leased.lease, next: Next::Remove });
        services.queue.settle(settle.collect()).await?;
        let whole: Vec<&Vec<i64>> = rounds.values().skip(1).filter(|late| late.len() == size.schedules).collect();
        if whole.len() >= size.rounds {
            return Ok(whole.into_iter().flatten().copied().collect());
        }
    }
}

async fn integration(services: &Services) -> Result<(), Failure> {
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
    Ok(())
}

fn options(data: &Path, location: Location) -> Options {
    Options {
        data: data.to_owned(),
        queue: queue::Options { location, max_jobs: 5_000_000 },
        workspace: "default".into(),
        runner: runners::Command { program: "/nonexistent/runner".into(), args: Vec::new() },
        concurrency: 1,
        runners: 1,
        isolation: runners::Isolation::Warm,
        lease_ms: 60_000,
        horizon_ms: 10 * 366 * 86_400_000,
        sync_wait_ms: 30_000,
        openings: Vec::new(),
        packages: packages::Options::new(
            packages::RegistryOptions::parse("http://127.0.0.1:1", None).expect("an address"),
        ),
        proxies: Vec::new(),
        dns: Vec::new(),
        secrets: BTreeMap::new(),
        master_key: KeySource::File(data.join("master.key")),
        retention: Retention { max_age_ms: u64::MAX / 4, max_count: 1_000_000, max_bytes: 1 << 30 },
        event_retention: EventRetention { max_age_ms: u64::MAX / 4, max_bytes: 1 << 30 },
        dead_max_age_ms: i64::MAX / 4,
        dead_keep: 1_000,
    }
}

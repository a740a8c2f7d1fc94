//! Three schedulers of the same schedules on one Redis, killed and stopped for a while: each tick is there exactly once.
//! The runs are counted here, apart from the ledger.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rand::Rng;
use schedules::{Millis, Stopwatch};
use serde_json::json;
use store::ScheduleId;
use store::queue::{Claim, Next, Queue, Settlement};
use store::redis::{Config, Options as Handle, Redis};
use store::servers::{Fsync, Options, Server as RedisServer};

use crate::support::{Server, Spawned, until, within};

const INTEGRATION: &str = "ticking";

/// How many schedules tick each second, how many ticks there are in all, and how many times a scheduler is killed or stopped.
fn size() -> (usize, usize, usize) {
    if std::env::var_os("CHAOS").is_some() { (400, 100_000, 200) } else { (40, 600, 6) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_tick_is_missing_or_doubled_however_schedulers_die() {
    let redis = RedisServer::start(Options { appendfsync: Some(Fsync::Always), ..Options::default() }).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let api = Server::start_on(&folder.path().join("data"), &["--queue", &redis.url(), "--roles", "api"]).await;
    api.deploy(INTEGRATION, "module.exports = () => null;", json!({})).await;
    let (schedules, goal, faults) = size();
    for n in 0..schedules {
        let body = json!({ "every": "1s", "overlap": "allow", "catchup": "all", "catchupCap": 900 });
        let path = format!("/v1/integrations/{INTEGRATION}/schedules/s{n}");
        let (status, answer) = api.call("PUT", &path, Some(body)).await;
        assert_eq!(status, 201, "{answer}");
    }
    let mut schedulers = Vec::new();
    for _ in 0..3 {
        schedulers.push(launch(folder.path(), &redis.url()).await);
    }
    let queue = Redis::connect(Config::parse(&redis.url()).expect("a URL"), Handle::default()).await.expect("a queue");
    let mut runs = Runs::default();
    let mut done = 0;
    let watch = Stopwatch::start();
    while runs.count() < goal || done < faults {
        runs.work(&queue).await;
        if done < faults && runs.count() >= goal * done / faults {
            done += 1;
            let victim = rand::rng().random_range(0..schedulers.len());
            if rand::random_bool(0.5) {
                schedulers[victim].kill().await;
                schedulers[victim] = launch(folder.path(), &redis.url()).await;
            } else {
                stop_for_a_while(&schedulers[victim], &queue, &mut runs).await;
            }
        }
    }
    for n in 0..schedules {
        api.post(&format!("/v1/integrations/{INTEGRATION}/schedules/s{n}/pause"), json!({})).await;
    }
    compare(&api, &queue, &mut runs, schedules).await;
    println!(
        "{} ticks in {} s, {faults} kills and stops: 0 missing, 0 double",
        runs.count(),
        watch.elapsed().as_secs()
    );
}

async fn launch(folder: &Path, url: &str) -> Spawned {
    let data = folder.join("data");
    let args = ["serve", "--data", data.to_str().expect("UTF-8"), "--queue", url, "--roles", "scheduler"];
    let mut process = Spawned::start(folder, &args, &[]);
    process.hears("jobs wait in Redis").await;
    process
}

/// SIGSTOP, some work, SIGCONT: the process goes on with what it believed before.
async fn stop_for_a_while(scheduler: &Spawned, queue: &Redis, runs: &mut Runs) {
    signal("-STOP", scheduler.id()).await;
    let watch = Stopwatch::start();
    let pause = Duration::from_millis(rand::rng().random_range(100..2_000));
    while watch.elapsed() < pause {
        runs.work(queue).await;
    }
    signal("-CONT", scheduler.id()).await;
}

async fn signal(name: &str, process: u32) {
    let sent = tokio::process::Command::new("kill").args([name, &process.to_string()]).status().await;
    assert!(sent.expect("`kill` runs").success(), "{name} could not be sent");
}

/// How often each tick ran.
#[derive(Default)]
struct Runs(HashMap<(ScheduleId, Millis), usize>);

impl Runs {
    fn count(&self) -> usize {
        self.0.len()
    }

    /// Takes what is due out of the queue, as a worker that is done at once; waits a little if there is nothing.
    async fn work(&mut self, queue: &Redis) {
        let claimed = queue.claim(Claim { limit: 500, lease_ms: 60_000 }).await.expect("claim answers").jobs;
        if claimed.is_empty() {
            let soon = queue.now().await.expect("now answers").after(50);
            return queue.wait(Some(soon)).await;
        }
        for leased in &claimed {
            let tick = leased.job.tick.expect("only ticks are queued");
            *self.0.entry((tick.schedule, tick.nominal)).or_default() += 1;
        }
        let settle = claimed.iter().map(|leased| Settlement { lease: leased.lease, next: Next::Remove }).collect();
        queue.settle(settle).await.expect("settle answers");
    }

    fn of(&self, schedule: ScheduleId) -> Vec<(Millis, usize)> {
        let mut ticks: Vec<_> =
            self.0.iter().filter(|((of, _), _)| *of == schedule).map(|((_, at), times)| (*at, *times)).collect();
        ticks.sort();
        ticks
    }
}

/// The runs are one a second without a gap, each once; and the ledger says the same of each schedule.
async fn compare(api: &Server, queue: &Redis, runs: &mut Runs, schedules: usize) {
    until("the last ticks to be written down", async || {
        runs.work(queue).await;
        let shown = api.get(&format!("/v1/integrations/{INTEGRATION}/schedules/s{}", schedules - 1)).await;
        let id: ScheduleId = shown["id"].as_str()?.parse().ok()?;
        (shown["fired"] == runs.of(id).len()).then_some(())
    })
    .await;
    for n in 0..schedules {
        let path = format!("/v1/integrations/{INTEGRATION}/schedules/s{n}");
        let shown = within(&path, api.get(&path)).await;
        let ticks = runs.of(shown["id"].as_str().and_then(|id| id.parse().ok()).expect("an id"));
        let (first, last) = (ticks.first().expect("it ticked").0, ticks.last().expect("it ticked").0);
        let missing = last.since(first) / 1_000 + 1 - i64::try_from(ticks.len()).expect("few");
        assert_eq!(missing, 0, "s{n}: ticks are missing");
        assert!(ticks.iter().all(|(_, times)| *times == 1), "s{n}: a tick ran twice");
        let created = shown["createdAt"].as_str().expect("a time").to_owned();
        let report = api.get(&format!("{path}/verify?from={created}")).await;
        assert_eq!(report["good"], true, "s{n}: {report}");
        assert_eq!(report["fired"], ticks.len(), "s{n}: the ledger and the runs: {report}");
    }
}

//! Callers, workers, a rescuer and two schedulers, each with a handle of its own, at work until they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rand::seq::IndexedRandom;
use schedules::rate::{Algorithm, Limit, OnExceed, OnMissing, Rule};
use schedules::{Key, Millis, Stopwatch};
use serde_json::json;
use store::conformance::{Sample, integration, job};
use store::queue::{
    Cause, Claim, Control, Enqueued, Fired, Firing, Inspect, Lease, Leased, NewJob, Next, Queue, ScheduleRef,
    Settlement, Tick,
};
use store::redis::{Config, Options, Redis};
use store::{Error, JobId};
use tokio::task::JoinSet;

use crate::ledger::Ledger;
use crate::pace::pause;

/// How long a lease lasts: short, so that a test sees it run out.
pub const LEASE_MS: u32 = 2_000;
/// How many jobs one worker has under way at most.
pub const AT_ONCE: usize = 24;
const WORKERS: usize = 3;
const CALLERS: usize = 3;
/// The integration whose schedule ticks; the others are plain, limited, laned, and one at a time.
const TICKING: u16 = 9;
/// How often it ticks.
const EVERY_MS: i64 = 100;
/// How long a crew may take to end its work after a fault.
const PATIENCE: Duration = Duration::from_secs(60);

/// The crew.
pub struct Crew {
    pub ledger: Arc<Ledger>,
    pub urls: Vec<String>,
    prefix: String,
    stop_calls: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    pub refused: Arc<AtomicUsize>,
    tasks: JoinSet<()>,
    workers: Vec<tokio::task::AbortHandle>,
    partitions: usize,
}

impl Crew {
    /// Starts to work on the queue at these URLs, which are ways to one store; the members take turns with them.
    pub async fn start(urls: Vec<String>) -> Self {
        Self::start_with(urls, 0).await
    }

    /// The same in so many partitions.
    pub async fn start_with(urls: Vec<String>, partitions: usize) -> Self {
        let mut crew = Self {
            ledger: Arc::new(Ledger::new()),
            urls,
            prefix: "faults".into(),
            stop_calls: Arc::default(),
            stop: Arc::default(),
            refused: Arc::default(),
            tasks: JoinSet::new(),
            workers: Vec::new(),
            partitions,
        };
        let queue = crew.handle(0).await;
        set_up(&queue).await;
        for number in 0..CALLERS {
            let (queue, ledger, stop, refused) =
                (crew.handle(number).await, crew.ledger.clone(), crew.stop_calls.clone(), crew.refused.clone());
            crew.tasks.spawn(call(queue, ledger, stop, refused));
        }
        for number in 0..WORKERS {
            crew.add_worker(number).await;
        }
        for number in 0..2 {
            let (queue, stop) = (crew.handle(number).await, crew.stop_calls.clone());
            crew.tasks.spawn(schedule(queue, stop));
        }
        let (queue, stop) = (crew.handle(1).await, crew.stop.clone());
        crew.tasks.spawn(rescue(queue, stop));
        crew
    }

    /// A handle of its own to the queue.
    pub async fn handle(&self, number: usize) -> Redis {
        let url = &self.urls[number % self.urls.len()];
        let options = Options { prefix: self.prefix.clone(), partitions: self.partitions, ..Options::default() };
        Redis::connect(Config::parse(url).expect("a URL"), options).await.expect("a queue")
    }

    /// Another worker.
    pub async fn add_worker(&mut self, number: usize) {
        let (queue, ledger, stop) = (self.handle(number).await, self.ledger.clone(), self.stop.clone());
        self.workers.push(self.tasks.spawn(work(queue, ledger, stop)));
    }

    /// Ends a worker on the spot, with all it has under way.
    pub fn kill_worker(&mut self) {
        self.workers.remove(0).abort();
    }

    /// Lets the crew work for a while.
    pub async fn for_ms(&self, ms: u64) {
        pause(Duration::from_millis(ms)).await;
    }

    /// Waits until so many more jobs came to their end.
    pub async fn progress(&self, jobs: usize) {
        let goal = self.ledger.settlements() + jobs;
        let watch = Stopwatch::start();
        while self.ledger.settlements() < goal {
            if watch.elapsed() >= PATIENCE {
                let counts = self.handle(0).await.counts().await;
                panic!("the crew does not get on: {} of {goal}; {counts:?}", self.ledger.settlements());
            }
            pause(Duration::from_millis(5)).await;
        }
    }

    /// Ends the calls, lets what is queued run, and stops; then the store must not contradict itself.
    pub async fn finish(mut self) -> Arc<Ledger> {
        self.stop_calls.store(true, Ordering::SeqCst);
        let queue = self.handle(0).await;
        let watch = Stopwatch::start();
        loop {
            let counts = queue.counts().await;
            if counts.as_ref().is_ok_and(|all| all.iter().all(|(_, it)| it.delayed + it.ready + it.running == 0)) {
                break;
            }
            assert!(watch.elapsed() < PATIENCE, "the queue does not run empty: {counts:?}");
            pause(Duration::from_millis(20)).await;
        }
        self.stop.store(true, Ordering::SeqCst);
        while self.tasks.join_next().await.is_some() {}
        assert_eq!(queue.check().await.expect("the check answers"), []);
        assert!(self.ledger.acknowledgements() > 0, "there were calls");
        self.ledger.clone()
    }
}

async fn set_up(queue: &Redis) {
    let rule = Rule { limit: 200, interval_ms: 1_000, burst: None, algorithm: Algorithm::LeakyBucket };
    let delaying = Limit {
        rule,
        fields: vec!["of".into()],
        on_exceed: OnExceed::Delay,
        on_missing: OnMissing::Skip,
        limiter: None,
        back_pressure: false,
    };
    let controls = [
        (2, Control { limits: vec![delaying], ..Control::default() }),
        (3, Control { lane_concurrency: Some(4), ..Control::default() }),
        (4, Control { concurrency: Some(8), ..Control::default() }),
    ];
    for (of, control) in controls {
        queue.control(integration(of), control).await.expect("control answers");
    }
    let now = queue.now().await.expect("now answers");
    let to = Millis(now.0 - now.0.rem_euclid(EVERY_MS));
    let start = Firing::new(integration(TICKING), None, to);
    queue.fire(start).await.expect("fire answers");
}

/// A job of any kind.
fn any_job(now: Millis) -> NewJob {
    let of = [1_u16, 1, 1, 2, 3, 4].choose(&mut rand::rng()).copied().unwrap_or(1);
    let number = rand::random_range(0..50_u32);
    let mut new = job(of).priority(rand::random_range(0..3));
    new.job.id = JobId::new(now);
    new.job.due = if rand::random_bool(0.5) { now } else { now.after(rand::random_range(1..300)) };
    match of {
        1 if rand::random_bool(0.3) => new = new.key(json!({ "number": number })),
        2 => new = new.key(json!({ "of": number % 3, "number": rand::random::<u32>() })),
        3 => new.job.lane = Some(Key::parse(&json!({ "of": number % 5 })).expect("a key").canonical().into()),
        _ => {}
    }
    new
}

/// The integration and the number of a key that jobs share.
fn named(new: &NewJob) -> Option<(u16, u32)> {
    let number = new.job.key.as_ref()?.field("number")?.as_u64()?;
    let of = if new.job.integration == integration(1) { 1 } else { 2 };
    Some((of, u32::try_from(number).ok()?))
}

async fn call(queue: Redis, ledger: Arc<Ledger>, stop: Arc<AtomicBool>, refused: Arc<AtomicUsize>) {
    while !stop.load(Ordering::SeqCst) {
        let Ok(now) = queue.now().await else { continue };
        let batch: Vec<NewJob> = (0..rand::random_range(1..20)).map(|_| any_job(now)).collect();
        let ids: Vec<(JobId, Option<(u16, u32)>)> = batch.iter().map(|new| (new.job.id, named(new))).collect();
        match queue.enqueue(batch).await {
            Ok(answers) => answers.into_iter().zip(ids).for_each(|(answer, (id, key))| match answer {
                Enqueued::Created => ledger.acknowledged(id, key),
                Enqueued::Replaced { old } => {
                    ledger.acknowledged(id, key);
                    ledger.gone(old);
                }
                other => panic!("{other:?}"),
            }),
            Err(Error::Unavailable(_)) => drop(refused.fetch_add(1, Ordering::SeqCst)),
            Err(other) => panic!("{other}"),
        }
        pause(Duration::from_millis(rand::random_range(1..8))).await;
    }
}

async fn work(queue: Redis, ledger: Arc<Ledger>, stop: Arc<AtomicBool>) {
    let mut under_way = JoinSet::new();
    while !stop.load(Ordering::SeqCst) {
        while under_way.len() >= AT_ONCE {
            under_way.join_next().await;
        }
        while under_way.try_join_next().is_some() {}
        let claim = Claim { limit: AT_ONCE - under_way.len(), lease_ms: LEASE_MS };
        let Ok(claimed) = queue.claim(claim).await else { continue };
        if claimed.jobs.is_empty() {
            queue.wait(claimed.next_due).await;
        }
        for leased in claimed.jobs {
            under_way.spawn(run(queue.clone(), ledger.clone(), leased));
        }
    }
    while under_way.join_next().await.is_some() {}
}

/// One run: some take long enough to be renewed, some fail once.
async fn run(queue: Redis, ledger: Arc<Ledger>, leased: Leased) {
    let lease = leased.lease;
    ledger.started(lease.job);
    if let Some(Tick { nominal, .. }) = leased.job.tick {
        ledger.ticked(nominal, lease.job);
    }
    let is_long = rand::random_bool(0.01);
    for _ in 0..if is_long { 6 } else { 0 } {
        pause(Duration::from_millis(u64::from(LEASE_MS) / 4)).await;
        if queue.extend(vec![lease], LEASE_MS).await.is_ok_and(|lost| !lost.is_empty()) {
            return;
        }
    }
    let fails = leased.attempt == 1 && leased.job.tick.is_none() && rand::random_bool(0.02);
    let due = leased.job.due.after(10);
    let next = if fails { Next::Retry { due, closes: None, error: "{}".into() } } else { Next::Remove };
    settle(&queue, lease, next).await;
    if !fails {
        ledger.settled(lease.job);
    }
}

/// Settles, as often as it takes: a worker keeps an outcome until it is written.
async fn settle(queue: &Redis, lease: Lease, next: Next) {
    while let Err(error) = queue.settle(vec![Settlement { lease, next: next.clone() }]).await {
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
        pause(Duration::from_millis(20)).await;
    }
}

async fn rescue(queue: Redis, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        for leased in queue.rescue(100, LEASE_MS).await.unwrap_or_default() {
            let next = Next::Retry { due: leased.job.due, closes: None, error: "{}".into() };
            settle(&queue, leased.lease, next).await;
        }
        pause(Duration::from_millis(100)).await;
    }
}

/// One of several schedulers of the same schedule: fires each tick between the cursor and now.
async fn schedule(queue: Redis, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        pause(Duration::from_millis(rand::random_range(5..40))).await;
        let (Ok(now), Ok(cursors)) = (queue.now().await, queue.cursors(vec![integration(TICKING).into()]).await) else {
            continue;
        };
        let Some(from) = cursors.first().copied().flatten() else { continue };
        let nominals: Vec<Millis> =
            (1..=50).map(|n| from.nominal.after(n * EVERY_MS)).take_while(|nominal| *nominal <= now).collect();
        let Some(to) = nominals.last().copied() else { continue };
        let ticks = nominals.iter().map(|nominal| tick(*nominal)).collect();
        let firing = Firing { ticks, ..Firing::new(integration(TICKING), Some(from), to) };
        match queue.fire(firing).await {
            Ok(Fired::Queued { .. } | Fired::Lost { .. }) | Err(Error::Unavailable(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn tick(nominal: Millis) -> NewJob {
    let mut new = job(TICKING).cause(Cause::Schedule);
    new.job.id = JobId::new(nominal);
    new.job.due = nominal;
    let schedule = ScheduleRef::from(integration(TICKING)).schedule;
    new.job.tick = Some(Tick { schedule, nominal, previous: None, upcoming: None });
    new
}

/// Asserts that no tick between the first and the last is missing, and none was fired twice.
pub fn check_ticks(ledger: &Ledger) {
    let ticks = ledger.ticks();
    let (Some(first), Some(last)) = (ticks.keys().next(), ticks.keys().last()) else { panic!("nothing ticked") };
    let wanted = (last.since(*first) / EVERY_MS) + 1;
    assert_eq!(i64::try_from(ticks.len()), Ok(wanted), "ticks are missing");
    let twice: Vec<_> = ticks.iter().filter(|(_, jobs)| jobs.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?} fired twice");
}

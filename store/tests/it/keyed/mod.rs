//! Random calls about keys by many clients, while workers claim: every answer and every start is one that a small model
//! allows, and nothing starts after its cancellation was acknowledged. `CHAOS` makes a million calls of it.

mod model;
mod sees;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::future::{join_all, try_join_all};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use schedules::{Key, ManualClock};
use serde_json::json;
use store::JobId;
use store::conformance::{Fresh, Sample, integration, job, key};
use store::queue::{Debounce, IfExists, Inspect, Move, NewJob, Queue, Selector};

use model::{Log, Model, Span};

const CLIENTS: u64 = 8;
const WORKERS: u64 = 3;
/// Keys of one client, each with calls of its own, one after the other.
const KEYS: usize = 48;
/// Calls of all clients: in a test run, and in a long one.
const CALLS: u64 = 20_000;
const MANY_CALLS: u64 = 1_000_000;

/// Counts calls, so that it can be told which of two came first.
#[derive(Default)]
struct Counter(AtomicU64);

impl Counter {
    async fn time<T>(&self, call: impl Future<Output = store::Result<T>>) -> (T, Span) {
        let begin = self.0.fetch_add(1, Ordering::SeqCst);
        let answer = call.await.expect("the call is answered");
        (answer, Span { begin, end: self.0.fetch_add(1, Ordering::SeqCst) })
    }
}

/// One key and the calls about it.
struct Caller<Q> {
    queue: Arc<Q>,
    clock: Arc<ManualClock>,
    counter: Arc<Counter>,
    key: serde_json::Value,
    of: u16,
    payloads: u64,
    random: StdRng,
    model: Model,
}

impl<Q: Queue + Inspect> Caller<Q> {
    async fn call(&mut self) {
        match self.random.random_range(0..100) {
            0..60 => self.put().await,
            60..66 => self.put_again().await,
            66..80 => self.cancel().await,
            80..90 => self.find().await,
            _ => self.reschedule().await,
        }
    }

    fn key(&self) -> Key {
        key(self.key.clone())
    }

    fn soon(&mut self) -> i64 {
        let ms = self.random.random_range(0..25);
        self.now_ms() + ms
    }

    fn now_ms(&self) -> i64 {
        schedules::Clock::now(&*self.clock).since(store::conformance::START)
    }

    fn new_job(&mut self) -> (NewJob, u64) {
        self.payloads += 1;
        let due = self.soon();
        let mode = [
            IfExists::Replace,
            IfExists::Replace,
            IfExists::Keep,
            IfExists::Reject,
            IfExists::Debounce,
            IfExists::Debounce,
            IfExists::Singleton,
        ][self.random.random_range(0..7)];
        let mut new = job(self.of).key(self.key.clone()).due(due).if_exists(mode).payload(&self.payloads.to_string());
        if mode == IfExists::Debounce {
            let latest = new.job.due.after(self.random.random_range(0..60));
            new.job.debounce = Some(Debounce { latest, pushes: 0 });
        }
        if self.random.random_bool(0.3) {
            new = new.lane(&self.of.to_string());
        }
        (new, self.payloads)
    }

    async fn put(&mut self) {
        let (mut new, payload) = self.new_job();
        let is_repeatable = new.if_exists != IfExists::Reject && self.random.random_bool(0.1);
        if is_repeatable {
            new = new.idempotent(&format!("{} {payload}", self.key), 1, i64::from(u32::MAX));
        }
        let (mut answers, span) = self.counter.time(self.queue.enqueue(vec![new.clone()])).await;
        let answer = answers.remove(0);
        self.model.enqueued(&new, payload, &answer, span);
        if is_repeatable {
            self.model.repeatable = Some((new, answer));
        }
    }

    async fn put_again(&mut self) {
        let Some((new, _)) = self.model.repeatable.clone() else { return self.put().await };
        let (answers, _) = self.counter.time(self.queue.enqueue(vec![new])).await;
        self.model.repeated(&answers[0]);
    }

    async fn cancel(&mut self) {
        let by_key = self.random.random_bool(0.6);
        let selector = if by_key { Selector::Key(self.key()) } else { Selector::Match(self.key()) };
        let (cancelled, span) = self.counter.time(self.queue.cancel(integration(self.of), selector)).await;
        let jobs: Vec<JobId> = cancelled.jobs.iter().map(|job| job.id).collect();
        self.model.cancelled(&jobs, by_key, span);
    }

    async fn find(&mut self) {
        let question = self.queue.find(integration(self.of), Selector::Key(self.key()), 10);
        let (found, span) = self.counter.time(question).await;
        assert!(found.len() <= 1, "one job has a key");
        let found = found.first().map(|view| (view.job.id, worker::payload(&view.job), view.job.due));
        self.model.found(found, span);
    }

    async fn reschedule(&mut self) {
        let Some(holder) = self.model.holder() else { return self.put().await };
        let due = store::conformance::at(self.soon());
        let to = Move { job: holder, due, closes: None, window: None };
        let (done, span) = self.counter.time(self.queue.reschedule(vec![to])).await;
        self.model.moved(holder, due, done[0], span);
    }
}

/// A client: calls about different keys go out together, those about one key one after the other.
async fn client<Q: Queue + Inspect>(mut callers: Vec<Caller<Q>>, calls: u64) -> Vec<Caller<Q>> {
    for _ in 0..calls.div_ceil(KEYS as u64) {
        join_all(callers.iter_mut().map(Caller::call)).await;
        callers[0].clock.advance(1);
    }
    callers
}

fn callers<Q>(fresh: &Fresh<Q>, queue: &Arc<Q>, counter: &Arc<Counter>, client: u64, seed: u64) -> Vec<Caller<Q>> {
    let caller = |number: usize| Caller {
        queue: queue.clone(),
        clock: fresh.clock.clone(),
        counter: counter.clone(),
        key: json!({ "client": client, "n": number, "odd": number % 2 }),
        of: u16::try_from(number % 3).unwrap_or(0) + 1,
        payloads: 0,
        random: StdRng::seed_from_u64(seed ^ (client << 32) ^ number as u64),
        model: Model::default(),
    };
    (0..KEYS).map(caller).collect()
}

/// Makes the calls, and compares.
pub async fn random_calls_hold<Q: Queue + Inspect + Clone>(fresh: Fresh<Q>) {
    let calls = if std::env::var_os("CHAOS").is_some() { MANY_CALLS } else { CALLS };
    let seed = rand::random();
    let queue = Arc::new(fresh.queue.clone());
    let counter = Arc::new(Counter::default());
    let is_over = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..WORKERS)
        .map(|number| {
            let random = StdRng::seed_from_u64(seed ^ (number << 48) ^ 1);
            let (queue, clock) = (fresh.queue.clone(), fresh.clock.clone());
            tokio::spawn(worker::work(queue, clock, counter.clone(), is_over.clone(), random))
        })
        .collect();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| tokio::spawn(client(callers(&fresh, &queue, &counter, number, seed), calls / CLIENTS)))
        .collect();
    let clients = try_join_all(clients).await.expect("every call was answered as it may be");
    is_over.store(true, Ordering::SeqCst);
    let mut log = Log::new();
    for (job, starts) in try_join_all(workers).await.expect("workers end").into_iter().flatten() {
        log.entry(job).or_default().extend(starts);
    }
    log.values_mut().for_each(|starts| starts.sort_by_key(|start| start.span.begin));
    assert_eq!(queue.check().await.expect("check answers"), []);
    let models = clients.iter().flatten().map(|caller| &caller.model);
    let divergences: Vec<String> = models.flat_map(|model| model.divergences(&log)).collect();
    let starts: usize = log.values().map(Vec::len).sum();
    println!(
        "{calls} calls by {CLIENTS} clients about {} keys, {starts} starts of {} jobs, seed {seed}: {} divergences",
        CLIENTS as usize * KEYS,
        log.len(),
        divergences.len(),
    );
    assert!(divergences.is_empty(), "seed {seed}: {:#?}", &divergences[..divergences.len().min(5)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn random_keyed_calls_of_the_embedded_engine() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let clock = Arc::new(ManualClock::new(store::conformance::START));
    let queue = crate::embedded::open(folder.path(), &clock, 1_000_000).expect("a new queue opens");
    random_calls_hold(Fresh { queue, clock, keep: Box::new(folder) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_keyed_calls_of_redis() {
    random_calls_hold(crate::redis::fresh_on_one_server().await).await;
}

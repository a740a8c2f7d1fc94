//! A caller: puts jobs in, takes them out, moves them; and repeats what was not answered.

use std::sync::Arc;

use schedules::{Key, Millis, WindowSpec};
use serde_json::json;
use store::JobId;
use store::queue::{Cause, Debounce, Enqueued, Idempotency, IfExists, Inspect, Job, Move, NewJob, Queue, Selector};
use workers::invoke::{Opening, lane};

use super::Handle;
use crate::witness::may_try_again;
use crate::world::{Entry, World};

/// How often a call is repeated.
const TRIES: usize = 4;

/// Calls until the active time is over.
pub async fn call(world: World, queue: Arc<Handle>) {
    let caller = Caller { world: world.clone(), queue };
    let busy_ms = world.sim.one_of(&[300, 1_500, 4_000]);
    while world.is_active() {
        match world.sim.between(0..=9) {
            0 => caller.cancel().await,
            1 => caller.reschedule().await,
            2 => caller.rush(),
            _ => caller.enqueue().await,
        }
        world.sim.sleep(world.sim.between(0..=busy_ms)).await;
    }
}

struct Caller {
    world: World,
    queue: Arc<Handle>,
}

/// What a call says again when it is repeated.
struct Request {
    if_exists: IfExists,
    key: Option<Key>,
    delay_ms: i64,
    window: Option<WindowSpec>,
    idempotency: Option<Idempotency>,
    priority: u8,
    once: bool,
    payload: &'static str,
}

impl Caller {
    async fn enqueue(&self) {
        let sim = &self.world.sim;
        let entry = self.world.any_entry();
        let mut requests: Vec<Request> = (0..sim.one_of(&[1, 1, 1, 2, 5])).map(|_| self.request()).collect();
        let same_id = sim.chance(0.2);
        let mut jobs: Vec<NewJob> = requests.iter().map(|request| self.job(&entry, request)).collect();
        for _ in 0..TRIES {
            match self.queue.enqueue(jobs.clone()).await {
                Ok(answers) => return self.acknowledge(&jobs, &answers),
                // Who has no idempotency key does not repeat a call; nor does it help if the queue is full.
                Err(error) if !may_try_again(&error) => return,
                Err(_) => sim.sleep(sim.between(10..=3_000)).await,
            }
            if same_id {
                continue;
            }
            requests.retain(|request| request.idempotency.is_some());
            jobs = requests.iter().map(|request| self.job(&entry, request)).collect();
        }
    }

    /// Many callers at the same moment.
    fn rush(&self) {
        let sim = &self.world.sim;
        let one = |_| {
            let entry = self.world.any_entry();
            (0..sim.between(1..=3)).map(|_| self.job(&entry, &self.request())).collect()
        };
        let calls: Vec<Vec<NewJob>> = (0..sim.between(2..=8)).map(one).collect();
        let answers = self.queue.engine().enqueue_together(&calls);
        for (jobs, answers) in calls.iter().zip(answers) {
            self.acknowledge(jobs, &answers.unwrap_or_default());
        }
    }

    fn acknowledge(&self, jobs: &[NewJob], answers: &[Enqueued]) {
        for (new, answer) in jobs.iter().zip(answers) {
            let job = match answer {
                Enqueued::Created | Enqueued::Replaced { .. } => new.job.id,
                Enqueued::Repeated { first, .. } => *first,
                _ => continue,
            };
            self.world.books.with(|ledger| ledger.acknowledged(job));
        }
    }

    fn request(&self) -> Request {
        let sim = &self.world.sim;
        let key = self.key();
        let beside = sim.chance(0.2);
        let idempotency = sim.chance(0.4).then(|| Idempotency {
            key: format!("call-{}", sim.between(0..=400)),
            fingerprint: [u8::from(sim.chance(0.1)); 32],
            until: sim.now().after(sim.one_of(&[20_000, 86_400_000])),
        });
        let window = WindowSpec {
            time: Some(sim.one_of(&["15:07-15:08,15:09-24:00", "15:08-24:00", "15:06-15:07,15:08-24:00"]).into()),
            outside: sim.one_of(&[schedules::Outside::Move, schedules::Outside::Drop]),
            ..WindowSpec::default()
        };
        let window = sim.chance(0.1).then_some(window);
        let if_exists = match sim.between(0..=5) {
            _ if beside => IfExists::Beside,
            0 => IfExists::Keep,
            1 => IfExists::Reject,
            2 => IfExists::Singleton,
            3 if window.is_none() => IfExists::Debounce,
            _ => IfExists::Replace,
        };
        Request {
            if_exists,
            key,
            delay_ms: sim.one_of(&[0, 0, 0, 500, 5_000, 30_000]) + sim.between(0..=500),
            window,
            idempotency,
            priority: sim.one_of(&[0, 5, 5, 9]),
            once: beside && sim.chance(0.5),
            payload: if sim.chance(0.02) { "\"poison\"" } else { "{}" },
        }
    }

    fn key(&self) -> Option<Key> {
        let sim = &self.world.sim;
        let (email, n) = (sim.one_of(&["a", "b", "c"]), sim.between(0..=2));
        let key = match sim.between(0..=4) {
            0 => return None,
            1 => json!({ "n": n }),
            2 => json!({ "email": email }),
            _ => json!({ "email": email, "n": n }),
        };
        Key::parse(&key).ok()
    }

    fn job(&self, entry: &Entry, request: &Request) -> NewJob {
        let sim = &self.world.sim;
        let now = sim.now();
        let lanes = entry.settings.concurrency.lanes.as_ref();
        let mut job = Job {
            id: sim.job_id(),
            integration: entry.id,
            cause: if request.once { Cause::Execute } else { Cause::Manual },
            release: None,
            payload: request.payload.into(),
            key: request.key.clone(),
            due: now.after(request.delay_ms),
            closes: None,
            window: request.window.clone(),
            jitter_ms: 500,
            priority: request.priority,
            weight: 1,
            lane: lane(lanes, request.key.as_ref(), request.if_exists),
            awaited: request.once,
            tick: None,
            debounce: (request.if_exists == IfExists::Debounce)
                .then(|| Debounce { latest: now.after(request.delay_ms + sim.between(0..=20_000)), pushes: 0 }),
            attempts: request.once.then_some(1),
            context: None,
            created: now,
        };
        let opening = Opening::of(&job, job.due).unwrap_or_else(|_| Opening::always(job.due));
        (job.due, job.closes) = (opening.due, opening.closes);
        NewJob { job, if_exists: request.if_exists, idempotency: request.idempotency.clone() }
    }

    fn selector(&self) -> Selector {
        let sim = &self.world.sim;
        match (sim.between(0..=9), self.key(), self.some_job()) {
            (0, _, _) => Selector::All,
            (1..=3, _, Some(job)) => Selector::Job(job),
            (4..=6, Some(key), _) => Selector::Key(key),
            (_, Some(key), _) => Selector::Match(key),
            _ => Selector::Match(Key::parse(&json!({ "email": "a" })).expect("a key")),
        }
    }

    /// Any job there ever was.
    fn some_job(&self) -> Option<JobId> {
        let jobs: Vec<JobId> = self.world.books.with(|ledger| ledger.everything());
        (!jobs.is_empty()).then(|| self.world.sim.one_of(&jobs))
    }

    /// A cancellation that was not answered is repeated.
    async fn cancel(&self) {
        let (of, selector) = (self.world.any_entry().id, self.selector());
        for _ in 0..TRIES {
            match self.queue.cancel(of, selector.clone()).await {
                Ok(_) => return,
                Err(_) => self.world.sim.sleep(200).await,
            }
        }
    }

    /// Looks, then moves what it saw; it may have gone meanwhile.
    async fn reschedule(&self) {
        let sim = &self.world.sim;
        let (of, selector) = (self.world.any_entry().id, self.selector());
        let Ok(found) = self.queue.find(of, selector, 20).await else { return };
        let due: Millis = sim.now().after(sim.one_of(&[0, 1_000, 10_000]));
        let to_move = |job: &Job| {
            let Opening { due, closes } = Opening::of(job, due).unwrap_or_else(|_| Opening::always(due));
            Move { job: job.id, due, closes, window: None }
        };
        let moves: Vec<Move> = found.iter().map(|view| to_move(&view.job)).collect();
        let _answer = self.queue.reschedule(moves).await;
    }
}

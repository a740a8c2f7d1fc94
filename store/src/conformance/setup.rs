//! What the cases are made of: a fresh engine, jobs to put in it, and short ways to ask it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use schedules::{Clock, Key, ManualClock, Millis};
use serde_json::{Value, json};
use ulid::Ulid;

use crate::queue::{
    Cause, Claim, Claimed, Control, Cursor, Enqueued, Idempotency, IfExists, Inspect, Job, JobFilter, JobView, Lease,
    Leased, MAX_BATCH, NewJob, Next, Page, PageRequest, Queue, ScheduleRef, Settled, Settlement, State,
};
use crate::{IntegrationId, JobId, ScheduleId};

/// What the clock of a fresh engine shows.
pub const START: Millis = Millis(1_750_000_000_000);
/// How long the leases of the cases last.
pub const LEASE_MS: u32 = 30_000;
/// How long a case waits for something that must happen; only a failure takes that long.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// A wake-up must come well before the second after which an engine may return for no reason.
pub const AT_ONCE: Duration = Duration::from_millis(700);

/// After so many claims at one time an engine must have handed out what it has.
const MANY_CLAIMS: usize = 1_000;

/// An engine without a job, and its clock.
pub struct Fresh<Q> {
    /// The engine.
    pub queue: Q,
    /// The clock that the engine reads; it shows [`START`].
    pub clock: Arc<ManualClock>,
    /// What must live as long as the engine: its folder, its server.
    pub keep: Box<dyn Any + Send + Sync>,
}

impl<Q> fmt::Debug for Fresh<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}

/// The time `ms` after [`START`].
pub fn at(ms: i64) -> Millis {
    START.after(ms)
}

/// One of the cases' integrations.
pub fn integration(number: u16) -> IntegrationId {
    IntegrationId(Ulid::from_parts(1_700_000_000_000, u128::from(number)))
}

/// One of the schedules of one of the cases' integrations, beside that of its settings.
pub fn schedule(of: u16, number: u16) -> ScheduleRef {
    let schedule = ScheduleId(Ulid::from_parts(1_700_000_000_001, u128::from(number)));
    ScheduleRef { integration: integration(of), schedule }
}

/// Where a schedule is.
pub fn cursor_of<Q: Inspect>(queue: &Q, of: impl Into<ScheduleRef>) -> impl Future<Output = Option<Cursor>> {
    let of = of.into();
    async move {
        let mut cursors = queue.cursors(vec![of]).await.expect("cursors answers");
        assert_eq!(cursors.len(), 1, "one answer per schedule");
        cursors.remove(0)
    }
}

/// A key from JSON.
pub fn key(json: Value) -> Key {
    Key::parse(&json).expect("the cases' keys are good")
}

/// A job, due at [`START`]; later ones have greater ids.
pub fn job(of: u16) -> NewJob {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    NewJob {
        job: Job {
            id: JobId(Ulid::from_parts(1_750_000_000_000, u128::from(number))),
            integration: integration(of),
            cause: Cause::Manual,
            release: None,
            payload: "{}".into(),
            key: None,
            due: START,
            closes: None,
            window: None,
            jitter_ms: 0,
            priority: 5,
            weight: 1,
            lane: None,
            awaited: false,
            tick: None,
            debounce: None,
            attempts: None,
            context: None,
            created: START,
        },
        if_exists: IfExists::Replace,
        idempotency: None,
    }
}

/// Changes to a job, in a row.
pub trait Sample {
    /// Due `ms` after [`START`].
    fn due(self, ms: i64) -> Self;
    /// With this key.
    fn key(self, json: Value) -> Self;
    /// What to do with a pending job of the same key.
    fn if_exists(self, what: IfExists) -> Self;
    /// With this priority.
    fn priority(self, priority: u8) -> Self;
    /// With this payload.
    fn payload(self, json: &str) -> Self;
    /// In the lane of this name.
    fn lane(self, name: &str) -> Self;
    /// To be started before `ms` after [`START`].
    fn closes(self, ms: i64) -> Self;
    /// Made for this reason.
    fn cause(self, cause: Cause) -> Self;
    /// Repeatable under `key` until `ms` after [`START`]; `request` stands for what was asked.
    fn idempotent(self, key: &str, request: u8, ms: i64) -> Self;
}

impl Sample for NewJob {
    fn due(mut self, ms: i64) -> Self {
        self.job.due = at(ms);
        self
    }

    fn key(mut self, json: Value) -> Self {
        self.job.key = Some(key(json));
        self
    }

    fn if_exists(mut self, what: IfExists) -> Self {
        self.if_exists = what;
        self
    }

    fn priority(mut self, priority: u8) -> Self {
        self.job.priority = priority;
        self
    }

    fn payload(mut self, json: &str) -> Self {
        self.job.payload = json.into();
        self
    }

    fn lane(mut self, name: &str) -> Self {
        self.job.lane = Some(json!({ "lane": name }).to_string().into());
        self
    }

    fn closes(mut self, ms: i64) -> Self {
        self.job.closes = Some(at(ms));
        self
    }

    fn cause(mut self, cause: Cause) -> Self {
        self.job.cause = cause;
        self
    }

    fn idempotent(mut self, key: &str, request: u8, ms: i64) -> Self {
        self.idempotency = Some(Idempotency { key: key.into(), fingerprint: [request; 32], until: at(ms) });
        self
    }
}

/// A page of the newest `first`.
pub fn newest(first: usize) -> PageRequest<JobId> {
    PageRequest { first, after: None, before: None }
}

/// The ids of leased jobs, in their order.
pub fn ids(leased: &[Leased]) -> Vec<JobId> {
    leased.iter().map(|it| it.job.id).collect()
}

/// The integrations of leased jobs, in their order.
pub fn integrations(leased: &[Leased]) -> Vec<IntegrationId> {
    leased.iter().map(|it| it.job.integration).collect()
}

/// A retry at `ms` after [`START`].
pub fn retry(ms: i64) -> Next {
    Next::Retry { due: at(ms), closes: None, error: r#"{"code":"failed"}"#.into() }
}

/// Back as if it had not been claimed, due `ms` after [`START`].
pub fn give_back(ms: i64) -> Next {
    Next::Return { due: at(ms), closes: None }
}

/// A last failure.
pub fn bury() -> Next {
    Next::Bury { error: r#"{"code":"failed"}"#.into() }
}

/// Nothing is claimed.
pub fn paused() -> Control {
    Control { paused: true, ..Control::default() }
}

/// So many at once.
pub fn at_once(limit: u32) -> Control {
    Control { concurrency: Some(limit), ..Control::default() }
}

impl<Q: Queue + Inspect> Fresh<Q> {
    /// Puts one job in, which must be new.
    pub async fn put(&self, new: NewJob) -> JobId {
        let id = new.job.id;
        assert_eq!(self.put_any(new).await, Enqueued::Created);
        id
    }

    /// Puts one job in.
    pub async fn put_any(&self, new: NewJob) -> Enqueued {
        let mut answers = self.queue.enqueue(vec![new]).await.expect("enqueue answers");
        assert_eq!(answers.len(), 1, "one answer per job");
        answers.remove(0)
    }

    /// Claims.
    pub async fn claim(&self, limit: usize) -> Claimed {
        self.queue.claim(Claim { limit, lease_ms: LEASE_MS }).await.expect("claim answers")
    }

    /// Claims until there is nothing to be claimed at this time; an engine may need several claims to find that out.
    pub async fn claim_all(&self) -> Claimed {
        let mut jobs = Vec::new();
        for _ in 0..MANY_CLAIMS {
            let claimed = self.claim(MAX_BATCH).await;
            jobs.extend(claimed.jobs);
            if claimed.next_due.is_none_or(|due| due > self.clock.now()) {
                return Claimed { jobs, next_due: claimed.next_due };
            }
        }
        panic!("every claim says that more can be claimed at once");
    }

    /// Claims what there is, which must be one job.
    pub async fn claim_one(&self) -> Leased {
        let mut jobs = self.claim(10).await.jobs;
        assert_eq!(jobs.len(), 1, "one job is to be claimed");
        jobs.remove(0)
    }

    /// Puts one job in and claims it.
    pub async fn running(&self, new: NewJob) -> Leased {
        let id = self.put(new).await;
        let leased = self.claim_one().await;
        assert_eq!(leased.job.id, id);
        leased
    }

    /// Puts one job in and lets it die.
    pub async fn dead(&self, new: NewJob) -> JobId {
        let leased = self.running(new).await;
        assert_eq!(self.settle(leased.lease, bury()).await, Settled::Applied);
        leased.job.id
    }

    /// Settles one lease.
    pub async fn settle(&self, lease: Lease, next: Next) -> Settled {
        let answers = self.queue.settle(vec![Settlement { lease, next }]).await.expect("settle answers");
        assert_eq!(answers.len(), 1, "one answer per settlement");
        answers[0]
    }

    /// One job.
    pub async fn view(&self, id: JobId) -> Option<JobView> {
        self.queue.get(id).await.expect("get answers")
    }

    /// The state of one job.
    pub async fn state(&self, id: JobId) -> Option<State> {
        self.view(id).await.map(|view| view.state)
    }

    /// A page.
    pub async fn list(&self, filter: JobFilter, page: PageRequest<JobId>) -> Page<JobView> {
        self.queue.list(filter, page).await.expect("list answers")
    }

    /// Sets what holds one of the cases' integrations back.
    pub async fn control(&self, of: u16, control: Control) {
        self.queue.control(integration(of), control).await.expect("control answers");
    }
}

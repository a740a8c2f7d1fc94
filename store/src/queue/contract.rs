//! The transitions: about sixteen verbs, each applied whole or not at all.

use std::future::Future;

use schedules::rate::{Limit, LimiterId};
use schedules::{Key, Millis, WindowSpec};

use super::{Adjustment, Fired, Firing, Job, NewJob, ScheduleRef, TickRecord};
use crate::{IntegrationId, JobId, Result};

/// The right to write the outcome of one claimed job; a token of its own for every claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The claimed job.
    pub job: JobId,
    /// Unique among all claims of this job.
    pub token: u64,
}

/// A job with the lease of the one who may run it.
#[derive(Clone, Debug, PartialEq)]
pub struct Leased {
    /// The job.
    pub job: Job,
    /// The lease.
    pub lease: Lease,
    /// This attempt's number, from 1; claims that were given back do not count.
    pub attempt: u32,
    /// How many leases of this job ran out so far.
    pub lost: u32,
    /// Whether it may run.
    pub grant: Grant,
}

/// What a claim says of a job. Only [`Grant::Start`] counts as an attempt; the others hold a lease so that their end
/// or their next due time can be written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grant {
    /// It may run; its rate limits are charged, if this is the first time.
    #[default]
    Start,
    /// A rate limit refuses it; nothing is charged.
    Refused(Refusal),
    /// Its opening is over; nothing is charged.
    Closed,
}

/// Which rate limit refuses a job: the first one whose field is missing, or else the first one that is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The limit's place in [`Control::limits`].
    pub limit: usize,
    /// In how many milliseconds it would have room; `None`: never, the job's key lacks a field that it names.
    pub retry_after_ms: Option<u64>,
}

/// What became of one job given to [`Queue::enqueue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It is queued.
    Created,
    /// It is queued in the place of a pending job with the same key.
    Replaced {
        /// The job that is gone.
        old: JobId,
    },
    /// A job has its key and was kept ([`super::IfExists::Keep`], [`super::IfExists::Singleton`]); nothing was queued.
    Kept {
        /// That job.
        existing: JobId,
        /// Its due time.
        due: Millis,
    },
    /// The pending job with its key was pushed back and goes on in its place ([`super::IfExists::Debounce`]).
    Pushed {
        /// The pending job.
        existing: JobId,
        /// Its new due time.
        due: Millis,
        /// How often it has been pushed.
        pushes: u32,
    },
    /// A pending job has its key ([`super::IfExists::Reject`]); nothing was queued.
    Rejected {
        /// The pending job.
        existing: JobId,
    },
    /// The idempotency key was seen with the same request: the first answer again; nothing was queued.
    Repeated {
        /// The job of the first call.
        first: JobId,
        /// The due time of the first answer.
        due: Millis,
        /// Whether the first call replaced a job.
        replaced: bool,
    },
    /// The idempotency key was seen with another request; nothing was queued.
    Conflict {
        /// The job of the first call.
        first: JobId,
    },
    /// Its lane has as many pending jobs as it may have ([`Control::lane_backlog`]); nothing was queued.
    Crowded {
        /// How many it may have.
        limit: u32,
    },
}

/// A request for work.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// At most this many jobs (1 to [`super::MAX_BATCH`]).
    pub limit: usize,
    /// How long the leases last unless extended.
    pub lease_ms: u32,
}

/// The answer to a [`Claim`].
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// The jobs to run now.
    pub jobs: Vec<Leased>,
    /// When the next job will be due that is not held (paused, at its concurrency); `None` when there is none. A time
    /// that has come means that more can be claimed at once.
    pub next_due: Option<Millis>,
}

/// What becomes of a claimed job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Its outcome is recorded: it leaves the queue.
    Remove,
    /// It is tried again; the attempt counts. It takes its key back if that is free.
    Retry {
        /// Not before this time.
        due: Millis,
        /// The end of the opening that `due` lies in.
        closes: Option<Millis>,
        /// What went wrong, as JSON text.
        error: Box<str>,
    },
    /// It goes back as if it had not been claimed: a drain, or a window that closed. What it was charged stays charged.
    Return {
        /// Not before this time.
        due: Millis,
        /// The end of the opening that `due` lies in.
        closes: Option<Millis>,
    },
    /// Its last attempt failed: kept as dead, listed and replayable.
    Bury {
        /// What went wrong, as JSON text.
        error: Box<str>,
    },
}

/// One job's [`Next`], presented with its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The lease of the claim.
    pub lease: Lease,
    /// What becomes of the job.
    pub next: Next,
}

/// The answer to one [`Settlement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Written.
    Applied,
    /// The lease is not held any more: nothing was changed.
    Stale,
}

/// Which pending jobs of one integration a call means.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// The one with exactly this key.
    Key(Key),
    /// Every one whose key contains all fields of this one, with equal values.
    Match(Key),
    /// The one with this id.
    Job(JobId),
    /// Every one.
    All,
}

/// The jobs a [`Queue::cancel`] took out.
#[derive(Clone, Debug, Default)]
pub struct Cancelled {
    /// The jobs, at most [`super::MAX_BATCH`].
    pub jobs: Vec<Job>,
    /// Whether there are more: call again.
    pub more: bool,
}

/// A new due time for one pending job.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// The job.
    pub job: JobId,
    /// Its new due time.
    pub due: Millis,
    /// The end of the opening that `due` lies in.
    pub closes: Option<Millis>,
    /// Its new window, if the call names one; `None` keeps what it has.
    pub window: Option<WindowSpec>,
}

/// What holds an integration's jobs back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// Its jobs are not claimed.
    pub paused: bool,
    /// At most this many of its jobs run at once.
    pub concurrency: Option<u32>,
    /// At most this many jobs of one lane run at once; jobs without a lane are not counted.
    pub lane_concurrency: Option<u32>,
    /// At most this many jobs of one lane are pending; jobs without a lane are not counted. [`Queue::enqueue`] turns the
    /// others away; ticks, and what was let in once (retries, returned and replayed jobs), are always taken.
    pub lane_backlog: Option<u32>,
    /// While a job of a lane waits for a retry, no other one of that lane is claimed. Jobs without a lane are not meant.
    pub lane_fifo: bool,
    /// The rate limits, charged in the same step that hands a job out (at most [`super::MAX_LIMITS`]).
    pub limits: Vec<Limit>,
}

/// What a [`Queue::replay`] changes of the job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// Its new payload, as JSON text.
    pub payload: Option<Box<str>>,
    /// The major release it is pinned to from now on; `Some(None)`: the highest.
    pub release: Option<Option<u32>>,
}

impl Edit {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The job with the changes.
    pub fn of(&self, job: Job) -> Job {
        let payload = self.payload.clone().unwrap_or_else(|| job.payload.clone());
        let release = self.release.unwrap_or(job.release);
        Job { payload, release, ..job }
    }
}

/// What [`Queue::prune`] may forget.
#[derive(Clone, Copy, Debug)]
pub struct Pruning {
    /// Dead jobs that died before this time.
    pub dead_before: Millis,
    /// Of the dead jobs of one integration, all but this many newest.
    pub dead_keep: u64,
    /// At most this many rows in one call.
    pub limit: usize,
}

/// What [`Queue::prune`] forgot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Dead jobs.
    pub dead: u64,
    /// Idempotency keys whose time was over.
    pub idempotency: u64,
}

/// A durable queue of jobs. Every verb is one atomic step; when it answers, the step survives a kill and a power cut.
pub trait Queue: Send + Sync + 'static {
    /// Put jobs in, honouring keys and idempotency keys; one answer per job, in order.
    fn enqueue(&self, jobs: Vec<NewJob>) -> impl Future<Output = Result<Vec<Enqueued>>> + Send;

    /// Lease jobs that are due, taking turns between integrations and between the lanes of each, test and charge their
    /// rate limits, and count the attempt. Within a lane the order is priority, due time, arrival. A job that a limit
    /// delays is not handed out: it waits in line at the full bucket, and holds up nothing but those behind it there. The
    /// line is in the order of due time, priority, arrival; whoever comes to its bucket meanwhile joins it. The room of
    /// one that turns out to be refused, or closed, is the next one's.
    fn claim(&self, claim: Claim) -> impl Future<Output = Result<Claimed>> + Send;

    /// Write what becomes of claimed jobs; one answer per settlement, in order.
    fn settle(&self, settlements: Vec<Settlement>) -> impl Future<Output = Result<Vec<Settled>>> + Send;

    /// Make leases last `lease_ms` from now; returns those that are not held any more.
    fn extend(&self, leases: Vec<Lease>, lease_ms: u32) -> impl Future<Output = Result<Vec<Lease>>> + Send;

    /// Take over jobs whose lease ran out, at most `limit`, under new leases; the attempt is not counted again.
    fn rescue(&self, limit: usize, lease_ms: u32) -> impl Future<Output = Result<Vec<Leased>>> + Send;

    /// Take pending jobs out.
    fn cancel(&self, integration: IntegrationId, selector: Selector) -> impl Future<Output = Result<Cancelled>> + Send;

    /// Give pending jobs another due time; `false` for one that is not pending any more.
    fn reschedule(&self, moves: Vec<Move>) -> impl Future<Output = Result<Vec<bool>>> + Send;

    /// Queue the due ticks of a schedule, move its cursor and put the records of its ticks into the outbox, if nobody
    /// else has.
    fn fire(&self, firing: Firing) -> impl Future<Output = Result<Fired>> + Send;

    /// Forget records of the outbox that are written into the ledger now.
    fn clear_outbox(&self, records: Vec<TickRecord>) -> impl Future<Output = Result<()>> + Send;

    /// Forget where deleted schedules were. Their jobs stay.
    fn forget_schedules(&self, schedules: Vec<ScheduleRef>) -> impl Future<Output = Result<()>> + Send;

    /// Set what holds an integration's jobs back.
    fn control(&self, integration: IntegrationId, control: Control) -> impl Future<Output = Result<()>> + Send;

    /// Shut, open or empty one bucket of a rate limit, by its name. Those who wait at it, of whatever integration, are
    /// looked at again. Charged jobs (retries) wait at a shut bucket too.
    ///
    /// Errors: `Full` if too many buckets are shut ([`super::MAX_HOLDS`]).
    fn adjust(
        &self,
        integration: IntegrationId,
        bucket: String,
        adjustment: Adjustment,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Forget the buckets of a limiter that nobody names any more.
    fn purge_limiter(&self, limiter: LimiterId) -> impl Future<Output = Result<()>> + Send;

    /// Make a dead job pending again, due at `due` with no opening, no attempt counted, nothing charged, and the cause
    /// [`super::Cause::Replay`], with some of it changed; `false` when no dead job has this id.
    fn replay(&self, job: JobId, due: Millis, edit: Edit) -> impl Future<Output = Result<bool>> + Send;

    /// Forget dead jobs; returns how many there were.
    fn discard(&self, jobs: Vec<JobId>) -> impl Future<Output = Result<u64>> + Send;

    /// Forget everything of an integration: jobs in every state, cursors, control, idempotency keys, rate limit buckets
    /// of its own, records of ticks.
    fn purge(&self, integration: IntegrationId) -> impl Future<Output = Result<()>> + Send;

    /// Forget dead jobs and idempotency keys that are over their age or number; rate limit buckets that are empty,
    /// what shut them in the past, and how many they refused before today.
    fn prune(&self, pruning: Pruning) -> impl Future<Output = Result<Pruned>> + Send;

    /// Wait until `until`, or until something changed that may have made work; may return early for no reason.
    fn wait(&self, until: Option<Millis>) -> impl Future<Output = ()> + Send;

    /// Wait until an awaited job ([`Job::awaited`]) may have left the queue; may return early for no reason, and does
    /// after a second.
    fn wait_for_end(&self, job: JobId) -> impl Future<Output = ()> + Send;

    /// The store's clock.
    fn now(&self) -> impl Future<Output = Result<Millis>> + Send;
}

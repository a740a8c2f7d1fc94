//! The engines there are, as a closed set.

use schedules::Millis;
use schedules::rate::{LimiterId, Rule};

use crate::embedded::Embedded;
use crate::queue::{
    Adjustment, BucketView, Cancelled, Claim, Claimed, Control, Counts, Cursor, Edit, Enqueued, Fired, Firing, Inspect,
    JobFilter, JobView, Lease, Leased, Mark, Move, NewJob, Page, PageRequest, Pruned, Pruning, Queue, Record,
    ScheduleRef, Selector, Settled, Settlement, Standing, Survey, TickRecord, Transfer, Violation,
};
use crate::redis::Redis;
use crate::{IntegrationId, JobId, Result};

/// One of the engines; clones are handles to the same queue.
#[derive(Clone, Debug)]
pub enum Engine {
    /// One file on this machine.
    Embedded(Embedded),
    /// Redis or Valkey.
    Redis(Redis),
}

impl From<Embedded> for Engine {
    fn from(engine: Embedded) -> Self {
        Self::Embedded(engine)
    }
}

impl From<Redis> for Engine {
    fn from(engine: Redis) -> Self {
        Self::Redis(engine)
    }
}

/// Writes each method of a trait as a call of the same method of the engine there is.
macro_rules! dispatch {
    ($($method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(
            async fn $method(&self, $($argument: $type),*) -> $answer {
                match self {
                    Self::Embedded(engine) => engine.$method($($argument),*).await,
                    Self::Redis(engine) => engine.$method($($argument),*).await,
                }
            }
        )*
    };
}

impl Queue for Engine {
    dispatch! {
        enqueue(jobs: Vec<NewJob>) -> Result<Vec<Enqueued>>;
        claim(claim: Claim) -> Result<Claimed>;
        settle(settlements: Vec<Settlement>) -> Result<Vec<Settled>>;
        extend(leases: Vec<Lease>, lease_ms: u32) -> Result<Vec<Lease>>;
        rescue(limit: usize, lease_ms: u32) -> Result<Vec<Leased>>;
        cancel(integration: IntegrationId, selector: Selector) -> Result<Cancelled>;
        reschedule(moves: Vec<Move>) -> Result<Vec<bool>>;
        fire(firing: Firing) -> Result<Fired>;
        clear_outbox(records: Vec<TickRecord>) -> Result<()>;
        forget_schedules(schedules: Vec<ScheduleRef>) -> Result<()>;
        control(integration: IntegrationId, control: Control) -> Result<()>;
        adjust(integration: IntegrationId, bucket: String, adjustment: Adjustment) -> Result<()>;
        purge_limiter(limiter: LimiterId) -> Result<()>;
        replay(job: JobId, due: Millis, edit: Edit) -> Result<bool>;
        discard(jobs: Vec<JobId>) -> Result<u64>;
        purge(integration: IntegrationId) -> Result<()>;
        prune(pruning: Pruning) -> Result<Pruned>;
        wait(until: Option<Millis>) -> ();
        wait_for_end(job: JobId) -> ();
        now() -> Result<Millis>;
    }
}

impl Inspect for Engine {
    dispatch! {
        get(job: JobId) -> Result<Option<JobView>>;
        find(integration: IntegrationId, selector: Selector, limit: usize) -> Result<Vec<JobView>>;
        list(filter: JobFilter, page: PageRequest<JobId>) -> Result<Page<JobView>>;
        ids(filter: JobFilter, limit: usize) -> Result<Vec<JobId>>;
        counts() -> Result<Vec<(IntegrationId, Counts)>>;
        cursors(schedules: Vec<ScheduleRef>) -> Result<Vec<Option<Cursor>>>;
        outbox(limit: usize) -> Result<Vec<TickRecord>>;
        check() -> Result<Vec<Violation>>;
        bucket(integration: IntegrationId, name: String, rule: Rule) -> Result<BucketView>;
        buckets(integration: IntegrationId, rule_name: String, rule: Rule, most: usize) -> Result<Vec<BucketView>>;
        standing(job: JobId, buckets: Vec<String>) -> Result<Option<Standing>>;
        control_of(integration: IntegrationId) -> Result<Control>;
    }
}

impl Transfer for Engine {
    dispatch! {
        survey() -> Result<Survey>;
        export(after: Option<Mark>, limit: usize) -> Result<(Vec<Record>, Option<Mark>)>;
        import(records: Vec<Record>) -> Result<u64>;
    }

    fn counters(&self) -> u64 {
        match self {
            Self::Embedded(engine) => engine.counters(),
            Self::Redis(engine) => engine.counters(),
        }
    }

    fn needs_unique_arrivals(&self) -> bool {
        match self {
            Self::Embedded(engine) => engine.needs_unique_arrivals(),
            Self::Redis(engine) => engine.needs_unique_arrivals(),
        }
    }
}

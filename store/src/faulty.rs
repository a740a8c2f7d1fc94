//! Any engine behind a switch: before and after each call, a director says what becomes of it.

use std::fmt;
use std::future::{Future, pending};

use schedules::Millis;
use schedules::rate::{LimiterId, Rule};

use crate::queue::{
    Adjustment, BucketView, Cancelled, Claim, Claimed, Control, Counts, Cursor, Edit, Enqueued, Fired, Firing, Inspect,
    JobFilter, JobView, Lease, Leased, Move, NewJob, Page, PageRequest, Pruned, Pruning, Queue, ScheduleRef, Selector,
    Settled, Settlement, Standing, TickRecord, Violation,
};
use crate::{Error, IntegrationId, JobId, Result};

/// A moment of a call at which something may happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It is on its way: the engine knows nothing of it yet.
    Before,
    /// The engine has done its part, and the answer is on its way back.
    After,
}

/// What becomes of a call at one of its moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Pass,
    /// Its caller is told [`Error::Unavailable`]: nothing was applied if this happens before, and all of it after.
    Fail,
    /// It never returns: its caller is dead, or as good as.
    Vanish,
}

/// Says what becomes of calls.
pub trait Director: Send + Sync + 'static {
    /// The fate of a call of `verb`, the name of its method. A call is as late as this answer is.
    fn fate(&self, verb: &'static str, moment: Moment) -> impl Future<Output = Fate> + Send;
}

/// An engine whose calls a director delays, fails and loses.
pub struct Faulty<Q, D> {
    engine: Q,
    director: D,
}

impl<Q, D> Faulty<Q, D> {
    /// Puts `director` between an engine and its callers.
    pub fn new(engine: Q, director: D) -> Self {
        Self { engine, director }
    }

    /// The engine, for calls that nothing shall happen to.
    pub fn engine(&self) -> &Q {
        &self.engine
    }
}

impl<Q, D> fmt::Debug for Faulty<Q, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").finish_non_exhaustive()
    }
}

impl<Q: Queue + Inspect, D: Director> Faulty<Q, D> {
    async fn pass<T: Send>(&self, verb: &'static str, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        self.meet(verb, Moment::Before).await?;
        let answer = call.await;
        self.meet(verb, Moment::After).await?;
        answer
    }

    async fn meet(&self, verb: &'static str, moment: Moment) -> Result<()> {
        match self.director.fate(verb, moment).await {
            Fate::Pass => Ok(()),
            Fate::Fail => Err(Error::Unavailable(format!("{verb} failed on purpose ({moment:?})"))),
            Fate::Vanish => pending().await,
        }
    }
}

/// Writes each method of a trait as the engine's, with a director before and after it.
macro_rules! pass_on {
    ($($method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(
            async fn $method(&self, $($argument: $type),*) -> Result<$answer> {
                self.pass(stringify!($method), self.engine.$method($($argument),*)).await
            }
        )*
    };
}

impl<Q: Queue + Inspect, D: Director> Queue for Faulty<Q, D> {
    pass_on! {
        enqueue(jobs: Vec<NewJob>) -> Vec<Enqueued>;
        claim(claim: Claim) -> Claimed;
        settle(settlements: Vec<Settlement>) -> Vec<Settled>;
        extend(leases: Vec<Lease>, lease_ms: u32) -> Vec<Lease>;
        rescue(limit: usize, lease_ms: u32) -> Vec<Leased>;
        cancel(integration: IntegrationId, selector: Selector) -> Cancelled;
        reschedule(moves: Vec<Move>) -> Vec<bool>;
        fire(firing: Firing) -> Fired;
        clear_outbox(records: Vec<TickRecord>) -> ();
        forget_schedules(schedules: Vec<ScheduleRef>) -> ();
        control(integration: IntegrationId, control: Control) -> ();
        adjust(integration: IntegrationId, bucket: String, adjustment: Adjustment) -> ();
        purge_limiter(limiter: LimiterId) -> ();
        replay(job: JobId, due: Millis, edit: Edit) -> bool;
        discard(jobs: Vec<JobId>) -> u64;
        purge(integration: IntegrationId) -> ();
        prune(pruning: Pruning) -> Pruned;
        now() -> Millis;
    }

    /// One that fails returns early, for no reason.
    async fn wait(&self, until: Option<Millis>) {
        if self.meet("wait", Moment::Before).await.is_ok() {
            self.engine.wait(until).await;
        }
    }

    /// One that fails returns early, for no reason.
    async fn wait_for_end(&self, job: JobId) {
        if self.meet("wait_for_end", Moment::Before).await.is_ok() {
            self.engine.wait_for_end(job).await;
        }
    }
}

impl<Q: Queue + Inspect, D: Director> Inspect for Faulty<Q, D> {
    pass_on! {
        get(job: JobId) -> Option<JobView>;
        find(integration: IntegrationId, selector: Selector, limit: usize) -> Vec<JobView>;
        list(filter: JobFilter, page: PageRequest<JobId>) -> Page<JobView>;
        ids(filter: JobFilter, limit: usize) -> Vec<JobId>;
        counts() -> Vec<(IntegrationId, Counts)>;
        cursors(schedules: Vec<ScheduleRef>) -> Vec<Option<Cursor>>;
        outbox(limit: usize) -> Vec<TickRecord>;
        check() -> Vec<Violation>;
        bucket(integration: IntegrationId, name: String, rule: Rule) -> BucketView;
        buckets(integration: IntegrationId, rule_name: String, rule: Rule, most: usize) -> Vec<BucketView>;
        standing(job: JobId, buckets: Vec<String>) -> Option<Standing>;
        control_of(integration: IntegrationId) -> Control;
    }
}

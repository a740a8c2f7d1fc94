//! The questions: what the API, the CLI, the metrics and the console may ask of a queue. None changes anything.

use std::future::Future;

use schedules::Millis;
use schedules::rate::Rule;

use super::{BucketView, Control, Cursor, Job, ScheduleRef, Selector, Standing, TickRecord};
use crate::{IntegrationId, JobId, Result};

/// Where a job is in its life; one it has left the queue, its runs tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits for its due time, its window, a retry or its turn.
    Pending,
    /// A worker holds its lease.
    Running,
    /// Its last attempt failed.
    Dead,
}

/// A job as the queue sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobView {
    /// The job.
    pub job: Job,
    /// Its state.
    pub state: State,
    /// Attempts made, the running one included.
    pub attempt: u32,
    /// Leases lost.
    pub lost: u32,
    /// Whether its rate limits have been charged: it was handed out to run, now or before.
    pub charged: bool,
    /// Whether it waits in line at a full rate limit.
    pub delayed_by_limit: bool,
    /// Until when the lease lasts, while running.
    pub lease_until: Option<Millis>,
    /// When it died, for dead jobs.
    pub died: Option<Millis>,
    /// The last attempt's error, as JSON text.
    pub error: Option<Box<str>>,
}

/// Which jobs a list shows; every part that is `Some` must hold.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Of this integration.
    pub integration: Option<IntegrationId>,
    /// In this state.
    pub state: Option<State>,
    /// With this key, or these fields in it.
    pub selector: Option<Selector>,
}

/// A part of a list; ids order it, newest first.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<Id> {
    /// At most this many (1 to 100).
    pub first: usize,
    /// Those after this id in the list.
    pub after: Option<Id>,
    /// Those before this id in the list; the nearest ones.
    pub before: Option<Id>,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Whether there are items after these.
    pub has_next: bool,
    /// Whether there are items before these.
    pub has_previous: bool,
    /// How many items the whole list has.
    pub total: u64,
}

/// How many jobs of an integration are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pending and not due yet.
    pub delayed: u64,
    /// Pending and due.
    pub ready: u64,
    /// Of the pending ones, those that wait in line at a full rate limit.
    pub in_line: u64,
    /// Running.
    pub running: u64,
    /// Dead.
    pub dead: u64,
    /// The due time of the ready job that waits longest.
    pub oldest_ready: Option<Millis>,
}

/// One way in which what is stored contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which rule is broken, such as `index_without_job`.
    pub rule: &'static str,
    /// Where, for a reader: ids, names, and what was found.
    pub what: String,
}

/// Questions about a queue.
pub trait Inspect: Send + Sync + 'static {
    /// One job, if the queue holds it.
    fn get(&self, job: JobId) -> impl Future<Output = Result<Option<JobView>>> + Send;

    /// The pending jobs a selector means, oldest first, at most `limit`.
    fn find(
        &self,
        integration: IntegrationId,
        selector: Selector,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<JobView>>> + Send;

    /// A page of jobs.
    fn list(&self, filter: JobFilter, page: PageRequest<JobId>) -> impl Future<Output = Result<Page<JobView>>> + Send;

    /// The ids of the jobs that pass a filter, newest first, at most `limit` (and [`super::MAX_IDS`]).
    fn ids(&self, filter: JobFilter, limit: usize) -> impl Future<Output = Result<Vec<JobId>>> + Send;

    /// Counts by integration, of those that have jobs.
    fn counts(&self) -> impl Future<Output = Result<Vec<(IntegrationId, Counts)>>> + Send;

    /// Where schedules are, at most [`super::MAX_BATCH`], in the order of the call.
    fn cursors(&self, schedules: Vec<ScheduleRef>) -> impl Future<Output = Result<Vec<Option<Cursor>>>> + Send;

    /// Records of ticks that are not in the ledger yet, about `limit` of them, in any order.
    fn outbox(&self, limit: usize) -> impl Future<Output = Result<Vec<TickRecord>>> + Send;

    /// Look through everything stored for contradictions: a job in no state or in two, an index and a job that disagree,
    /// a place that nobody holds. Reads all of it; what changes meanwhile is looked at twice before it is reported.
    fn check(&self) -> impl Future<Output = Result<Vec<Violation>>> + Send;

    /// One bucket of a rate limit, as a rule sees it.
    fn bucket(
        &self,
        integration: IntegrationId,
        name: String,
        rule: Rule,
    ) -> impl Future<Output = Result<BucketView>> + Send;

    /// The buckets of one rule, by its name, that are not empty, are shut, have a line, or refused somebody today; in no
    /// order, and only some of them if there are more than `most`.
    fn buckets(
        &self,
        integration: IntegrationId,
        rule_name: String,
        rule: Rule,
        most: usize,
    ) -> impl Future<Output = Result<Vec<BucketView>>> + Send;

    /// Where a pending job stands, and the state of the buckets of these names; `None` if it is not pending.
    fn standing(&self, job: JobId, buckets: Vec<String>) -> impl Future<Output = Result<Option<Standing>>> + Send;

    /// What holds an integration's jobs back.
    fn control_of(&self, integration: IntegrationId) -> impl Future<Output = Result<Control>> + Send;
}

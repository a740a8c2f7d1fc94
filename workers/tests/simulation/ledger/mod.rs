//! The ledger: what the queue must hold after everything that it has answered, and what it must not have answered.
//!
//! It sees each call where the engine answers it, whether or not the answer reaches its caller. Where the engine has a
//! choice (whose turn it is), the ledger checks that the choice was allowed and follows it.

mod claim;
mod compare;
mod enqueue;
mod leases;
mod limits;
mod schedule;
mod settle;
mod take_out;

use std::collections::{BTreeMap, BTreeSet};

use schedules::{KeyId, Millis};
use store::queue::{Cause, Control, Idempotency, Job, Lease};
use store::{Error, IntegrationId, JobId};

use limits::Limits;
use schedule::Schedule;

/// What must never happen, and has.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which rule is broken.
    pub rule: &'static str,
    /// How.
    pub what: String,
}

/// What a check finds.
pub type Check<T = ()> = Result<T, Broken>;

/// Breaks a rule unless something holds.
macro_rules! ensure {
    ($holds:expr, $rule:literal, $($what:tt)+) => {
        if !$holds {
            return Err($crate::ledger::Broken { rule: $rule, what: format!($($what)+) });
        }
    };
}
use ensure;

/// Where a job is that the queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Running {
        token: u64,
        until: Millis,
        /// Whether the claim counted as an attempt.
        counted: bool,
    },
    Dead {
        died: Millis,
    },
}

/// A job with all that an engine must know of it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub job: Job,
    pub state: State,
    pub attempt: u32,
    pub lost: u32,
    pub charged: bool,
    pub error: Option<Box<str>>,
    /// Whether its key names it while it is pending, if it is free.
    identifies: bool,
    /// Whether its key names it now.
    keyed: bool,
    arrival: u64,
    tokens: BTreeSet<u64>,
}

impl Entry {
    fn is_pending(&self) -> bool {
        self.state == State::Pending
    }

    fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    fn is_tick(&self) -> bool {
        matches!(self.job.cause, Cause::Schedule | Cause::Catchup)
    }

    fn is_held_by(&self, lease: Lease) -> bool {
        matches!(self.state, State::Running { token, .. } if token == lease.token)
    }

    fn key(&self) -> Option<KeyId> {
        self.job.key.as_ref().map(schedules::Key::identity)
    }
}

/// The first answer to a call with an idempotency key.
#[derive(Clone, Debug)]
struct Answered {
    asked: Idempotency,
    job: JobId,
    due: Millis,
    replaced: bool,
}

/// The ledger.
pub struct Ledger {
    /// What the queue holds.
    jobs: BTreeMap<JobId, Entry>,
    /// What has left it, and why.
    gone: BTreeMap<JobId, &'static str>,
    /// How often something happened, by its name.
    pub counts: BTreeMap<&'static str, u64>,
    controls: BTreeMap<IntegrationId, Control>,
    schedules: BTreeMap<IntegrationId, Schedule>,
    answered: BTreeMap<(IntegrationId, String), Answered>,
    limits: Limits,
    recorded: BTreeSet<JobId>,
    acknowledged: BTreeSet<JobId>,
    names: BTreeMap<JobId, usize>,
    arrivals: u64,
    max_jobs: u64,
}

impl Ledger {
    /// Of an empty queue that holds at most so many jobs.
    pub fn new(max_jobs: u64) -> Self {
        Self {
            jobs: BTreeMap::new(),
            gone: BTreeMap::new(),
            counts: BTreeMap::new(),
            controls: BTreeMap::new(),
            schedules: BTreeMap::new(),
            answered: BTreeMap::new(),
            limits: Limits::default(),
            recorded: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            names: BTreeMap::new(),
            arrivals: 0,
            max_jobs,
        }
    }

    /// A short name of a job, for the trace.
    pub fn name(&mut self, job: JobId) -> String {
        let next = self.names.len() + 1;
        format!("j{}", self.names.entry(job).or_insert(next))
    }

    /// Something has happened again.
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// The outcome of an attempt is in the history.
    pub fn recorded(&mut self, job: JobId) {
        self.recorded.insert(job);
    }

    /// A caller was told that its job is queued.
    pub fn acknowledged(&mut self, job: JobId) {
        self.acknowledged.insert(job);
    }

    /// Whether a lease is the one that counts.
    pub fn holds(&self, lease: Lease) -> bool {
        self.jobs.get(&lease.job).is_some_and(|entry| entry.is_held_by(lease))
    }

    /// The program that had the queue open has ended: so have its leases.
    pub fn restarted(&mut self) {
        for entry in self.jobs.values_mut() {
            if let State::Running { until, .. } = &mut entry.state {
                *until = Millis(0);
            }
        }
    }

    /// Every job there ever was.
    pub fn everything(&self) -> Vec<JobId> {
        self.names.keys().copied().collect()
    }

    /// How many jobs the queue holds.
    fn held(&self) -> u64 {
        self.jobs.len() as u64
    }

    fn control_of(&self, integration: IntegrationId) -> Control {
        self.controls.get(&integration).cloned().unwrap_or_default()
    }

    fn entry(&mut self, job: JobId) -> Check<&mut Entry> {
        let name = self.name(job);
        let gone = self.gone.get(&job).copied().unwrap_or("never queued");
        self.jobs.get_mut(&job).ok_or(Broken { rule: "job_is_gone", what: format!("{name} is {gone}") })
    }

    /// The pending job that a key names.
    fn keyed(&self, integration: IntegrationId, key: KeyId) -> Option<&Entry> {
        self.jobs.values().find(|entry| {
            entry.is_pending() && entry.keyed && entry.job.integration == integration && entry.key() == Some(key)
        })
    }

    /// Makes a job pending again; it takes its key back if that is free.
    fn put_back(&mut self, job: JobId, due: Millis, closes: Option<Millis>) -> Check {
        let entry = self.entry(job)?;
        let (integration, key) = (entry.job.integration, entry.key().filter(|_| entry.identifies));
        let keyed = key.is_some_and(|key| self.keyed(integration, key).is_none());
        let entry = self.entry(job)?;
        entry.state = State::Pending;
        (entry.job.due, entry.job.closes) = (due, closes);
        entry.keyed = keyed;
        Ok(())
    }
}

/// What an engine answered; its own errors are not for it to give, but for a full queue.
fn answered<T>(answer: &Result<T, Error>) -> Check<Option<&T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::Full { .. }) => Ok(None),
        Err(error) => Err(Broken { rule: "engine_error", what: error.to_string() }),
    }
}

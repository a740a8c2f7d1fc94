//! Everything observable: one enum, from which metrics, logs and the live view derive.

use std::sync::Arc;

use store::catalog::Outcome;
use store::queue::Cause;

/// What was done to a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretChange {
    /// It has a value, or a new one.
    Set,
    /// It is gone.
    Removed,
}

impl SecretChange {
    /// As metrics and logs have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Removed => "removed",
        }
    }
}

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Jobs were queued.
    JobQueued {
        /// The integration's name.
        integration: Arc<str>,
        /// Why.
        cause: Cause,
        /// How many.
        n: u64,
    },
    /// An attempt starts.
    RunStarted {
        /// The integration's name.
        integration: Arc<str>,
        /// Why it runs.
        cause: Cause,
        /// Milliseconds after the due time.
        late_ms: u64,
    },
    /// An attempt ended, or a job ended without one; the outcome is recorded.
    RunFinished {
        /// The integration's name.
        integration: Arc<str>,
        /// Why it ran.
        cause: Cause,
        /// How it ended.
        outcome: Outcome,
        /// `false` for jobs that never ran.
        started: bool,
        /// How long it ran, in milliseconds.
        run_ms: u64,
    },
    /// A job was not queued: its lane has as many pending jobs as it may have.
    BacklogFull {
        /// The integration's name.
        integration: Arc<str>,
    },
    /// A rate limit did not apply to a job that started: the job's key lacks a field that it counts by.
    LimitSkipped {
        /// The integration's name.
        integration: Arc<str>,
    },
    /// A rate limit refused a job.
    LimitRefused {
        /// The integration's name.
        integration: Arc<str>,
        /// The rule's place in the settings.
        rule: usize,
    },
    /// Another server asked for a pause, and a rate limit's bucket was shut for it.
    LimitHeld {
        /// The integration's name.
        integration: Arc<str>,
    },
    /// A caller of a hook was refused.
    HookRefused {
        /// The integration's name.
        integration: Arc<str>,
        /// Why.
        reason: &'static str,
    },
    /// A failed attempt will be repeated.
    JobRetried {
        /// The integration's name.
        integration: Arc<str>,
    },
    /// The last attempt failed.
    JobDied {
        /// The integration's name.
        integration: Arc<str>,
    },
    /// A tick was not queued: an earlier one was still there, or it was missed and not made up for.
    TickSkipped {
        /// The integration's name.
        integration: Arc<str>,
    },
    /// A lease ran out or was taken away.
    LeaseLost {
        /// The integration's name.
        integration: Arc<str>,
    },
    /// A script's request ended.
    HttpRequest {
        /// The integration's name.
        integration: Arc<str>,
        /// The method.
        method: String,
        /// The answer's status.
        status: Option<u16>,
        /// Why there is no answer.
        code: Option<&'static str>,
        /// How long it took, in milliseconds.
        total_ms: u64,
    },
    /// A runner process started.
    RunnerStarted,
    /// A runner process was ended, or ended by itself.
    RunnerKilled {
        /// Why: `timeout`, `cancelled`, `crashed`, `memory`, `worn`, `idle`.
        reason: &'static str,
    },
    /// A secret was set or removed.
    SecretChanged {
        /// The integration's name; `None` when it is the whole workspace's.
        integration: Option<Arc<str>>,
        /// What was done.
        change: SecretChange,
    },
    /// Events came in, and were judged.
    EventsReceived {
        /// How: `http`, `cloudevents`, `stream`.
        via: &'static str,
        /// Of how many integrations made jobs.
        matched: u64,
        /// How many were for no integration.
        unmatched: u64,
        /// How many came before.
        duplicate: u64,
        /// How many were refused.
        rejected: u64,
    },
    /// A duty ran.
    DutyDone {
        /// Its name.
        duty: &'static str,
        /// How long it took, in milliseconds.
        ms: u64,
        /// Whether it failed.
        error: bool,
    },
}

/// Is told of every event, in the thread where it happens: must be quick.
pub trait Observer: Send + Sync {
    /// Takes notice.
    fn observe(&self, event: &Event);
}

/// Where events go.
#[derive(Clone, Default)]
pub struct Events(Arc<[Arc<dyn Observer>]>);

impl Events {
    /// Events go to these observers.
    pub fn new(observers: Vec<Arc<dyn Observer>>) -> Self {
        Self(observers.into())
    }

    /// Tells every observer.
    pub fn emit(&self, event: Event) {
        for observer in self.0.iter() {
            observer.observe(&event);
        }
    }
}

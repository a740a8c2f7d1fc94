//! What would happen: the engine's own decisions on a clock of their own, without a queue, a server or a run.
//!
//! The recurrences, the catch-up and overlap rules, openings, lanes and rate limits are the functions that the engine
//! itself decides with, and so are those about attempts. What stands in for it here is the queue (`queue/`), as small as it
//! can be; a test (`agreement.rs`) compares it with the real one.

#[cfg(test)]
mod agreement;
mod calls;
mod changes;
mod compare;
mod course;
mod queue;
mod timeline;

use std::collections::BTreeMap;
use std::sync::Arc;

use schedules::Millis;
use schedules::rate::{Algorithm, Limit, MAX_LIMIT, OnExceed, Rule};
use store::IntegrationId;
use store::catalog::Trigger;
use store::queue::{Adjustment, Cause};

use crate::limits::Limiters;
use crate::settings::{RateLimit, Settings};
pub use calls::{Call, Verb};
pub use changes::{Change, changes};
pub use compare::{Difference, compare};
pub use course::{Course, Ends};
pub use timeline::simulate;

/// The most things that happen in one simulation.
pub const MAX_ROWS: usize = 20_000_000;

/// An integration as it would be released.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its id, which places the jitter of its schedule; without one its name does.
    pub id: Option<IntegrationId>,
    /// What makes it run.
    pub trigger: Trigger,
    /// Its settings.
    pub settings: Settings,
}

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The integrations.
    pub subjects: Vec<Subject>,
    /// Calls from outside, in the order of their times.
    pub calls: Vec<Call>,
    /// The first instant; schedules begin to count here.
    pub from: Millis,
    /// Nothing at or after this instant happens.
    pub to: Millis,
    /// How long each run takes of which no call says it, in milliseconds.
    pub run_ms: u64,
    /// The limiters that rules may name. A rule whose limiter is not among them never holds.
    pub limiters: Limiters,
    /// How many runs there may be at once, of all integrations together; `None`: as many as there are.
    pub room: Option<usize>,
}

impl Plan {
    /// The rate limits of a subject, in the order of its settings.
    pub fn limits(&self, subject: &Subject) -> Vec<Limit> {
        let named = |limit: &RateLimit| limit.limiter.as_deref().is_some_and(|name| self.limiters.get(name).is_none());
        let limits = self.limiters.resolve(&subject.settings.rate_limits).into_iter();
        let of = limits.zip(&subject.settings.rate_limits);
        of.map(|(limit, written)| if named(written) { endless(limit) } else { limit }).collect()
    }

    /// The limiters that rules name and nobody knows, with the subjects that name them.
    pub fn unknown_limiters(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut unknown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for subject in &self.subjects {
            let named = subject.settings.rate_limits.iter().filter_map(|limit| limit.limiter.as_deref());
            for name in named.filter(|name| self.limiters.get(name).is_none()) {
                unknown.entry(name).or_default().push(&subject.name);
            }
        }
        unknown
    }
}

/// A limit that holds nobody.
fn endless(limit: Limit) -> Limit {
    let rule = Rule { limit: MAX_LIMIT, interval_ms: 1, burst: None, algorithm: Algorithm::LeakyBucket };
    Limit { rule, on_exceed: OnExceed::Delay, limiter: None, ..limit }
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// When.
    pub at: Millis,
    /// To which integration: its place in [`Plan::subjects`].
    pub subject: usize,
    /// Which job: the nominal time of a tick, or the canonical key of a call, or the number of the call.
    pub job: Name,
    /// What.
    pub what: What,
}

/// What a job is called here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A tick, by its nominal time.
    Tick(Millis),
    /// A call's job, by its key.
    Key(Arc<str>),
    /// A call's job without a key, by the number of the call, from 1.
    Call(u64),
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A tick is queued, due at this time (later than its nominal time by the schedule's jitter).
    Fired {
        /// When it may start.
        due: Millis,
        /// Why: on time, or made up for.
        cause: Cause,
    },
    /// A tick is passed over because an earlier one is still there.
    Skipped,
    /// A call's job is queued.
    Queued {
        /// When it may start: a window may have moved it.
        due: Millis,
        /// Whether it took the place of a pending job with its key.
        replaced: bool,
    },
    /// A call found its key taken, and left the pending job as it is.
    Kept,
    /// A call was refused, for this reason.
    Refused(&'static str),
    /// A pending job has another due time.
    Rescheduled {
        /// When it may start.
        due: Millis,
    },
    /// A pending or running job was taken away.
    Cancelled,
    /// Its window closed before it could start: it waits for the next opening.
    Moved {
        /// When it may start.
        due: Millis,
    },
    /// Its window is closed and says to drop it.
    Dropped,
    /// It waits for room in a rate limit.
    Limited {
        /// The limit's place in [`Plan::limits`].
        limit: usize,
        /// When there will be room, if nobody comes before it.
        until: Millis,
    },
    /// It waits at a rate limit that is shut, as another server asked for a pause.
    Held {
        /// The limit's place in [`Plan::limits`].
        limit: usize,
        /// Until when.
        until: Millis,
    },
    /// It waits at a rate limit whose key is paused.
    LimitPaused {
        /// The limit's place in [`Plan::limits`].
        limit: usize,
    },
    /// A rate limit refuses it.
    RateLimited {
        /// The limit's place in [`Plan::limits`].
        limit: usize,
    },
    /// As many run as may run at once.
    Waits,
    /// It starts.
    Started {
        /// How long after its due time, in milliseconds.
        late_ms: i64,
        /// Which attempt it is, from 1.
        attempt: u32,
    },
    /// Its attempt failed: it is tried again.
    Retried {
        /// When the next attempt is due. The jitter of the pause is chance: this is the middle.
        due: Millis,
        /// Which attempt that is.
        attempt: u32,
    },
    /// Its last attempt failed: it is kept as dead.
    Dead {
        /// How many attempts it had.
        attempts: u32,
    },
    /// Its only attempt failed, and its caller knows: nothing is kept.
    Failed,
    /// The integration is paused, or resumed.
    Paused(bool),
    /// A key of a rate limit is paused, resumed or reset.
    Turned {
        /// The limit's place in [`Plan::limits`].
        limit: usize,
        /// What it counts the key under.
        key: Arc<str>,
        /// What is done.
        to: Adjustment,
    },
}

impl What {
    /// Its name in tables and JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fired { .. } => "fired",
            Self::Skipped => "skipped_overlap",
            Self::Queued { .. } => "queued",
            Self::Kept => "kept",
            Self::Refused(_) => "refused",
            Self::Rescheduled { .. } => "rescheduled",
            Self::Cancelled => "cancelled",
            Self::Moved { .. } => "moved",
            Self::Dropped => "dropped_window",
            Self::Limited { .. } => "limited",
            Self::RateLimited { .. } => "rate_limited",
            Self::Held { .. } => "held",
            Self::LimitPaused { .. } => "limit_paused",
            Self::Waits => "waits",
            Self::Started { .. } => "started",
            Self::Paused(true) => "paused",
            Self::Paused(false) => "resumed",
            Self::Retried { .. } => "retried",
            Self::Dead { .. } => "dead",
            Self::Failed => "failed",
            Self::Turned { to: Adjustment::Pause, .. } => "key_paused",
            Self::Turned { to: Adjustment::Resume, .. } => "key_resumed",
            Self::Turned { .. } => "key_reset",
        }
    }

    /// The time that it speaks of, if it does.
    pub fn until(&self) -> Option<Millis> {
        match self {
            Self::Fired { due, .. }
            | Self::Queued { due, .. }
            | Self::Rescheduled { due }
            | Self::Moved { due }
            | Self::Retried { due, .. } => Some(*due),
            Self::Limited { until, .. } | Self::Held { until, .. } => Some(*until),
            _ => None,
        }
    }
}

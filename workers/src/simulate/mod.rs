//! What would happen: the engine's own decisions on a clock of their own, without a queue, a server or a run.
//!
//! The recurrences, the catch-up and overlap rules, openings, lanes and rate limits are the functions that the engine
//! itself decides with. What stands in for it here is the queue (`queue.rs`), as small as it can be; a test
//! (`agreement.rs`) compares it with the real one.

#[cfg(test)]
mod agreement;
mod calls;
mod changes;
mod compare;
mod queue;
mod timeline;

use std::sync::Arc;

use schedules::Millis;
use schedules::rate::Limit;
use store::IntegrationId;
use store::catalog::Trigger;
use store::queue::Cause;

use crate::settings::Settings;
pub use calls::{Call, Verb};
pub use changes::{Change, changes};
pub use compare::{Difference, compare};
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

impl Subject {
    /// The rate limits that are simulated: a limiter's numbers are the server's, so a rule that names one is not.
    pub fn limits(&self) -> Vec<Limit> {
        let own = self.settings.rate_limits.iter().filter(|limit| limit.limiter.is_none());
        own.map(|limit| limit.limit.clone()).collect()
    }
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
    /// How long each run takes, in milliseconds.
    pub run_ms: u64,
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
        /// The limit's place in [`Subject::limits`].
        limit: usize,
        /// When there will be room, if nobody comes before it.
        until: Millis,
    },
    /// A rate limit refuses it.
    RateLimited {
        /// The limit's place in [`Subject::limits`].
        limit: usize,
    },
    /// As many run as may run at once.
    Waits,
    /// It starts.
    Started {
        /// How long after its due time, in milliseconds.
        late_ms: i64,
    },
    /// The integration is paused, or resumed.
    Paused(bool),
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
            Self::Waits => "waits",
            Self::Started { .. } => "started",
            Self::Paused(true) => "paused",
            Self::Paused(false) => "resumed",
        }
    }

    /// The time that it speaks of, if it does.
    pub fn until(&self) -> Option<Millis> {
        match self {
            Self::Fired { due, .. } | Self::Queued { due, .. } | Self::Rescheduled { due } | Self::Moved { due } => {
                Some(*due)
            }
            Self::Limited { until, .. } => Some(*until),
            _ => None,
        }
    }
}

//! A job: one request to run an integration.

use std::fmt;
use std::str::FromStr;

use schedules::{Key, Millis, WindowSpec};

use super::ScheduleRef;
use crate::{IntegrationId, JobId, ScheduleId};

/// Why a job exists; every run says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// An `execute` call.
    Execute,
    /// A `schedule()` call, by a key or without one.
    Manual,
    /// A tick of a recurring integration.
    Schedule,
    /// A tick that was missed and is made up for.
    Catchup,
    /// A tick of the past, asked for by an operator.
    Backfill,
    /// A dead job, or an event, run again by an operator.
    Replay,
    /// An event that an integration subscribes to.
    Event,
    /// A request to an HTTP trigger.
    Http,
    /// A later attempt at a job (only runs have this cause).
    Retry,
    /// A run of a draft (only runs have this cause).
    Preview,
}

impl Cause {
    /// Every cause with its name on the wire.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Execute, "execute"),
        (Self::Manual, "manual"),
        (Self::Schedule, "schedule"),
        (Self::Catchup, "catchup"),
        (Self::Backfill, "backfill"),
        (Self::Replay, "replay"),
        (Self::Event, "event"),
        (Self::Http, "http"),
        (Self::Retry, "retry"),
        (Self::Preview, "preview"),
    ];
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(cause, _)| cause == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for Cause {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(cause, _)| *cause).ok_or(())
    }
}

/// The place of a tick in its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The schedule.
    pub schedule: ScheduleId,
    /// The time that names the tick.
    pub nominal: Millis,
    /// The nominal time before it, if the schedule fired before.
    pub previous: Option<Millis>,
    /// The nominal time after it, if the schedule goes on.
    pub upcoming: Option<Millis>,
}

/// What happens when a pending job has the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfExists {
    /// The new job takes the place of the old one.
    #[default]
    Replace,
    /// The old job stays; the new one is not made.
    Keep,
    /// The call is refused.
    Reject,
    /// The new job waits beside the old one: its key says what it is about (rate limits), not which job it is. No
    /// cancel, reschedule or replacement by key finds it, not even when it is retried.
    Beside,
    /// If the old job is debounced as well ([`Job::debounce`]) and was never started, it takes everything of the new
    /// one but its id and its latest due time, and is due at the earlier of the new job's due time and that latest one.
    /// Any other old job is replaced.
    Debounce,
    /// The old job stays; so does one that is running, whose key names it: of all jobs with the key there is one.
    Singleton,
}

/// What a job that later calls push back knows of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debounce {
    /// No call pushes it beyond this time.
    pub latest: Millis,
    /// How many calls have pushed it.
    pub pushes: u32,
}

/// Makes a repeated call return the first answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key, unique within the integration.
    pub key: String,
    /// SHA-256 of what was asked, so that another request under the same key is seen.
    pub fingerprint: [u8; 32],
    /// Forgotten after this time.
    pub until: Millis,
}

/// What a job is, from the call that made it until its outcome is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it runs.
    pub integration: IntegrationId,
    /// Why it exists.
    pub cause: Cause,
    /// The major release it is pinned to; `None` is the highest.
    pub release: Option<u32>,
    /// The payload, as JSON text.
    pub payload: Box<str>,
    /// The caller's key.
    pub key: Option<Key>,
    /// May not start before this time.
    pub due: Millis,
    /// The end of the opening of its window that `due` lies in: from then on it is handed out as
    /// [`super::Grant::Closed`], uncharged, to be given another due time. `None`: it may start at any later time.
    pub closes: Option<Millis>,
    /// The days and hours in which it may start.
    pub window: Option<WindowSpec>,
    /// Spreads an opening of the window over this many milliseconds.
    pub jitter_ms: u32,
    /// 0 (last) to 9 (first) among the due jobs of its lane.
    pub priority: u8,
    /// How many units of each rate limit it takes; at least 1.
    pub weight: u32,
    /// What it shares a lane with: the canonical JSON of the key fields that its integration takes turns by. Lanes of
    /// one integration take turns, and have their own concurrency and backlog. `None`: the lane of all other jobs.
    pub lane: Option<Box<str>>,
    /// Whether a caller waits for its end: engines tell [`super::Queue::wait_for_end`].
    pub awaited: bool,
    /// Its place in a schedule, for ticks.
    pub tick: Option<Tick>,
    /// Set if later calls push it back while it waits ([`IfExists::Debounce`]).
    pub debounce: Option<Debounce>,
    /// How many attempts it has; `None` leaves it to the integration's retry settings.
    pub attempts: Option<u32>,
    /// Further arguments of the handler, as the JSON text of an object with `event`, `request` or both.
    pub context: Option<Box<str>>,
    /// When the call was accepted.
    pub created: Millis,
}

impl Job {
    /// Whether a schedule made it, so that the overlap rules of that schedule look at it.
    pub fn is_tick(&self) -> bool {
        match self.cause {
            Cause::Schedule | Cause::Catchup => true,
            Cause::Backfill => self.tick.is_some(),
            _ => false,
        }
    }

    /// The schedule that made it; that of the integration's settings if nothing says so.
    pub fn schedule(&self) -> ScheduleRef {
        let own = ScheduleRef::from(self.integration);
        self.tick.map_or(own, |tick| ScheduleRef { schedule: tick.schedule, ..own })
    }
}

/// A job to be queued, with what the call says about others like it.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// The job.
    pub job: Job,
    /// What to do with a pending job of the same key; without a key it has no meaning.
    pub if_exists: IfExists,
    /// Makes the call repeatable.
    pub idempotency: Option<Idempotency>,
}

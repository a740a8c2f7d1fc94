//! Moving house: everything that a queue holds, as records that another engine takes.

use std::future::Future;

use schedules::Millis;
use schedules::rate::{Hold, State};

use super::{Control, Cursor, Idempotency, Job, ScheduleRef, TickRecord};
use crate::{Error, IntegrationId, JobId, Result};

/// One thing that a queue holds and that must survive a move.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A job that is pending or dead.
    Job(Box<Stored>),
    /// What holds an integration back; never the default, which is that nothing does.
    Control {
        /// The integration.
        integration: IntegrationId,
        /// What holds it back.
        control: Control,
    },
    /// Where a schedule is.
    Cursor {
        /// The schedule.
        schedule: ScheduleRef,
        /// Where it is.
        cursor: Cursor,
    },
    /// What became of a tick, on its way into the ledger.
    Tick(TickRecord),
    /// The first answer to a call that may be repeated.
    Idempotency {
        /// The integration that was called.
        integration: IntegrationId,
        /// What was asked.
        asked: Idempotency,
        /// The job of the first call.
        first: JobId,
        /// The due time of the first answer.
        due: Millis,
        /// Whether the first call replaced a job.
        replaced: bool,
    },
    /// What is charged to one bucket of a rate limit.
    Bucket {
        /// The integration that is limited.
        integration: IntegrationId,
        /// The rule's name (`schedules::rate::names`), then the subject.
        name: String,
        /// The charges.
        state: State,
        /// From then on it is empty, and need not be kept.
        until: Millis,
    },
    /// What shuts one bucket of a rate limit.
    Hold {
        /// The integration that is limited.
        integration: IntegrationId,
        /// The bucket's name.
        name: String,
        /// What shuts it.
        hold: Hold,
    },
}

impl Record {
    /// The integration that it belongs to.
    pub fn integration(&self) -> IntegrationId {
        match self {
            Self::Job(stored) => stored.job.integration,
            Self::Cursor { schedule, .. } => schedule.integration,
            Self::Tick(record) => record.schedule.integration,
            Self::Control { integration, .. }
            | Self::Idempotency { integration, .. }
            | Self::Bucket { integration, .. }
            | Self::Hold { integration, .. } => *integration,
        }
    }
}

/// A job that nobody runs, with what a queue knows of it beside.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The job.
    pub job: Job,
    /// Its number of arrival: of two jobs of one integration, the one that came later has the greater one.
    pub arrival: u64,
    /// Attempts made.
    pub attempts: u32,
    /// Leases lost.
    pub lost: u32,
    /// Whether its rate limits have been charged.
    pub charged: bool,
    /// Whether its key names it: it has one, and was not put in [`super::IfExists::Beside`] others.
    pub keyed: bool,
    /// Whether another pending job has the key that names it.
    pub detached: bool,
    /// When it died; `None` for pending jobs.
    pub died: Option<Millis>,
    /// The last attempt's error, as JSON text; never empty.
    pub error: Option<Box<str>>,
}

/// A place between two records of an export, as text that can be kept in a file. Only the queue that gave it knows what
/// it means, also after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(pub String);

/// How much a queue holds, and whether it stands still.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Pending jobs.
    pub pending: u64,
    /// Jobs whose lease has ended and that nobody has taken over: they move as pending ones.
    pub overdue: u64,
    /// Running jobs: they do not move.
    pub running: u64,
    /// When the last lease of a running job ends.
    pub leases_end: Option<Millis>,
    /// Dead jobs.
    pub dead: u64,
    /// Integrations that something holds back.
    pub controls: u64,
    /// Schedules' cursors.
    pub cursors: u64,
    /// Records of ticks that are not in the ledger yet.
    pub ticks: u64,
    /// First answers to calls that may be repeated.
    pub idempotency: u64,
    /// Buckets of rate limits that something shuts.
    pub holds: u64,
    /// Buckets of rate limits; some end while one looks.
    pub buckets: u64,
    /// Changes whenever a job arrives or is claimed.
    pub pulse: String,
}

impl Survey {
    /// How many records an export has, give or take the buckets that end meanwhile.
    pub fn records(&self) -> u64 {
        self.jobs() + self.controls + self.cursors + self.ticks + self.idempotency + self.holds + self.buckets
    }

    /// Jobs in all states.
    pub fn jobs(&self) -> u64 {
        self.pending + self.overdue + self.running + self.dead
    }

    /// Whether it holds nothing that could be moved.
    pub fn is_empty(&self) -> bool {
        self.records() == 0
    }

    /// Whether the queue has not been used since `earlier`, as far as can be told; buckets end by themselves.
    pub fn stands_still_since(&self, earlier: &Self) -> bool {
        Self { buckets: earlier.buckets, ..self.clone() } == *earlier
    }
}

/// What an engine does so that what it holds can move to another one.
pub trait Transfer: Send + Sync + 'static {
    /// Count what there is.
    fn survey(&self) -> impl Future<Output = Result<Survey>> + Send;

    /// The records after a mark, `None` for the first: about `limit` of them, fewer if they are large, perhaps none; and
    /// the mark after them, `None` after the last. Controls come first, then cursors, records of ticks, idempotency, holds,
    /// buckets, jobs; the
    /// order is the same each time, but for buckets, some of which may even come twice.
    ///
    /// Nothing is changed. A job whose lease has ended is told as pending with one more lost lease, and has its key if
    /// no pending job and no later one has. Jobs in line at a full bucket are told as waiting in their lanes.
    ///
    /// Errors: `Busy` while a lease lasts.
    fn export(
        &self,
        after: Option<Mark>,
        limit: usize,
    ) -> impl Future<Output = Result<(Vec<Record>, Option<Mark>)>> + Send;

    /// Put records in as they are, at most [`super::MAX_BATCH`]; new jobs arrive after all of them. What is there already
    /// is left alone, so that a call may be repeated; returns how many were not there. No limit on jobs is asked.
    fn import(&self, records: Vec<Record>) -> impl Future<Output = Result<u64>> + Send;

    /// By how many counters arrivals are numbered: an integration's is its id modulo this. Numbers of one counter are
    /// unique.
    fn counters(&self) -> u64;

    /// Whether no two of its jobs may have one number of arrival.
    fn needs_unique_arrivals(&self) -> bool;
}

/// The kinds of records, in the order of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Control,
    Cursor,
    Tick,
    Idempotency,
    Hold,
    Bucket,
    Job,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] =
        [Self::Control, Self::Cursor, Self::Tick, Self::Idempotency, Self::Hold, Self::Bucket, Self::Job];

    fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Cursor => "cursor",
            Self::Tick => "tick",
            Self::Idempotency => "idempotency",
            Self::Hold => "hold",
            Self::Bucket => "bucket",
            Self::Job => "job",
        }
    }

    /// The kind after this one.
    pub(crate) fn next(self) -> Option<Self> {
        let place = Self::ALL.iter().position(|kind| *kind == self)?;
        Self::ALL.get(place + 1).copied()
    }
}

impl Mark {
    /// A place among the records of one kind; an empty one is before the first.
    pub(crate) fn at(kind: Kind, place: &str) -> Self {
        Self(format!("{} {place}", kind.name()))
    }

    /// What [`Self::at`] was made of; `None` is the beginning.
    pub(crate) fn read(mark: Option<&Self>) -> Result<(Kind, &str)> {
        let Some(Self(text)) = mark else { return Ok((Kind::Control, "")) };
        let parts = text.split_once(' ');
        let found = parts.and_then(|(name, place)| {
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name)?;
            Some((kind, place))
        });
        found.ok_or_else(|| Self::unreadable(text))
    }

    /// A mark that this queue did not give.
    pub(crate) fn unreadable(text: &str) -> Error {
        Error::Corrupt(format!("{text:?} is no place in this queue: another version of the program wrote it down"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_text_and_are_read_back() {
        for kind in Kind::ALL {
            for place in ["", "7", "a b/{\"c\":1}"] {
                let mark = Mark::at(kind, place);
                assert_eq!(Mark::read(Some(&mark)).ok(), Some((kind, place)));
            }
        }
        assert_eq!(Mark::read(None).ok(), Some((Kind::Control, "")));
        for wrong in ["", "job", "jobs 7"] {
            assert!(Mark::read(Some(&Mark(wrong.into()))).is_err(), "{wrong}");
        }
    }

    #[test]
    fn kinds_follow_each_other() {
        let mut kinds = vec![Kind::Control];
        while let Some(next) = kinds.last().and_then(|kind| kind.next()) {
            kinds.push(next);
        }
        assert_eq!(kinds, Kind::ALL);
    }
}

//! Schedules as a queue knows them: where each is, what is fired, and what became of every tick.

use schedules::Millis;
use serde::{Deserialize, Serialize};

use super::{Cause, Job, NewJob};
use crate::{Error, IntegrationId, JobId, Result, ScheduleId};

/// A schedule of an integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScheduleRef {
    /// The integration.
    pub integration: IntegrationId,
    /// The schedule.
    pub schedule: ScheduleId,
}

impl ScheduleRef {
    /// Whether it is the schedule of the integration's settings.
    pub fn is_own(&self) -> bool {
        self.schedule.to_bytes() == self.integration.to_bytes()
    }
}

impl From<IntegrationId> for ScheduleRef {
    /// The schedule of an integration's settings.
    fn from(integration: IntegrationId) -> Self {
        Self { integration, schedule: ScheduleId::from_bytes(integration.to_bytes()) }
    }
}

/// Where a schedule is. The next tick is a function of what was written and of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The nominal time up to which every tick has its record.
    pub nominal: Millis,
    /// How many ticks were fired so far.
    pub fired: u64,
    /// Which revision of the schedule it counts by; 0 is one from before there were any.
    pub revision: u32,
    /// Ticks up to here were seen in time and wait for an earlier one to end ([`IfBusy::Wait`]).
    pub seen: Option<Millis>,
}

impl Cursor {
    /// At a nominal time, with nothing fired so far.
    pub fn at(nominal: Millis) -> Self {
        Self { nominal, fired: 0, revision: 0, seen: None }
    }

    /// As the engines keep it, and compare it.
    pub(crate) fn to_text(self) -> String {
        let Self { nominal, fired, revision, seen } = self;
        if self == Self::at(nominal) {
            return nominal.0.to_string();
        }
        let seen = seen.map_or(String::new(), |seen| format!(" {}", seen.0));
        format!("{} {fired} {revision}{seen}", nominal.0)
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let unreadable = || Error::Corrupt(format!("{text:?} is no place of a schedule"));
        let mut numbers = text.split(' ').map(|part| part.parse::<i64>().map_err(|_| unreadable()));
        let mut next = || numbers.next().transpose();
        let nominal = Millis(next()?.ok_or_else(unreadable)?);
        let fired = u64::try_from(next()?.unwrap_or(0)).map_err(|_| unreadable())?;
        let revision = u32::try_from(next()?.unwrap_or(0)).map_err(|_| unreadable())?;
        Ok(Self { nominal, fired, revision, seen: next()?.map(Millis) })
    }
}

/// The ticks of one schedule that are due, and how far they bring its cursor.
#[derive(Clone, Debug)]
pub struct Firing {
    /// The schedule.
    pub schedule: ScheduleRef,
    /// The cursor the ticks were computed from; another scheduler may have moved it since.
    pub from: Option<Cursor>,
    /// The nominal time of the cursor afterwards: that of the last tick.
    pub to: Millis,
    /// The revision of the schedule that the ticks are of.
    pub revision: u32,
    /// The ticks to queue, oldest first; may be none, to move the cursor alone.
    pub ticks: Vec<NewJob>,
    /// What happens if an earlier tick of this schedule is still there; with no ticks to queue, nothing does.
    pub if_busy: IfBusy,
    /// The last tick that was seen in time and waits; see [`Cursor::seen`].
    pub seen: Option<Millis>,
    /// What to put into the outbox if the ticks are queued.
    pub records: Vec<TickRecord>,
    /// What to put into the outbox if they are skipped.
    pub records_if_skipped: Vec<TickRecord>,
}

impl Firing {
    /// A firing that moves the cursor and nothing else.
    pub fn new(schedule: impl Into<ScheduleRef>, from: Option<Cursor>, to: Millis) -> Self {
        Self {
            schedule: schedule.into(),
            from,
            to,
            revision: from.map_or(0, |from| from.revision),
            ticks: Vec::new(),
            if_busy: IfBusy::Queue,
            seen: None,
            records: Vec::new(),
            records_if_skipped: Vec::new(),
        }
    }

    /// Where the cursor is afterwards, if the ticks are queued.
    pub fn cursor_if_queued(&self) -> Cursor {
        let fired = self.from.map_or(0, |from| from.fired).saturating_add(self.ticks.len() as u64);
        Cursor { nominal: self.to, fired, revision: self.revision, seen: self.seen }
    }

    /// Where the cursor is afterwards, if nothing is queued because an earlier tick is still there.
    pub fn cursor_if_skipped(&self) -> Cursor {
        match (self.if_busy, self.from) {
            (IfBusy::Wait, Some(from)) if !self.ticks.is_empty() => Cursor { seen: self.seen, ..from },
            (_, from) => {
                let fired = from.map_or(0, |from| from.fired);
                Cursor { nominal: self.to, fired, revision: self.revision, seen: None }
            }
        }
    }
}

/// What a [`Firing`] does about earlier ticks of the schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfBusy {
    /// It queues its ticks beside them.
    #[default]
    Queue,
    /// It queues nothing while one is pending or running.
    Skip,
    /// It takes the running ones out, whose leases are stale from then on, and queues its own.
    Revoke,
    /// While one is pending or running it only notes what was seen ([`Cursor::seen`]): the ticks are fired later.
    Wait,
}

/// The answer to a [`Firing`].
#[derive(Clone, Debug, PartialEq)]
pub enum Fired {
    /// The ticks are queued and the cursor is moved.
    Queued {
        /// The running ticks that were taken out.
        revoked: Vec<Job>,
    },
    /// An earlier tick is pending or running: nothing is queued. The cursor is moved, unless the ticks wait.
    Skipped,
    /// The cursor is not at `from` any more: nothing was changed.
    Lost {
        /// Where it is.
        cursor: Option<Cursor>,
    },
}

/// What became of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is a job.
    Fired,
    /// An earlier one was still there.
    Overlap,
    /// The schedule or the integration was paused.
    Paused,
    /// It was missed, and a later one is made up for in its place (`catchup: last`).
    Superseded,
    /// It was missed, and none is made up for (`catchup: none`).
    NoCatchup,
    /// It was missed, and is too old to be made up for.
    Window,
    /// It was missed, and there were too many to make up for all.
    Cap,
    /// It was due when the schedule was changed, and an edit fires nothing.
    Changed,
}

impl Verdict {
    /// Every verdict: what it is called, and why.
    pub const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::Fired, "fired", ""),
        (Self::Overlap, "skipped", "overlap"),
        (Self::Paused, "skipped", "paused"),
        (Self::Superseded, "missed", "superseded"),
        (Self::NoCatchup, "missed", "catchup_none"),
        (Self::Window, "missed", "window"),
        (Self::Cap, "missed", "cap"),
        (Self::Changed, "missed", "changed"),
    ];

    /// `fired`, `skipped` or `missed`, and why.
    pub fn words(self) -> (&'static str, &'static str) {
        Self::ALL.iter().find(|(each, ..)| *each == self).map_or(("", ""), |(_, word, why)| (word, why))
    }

    /// The verdict with these words.
    pub fn from_words(word: &str, why: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, because)| (*known, *because) == (word, why)).map(|(verdict, ..)| *verdict)
    }
}

/// What became of a tick, or of several in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickRecord {
    /// The schedule.
    pub schedule: ScheduleRef,
    /// The nominal time of the tick, or of the first of several.
    pub first: Millis,
    /// The nominal time of the last of them.
    pub last: Millis,
    /// How many there are; `None` if there are too many to count.
    pub count: Option<u64>,
    /// What became of them.
    pub verdict: Verdict,
    /// The job that the tick is; of one that an overlap skips, the job that it would have been.
    pub job: Option<JobId>,
    /// Why the job exists.
    pub cause: Option<Cause>,
    /// When the job is due: the nominal time and the jitter.
    pub effective: Option<Millis>,
    /// The revision of the schedule that the ticks are of.
    pub revision: u32,
    /// When this was decided.
    pub recorded: Millis,
}

/// A record's wire form; fields are positional, so new ones go last.
#[derive(Serialize, Deserialize)]
struct Wire<'a>(i64, i64, Option<u64>, &'a str, &'a str, Option<[u8; 16]>, Option<&'a str>, Option<i64>, u32, i64);

impl TickRecord {
    /// What names a record: its schedule, its first tick, and its job.
    pub fn name(&self) -> (ScheduleRef, Millis, Option<JobId>) {
        (self.schedule, self.first, self.job)
    }

    /// The name as bytes.
    pub(crate) fn name_bytes(&self) -> Vec<u8> {
        let ScheduleRef { integration, schedule } = self.schedule;
        let job = self.job.map_or([0; 16], JobId::to_bytes);
        [&integration.to_bytes()[..], &schedule.to_bytes(), &self.first.0.to_be_bytes(), &job].concat()
    }

    /// All but the name's schedule, as bytes.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let (word, why) = self.verdict.words();
        let cause = self.cause.map(|cause| cause.to_string());
        let (job, effective) = (self.job.map(JobId::to_bytes), self.effective.map(|at| at.0));
        let (first, last, recorded) = (self.first.0, self.last.0, self.recorded.0);
        let wire = Wire(first, last, self.count, word, why, job, cause.as_deref(), effective, self.revision, recorded);
        rmp_serde::to_vec(&wire).map_err(|error| Error::Corrupt(error.to_string()))
    }

    pub(crate) fn decode(name: &[u8], bytes: &[u8]) -> Result<Self> {
        let unreadable = |why: String| Error::Corrupt(format!("the record of a tick cannot be read: {why}"));
        let id = |at: usize| -> Result<[u8; 16]> {
            let part = name.get(at..at + 16).and_then(|part| part.try_into().ok());
            part.ok_or_else(|| unreadable("its name is short".into()))
        };
        let schedule =
            ScheduleRef { integration: IntegrationId::from_bytes(id(0)?), schedule: ScheduleId::from_bytes(id(16)?) };
        let Wire(first, last, count, word, why, job, cause, effective, revision, recorded) =
            rmp_serde::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
        let verdict = Verdict::from_words(word, why).ok_or_else(|| unreadable(format!("{word}/{why}")))?;
        let cause = cause.map(str::parse).transpose().map_err(|()| unreadable("its cause is unknown".into()))?;
        Ok(Self {
            schedule,
            first: Millis(first),
            last: Millis(last),
            count,
            verdict,
            job: job.map(JobId::from_bytes),
            cause,
            effective: effective.map(Millis),
            revision,
            recorded: Millis(recorded),
        })
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    #[test]
    fn cursors_are_text_and_are_read_back() {
        let at = Cursor::at(Millis(7));
        assert_eq!(at.to_text(), "7", "as it was before there was more to say");
        for cursor in [
            at,
            Cursor { fired: 3, ..at },
            Cursor { revision: 2, seen: Some(Millis(9)), ..at },
            Cursor { nominal: Millis(-5), seen: Some(Millis(0)), ..at },
        ] {
            assert_eq!(Cursor::parse(&cursor.to_text()).ok(), Some(cursor));
        }
        for wrong in ["", "x", "1 -1", "1 1 x", "1 1 -1"] {
            assert!(Cursor::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn records_are_bytes_and_are_read_back() {
        let schedule = ScheduleRef::from(IntegrationId(Ulid::from_parts(1, 2)));
        for (verdict, ..) in Verdict::ALL {
            let record = TickRecord {
                schedule: ScheduleRef { schedule: ScheduleId(Ulid::from_parts(3, 4)), ..schedule },
                first: Millis(5),
                last: Millis(6),
                count: None,
                verdict,
                job: Some(JobId(Ulid::from_parts(7, 8))).filter(|_| verdict == Verdict::Fired),
                cause: Some(Cause::Catchup),
                effective: Some(Millis(9)),
                revision: 10,
                recorded: Millis(11),
            };
            let bytes = record.encode().expect("it can be written");
            assert_eq!(TickRecord::decode(&record.name_bytes(), &bytes).ok(), Some(record));
        }
        assert!(TickRecord::decode(&[0; 31], &[]).is_err());
    }

    #[test]
    fn a_tick_that_waits_leaves_the_cursor() {
        let from = Cursor { nominal: Millis(1), fired: 2, revision: 3, seen: None };
        let schedule = IntegrationId(Ulid::from_parts(1, 1));
        let firing =
            Firing { if_busy: IfBusy::Wait, seen: Some(Millis(9)), ..Firing::new(schedule, Some(from), Millis(5)) };
        assert_eq!(firing.cursor_if_skipped().nominal, Millis(5), "with nothing to queue it moves");
        assert_eq!(
            firing.cursor_if_queued(),
            Cursor { nominal: Millis(5), seen: Some(Millis(9)), revision: 3, fired: 2 }
        );
    }
}

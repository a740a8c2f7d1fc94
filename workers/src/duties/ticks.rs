//! Which ticks of a schedule are due, and what its overlap and catch-up rules make of them: the pure part of firing.

mod catchup;
mod tick;

use schedules::recurrence::Recurrence;
use schedules::{Key, Millis};
use store::JobId;
use store::queue::{Cause, Cursor, Firing, IfBusy, NewJob, ScheduleRef, TickRecord, Verdict};

use crate::settings::{Overlap, Schedule};

use catchup::{Plan, Stretch};
pub(crate) use tick::{RESERVED, Ticks};

/// A tick that is later than this was missed: nothing fired schedules when it was due.
pub const MISSED_MS: i64 = 60_000;

/// A schedule, with what of its history counts for the next tick.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a> {
    /// The schedule.
    pub id: ScheduleRef,
    /// What was written.
    pub schedule: &'a Schedule,
    /// The number of this revision, from 1.
    pub revision: u32,
    /// When the revision began: it fires nothing up to then.
    pub since: Millis,
    /// What was in force before, to name the ticks that nobody fired any more.
    pub before: Option<&'a Recurrence>,
    /// Ticks up to here fell into a pause.
    pub resumed: Option<Millis>,
    /// What its jobs are made of.
    pub made_of: MadeOf<'a>,
}

/// What the jobs of a schedule have beside the places of their ticks.
#[derive(Clone, Copy, Debug, Default)]
pub struct MadeOf<'a> {
    /// The schedule's name; `None` for that of an integration's settings.
    pub name: Option<&'a str>,
    /// Fields of the payload.
    pub payload: Option<&'a serde_json::Map<String, serde_json::Value>>,
    /// The key.
    pub key: Option<&'a Key>,
    /// The lane.
    pub lane: Option<&'a str>,
}

impl<'a> Of<'a> {
    /// The schedule of an integration's settings, with no history.
    pub fn settings(id: impl Into<ScheduleRef>, schedule: &'a Schedule) -> Self {
        let (id, made_of) = (id.into(), MadeOf::default());
        Self { id, schedule, revision: 0, since: Millis::EARLIEST, before: None, resumed: None, made_of }
    }

    /// The next nominal time after a cursor; `None` when the schedule is over.
    pub fn next(&self, cursor: Cursor) -> Option<Millis> {
        if self.is_over(cursor) { None } else { self.schedule.recurrence.next(cursor.nominal) }
    }

    /// Whether it has fired as often as it may.
    pub fn is_over(&self, cursor: Cursor) -> bool {
        self.schedule.max_runs.is_some_and(|most| cursor.fired >= most)
    }

    fn is_of_this_revision(&self, cursor: Cursor) -> bool {
        cursor.revision == self.revision || cursor.revision == 0
    }
}

/// What is due of a schedule.
#[derive(Clone, Debug)]
pub struct Due {
    /// What the queue is asked to do.
    pub firing: Firing,
    /// Ticks on time that a newer one overtakes, as two may not run at once; oldest first.
    pub passed_over: Vec<NewJob>,
    /// The newest of the ticks that were missed and are not made up for.
    pub missed: Option<Millis>,
}

impl Due {
    fn of(firing: Firing) -> Self {
        let missed = firing.records.iter().filter(|record| record.verdict.words().0 == "missed");
        let missed = missed.map(|record| record.last).max();
        Self { firing, passed_over: Vec::new(), missed }
    }
}

/// What is due of a schedule whose cursor is at `cursor`; `None` when nothing is. `new_id` names the ticks.
pub fn due(of: &Of<'_>, cursor: Option<Cursor>, now: Millis, new_id: impl FnMut() -> JobId) -> Option<Due> {
    let Some(cursor) = cursor else {
        // A new schedule starts when it was made; one that was never heard of, now.
        let since = if of.since == Millis::EARLIEST { now } else { of.since.min(now) };
        let firing = Firing { revision: of.revision, ..Firing::new(of.id, None, since) };
        return Some(Due::of(firing));
    };
    if cursor.revision > of.revision {
        // Somebody has heard of an edit before us.
        return None;
    }
    if !of.is_of_this_revision(cursor) {
        return Some(Due::of(begin(of, cursor, now)));
    }
    if of.is_over(cursor) {
        return None;
    }
    let recurrence = &of.schedule.recurrence;
    let paused = of.resumed.and_then(|until| Stretch::of(recurrence, cursor.nominal, until.min(now), Verdict::Paused));
    let from = paused.map_or(cursor.nominal, |paused| paused.last);
    let mut plan = catchup::plan(of.schedule, Cursor { nominal: from, ..cursor }, now);
    plan.passed_over.splice(0..0, paused);
    fire(of, cursor, plan, now, new_id)
}

/// Lets a revision begin: what the one before did not fire is written down, and not fired any more.
fn begin(of: &Of<'_>, cursor: Cursor, now: Millis) -> Firing {
    let to = cursor.nominal.max(of.since);
    let changed = |recurrence, after| Stretch::of(recurrence, after, to, Verdict::Changed);
    let old = of.before.and_then(|before| changed(before, cursor.nominal));
    let new = changed(&of.schedule.recurrence, of.since);
    let old = old.map(|old| old.record(of.id, cursor.revision, now));
    let records = old.into_iter().chain(new.map(|new| new.record(of.id, of.revision, now))).collect();
    Firing { revision: of.revision, records, ..Firing::new(of.id, Some(cursor), to) }
}

/// Turns a plan into what the queue is asked to do.
fn fire(of: &Of<'_>, cursor: Cursor, plan: Plan, now: Millis, mut new_id: impl FnMut() -> JobId) -> Option<Due> {
    let Plan { passed_over: stretches, mut ticks, seen } = plan;
    let overlap = of.schedule.overlap;
    if overlap == Overlap::Queue {
        ticks.truncate(1);
    }
    let make = Ticks { of: of.id, recurrence: &of.schedule.recurrence, made_of: of.made_of, now };
    let jobs: Vec<NewJob> = ticks.iter().map(|(nominal, cause)| make.tick(new_id(), *nominal, *cause)).collect();
    let (passed_over, mut jobs) = let_one_run(overlap, jobs);
    let left = of
        .schedule
        .max_runs
        .map_or(usize::MAX, |most| usize::try_from(most.saturating_sub(cursor.fired)).unwrap_or(usize::MAX));
    let is_last = jobs.len() >= left;
    jobs.truncate(left);
    let nominal = |job: &NewJob| job.job.tick.map(|tick| tick.nominal);
    let last = if is_last || overlap == Overlap::Queue { jobs.last().and_then(nominal) } else { None };
    let ends = stretches.iter().map(|stretch| stretch.last).chain(ticks.iter().map(|(nominal, _)| *nominal));
    let to = last.or_else(|| ends.max())?;
    let record = |job: &NewJob, verdict| record(of, job, verdict, now);
    let passed_over: Vec<NewJob> = passed_over.into_iter().filter(|job| nominal(job) <= Some(to)).collect();
    let told = stretches.into_iter().filter(|stretch| stretch.last <= to);
    let mut records: Vec<TickRecord> = told.map(|stretch| stretch.record(of.id, of.revision, now)).collect();
    records.extend(passed_over.iter().map(|job| record(job, Verdict::Overlap)));
    let firing = Firing {
        revision: of.revision,
        if_busy: match overlap {
            Overlap::Skip => IfBusy::Skip,
            Overlap::CancelRunning => IfBusy::Revoke,
            Overlap::Queue => IfBusy::Wait,
            Overlap::Allow => IfBusy::Queue,
        },
        seen: seen.filter(|_| overlap == Overlap::Queue),
        records_if_skipped: if overlap == Overlap::Queue {
            Vec::new()
        } else {
            records.iter().copied().chain(jobs.iter().map(|job| record(job, Verdict::Overlap))).collect()
        },
        records: records.into_iter().chain(jobs.iter().map(|job| record(job, Verdict::Fired))).collect(),
        ticks: jobs,
        ..Firing::new(of.id, Some(cursor), to)
    };
    Some(Due { passed_over, ..Due::of(firing) })
}

fn record(of: &Of<'_>, new: &NewJob, verdict: Verdict, now: Millis) -> TickRecord {
    let nominal = new.job.tick.map_or(new.job.due, |tick| tick.nominal);
    TickRecord {
        schedule: of.id,
        first: nominal,
        last: nominal,
        count: Some(1),
        verdict,
        job: Some(new.job.id),
        cause: Some(new.job.cause),
        effective: Some(new.job.due),
        revision: of.revision,
        recorded: now,
    }
}

/// Of several ticks on time, all but the newest are passed over if two may not run at once. Ticks that are made up for
/// were asked for one by one, and stay.
fn let_one_run(overlap: Overlap, ticks: Vec<NewJob>) -> (Vec<NewJob>, Vec<NewJob>) {
    if matches!(overlap, Overlap::Allow | Overlap::Queue) {
        return (Vec::new(), ticks);
    }
    let newest = ticks.last().map(|tick| tick.job.id);
    ticks.into_iter().partition(|tick| tick.job.cause == Cause::Schedule && Some(tick.job.id) != newest)
}

#[cfg(test)]
mod tests;

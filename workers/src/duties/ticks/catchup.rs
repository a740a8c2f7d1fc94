//! Which of the ticks between a cursor and now are fired, and what becomes of the others.

use schedules::Millis;
use schedules::recurrence::Recurrence;
use store::queue::{Cause, Cursor, ScheduleRef, TickRecord, Verdict};

use super::MISSED_MS;
use crate::settings::{Catchup, Overlap, Schedule};

/// Ticks beyond this number are not counted one by one.
const MOST_COUNTED: u64 = 100_000;
/// The most ticks on time at one look: one a second for as long as none is missed, and some more.
const MOST_ON_TIME: usize = 90;

/// Ticks in a row that are not fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// The first.
    pub first: Millis,
    /// The last.
    pub last: Millis,
    /// How many; `None` if there are too many to count.
    pub count: Option<u64>,
    /// Why.
    pub verdict: Verdict,
}

impl Stretch {
    /// The ticks in `(after, until]`, if there are any.
    pub(crate) fn of(recurrence: &Recurrence, after: Millis, until: Millis, verdict: Verdict) -> Option<Self> {
        let first = recurrence.next(after).filter(|first| *first <= until)?;
        let last = recurrence.previous(until, first)?;
        Some(Self { first, last, count: recurrence.count(first, last, MOST_COUNTED), verdict })
    }

    /// What the ledger says of them.
    pub(crate) fn record(self, schedule: ScheduleRef, revision: u32, now: Millis) -> TickRecord {
        let Self { first, last, count, verdict } = self;
        let (job, cause, effective, recorded) = (None, None, None, now);
        TickRecord { schedule, first, last, count, verdict, job, cause, effective, revision, recorded }
    }
}

/// What is to be done with the ticks up to now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Those that are not fired.
    pub passed_over: Vec<Stretch>,
    /// Those that are, with the reason; oldest first.
    pub ticks: Vec<(Millis, Cause)>,
    /// Up to where ticks were seen in time, for those that wait.
    pub seen: Option<Millis>,
}

/// Decides about the ticks after `cursor` and up to `now`.
pub(super) fn plan(schedule: &Schedule, cursor: Cursor, now: Millis) -> Plan {
    let from = cursor.nominal;
    if schedule.recurrence.next(from).is_none_or(|next| next > now) {
        return Plan::default();
    }
    let fresh_from = from.max(now.after(-MISSED_MS - 1));
    let waits_until = cursor.seen.filter(|seen| schedule.overlap == Overlap::Queue && *seen > from);
    if let Some(first) = schedule.recurrence.next(from).filter(|first| Some(*first) <= waits_until) {
        return waiting(schedule, first, waits_until, fresh_from, now);
    }
    let on_time = newest(&schedule.recurrence, fresh_from, now, MOST_ON_TIME);
    // Whatever is older than the oldest on time is late.
    let late_until = on_time.first().map_or(now, |first| first.after(-1)).min(fresh_from);
    let (mut ticks, passed_over) = late(schedule, from, late_until, (!on_time.is_empty(), now));
    let late_left = ticks.len().saturating_sub(1);
    ticks.extend(on_time.into_iter().map(|nominal| (nominal, Cause::Schedule)));
    let seen = if late_left == 0 { Some(now) } else { cursor.seen };
    Plan { passed_over, ticks, seen }
}

/// The first tick that waits for an earlier one to end: it was seen in time, however late it is by now.
fn waiting(schedule: &Schedule, first: Millis, seen: Option<Millis>, fresh_from: Millis, now: Millis) -> Plan {
    let missed_after = seen.unwrap_or(first);
    let missed = schedule.recurrence.next(missed_after).is_some_and(|next| next <= fresh_from);
    Plan { passed_over: Vec::new(), ticks: vec![(first, Cause::Schedule)], seen: if missed { seen } else { Some(now) } }
}

/// Which of the late ticks in `(after, until]` are made up for, and what becomes of the others.
fn late(
    schedule: &Schedule,
    after: Millis,
    until: Millis,
    (some_on_time, now): (bool, Millis),
) -> (Vec<(Millis, Cause)>, Vec<Stretch>) {
    let window_from = after.max(now.after(-schedule.catchup_window_ms - 1)).min(until);
    let most = match schedule.catchup {
        Catchup::None => 0,
        Catchup::Last => usize::from(!some_on_time),
        Catchup::All => schedule.catchup_cap,
    };
    let chosen = newest(&schedule.recurrence, window_from, until, most);
    let chosen_from = chosen.first().map_or(until, |first| first.after(-1));
    let stretches = match schedule.catchup {
        Catchup::None => vec![(after, until, Verdict::NoCatchup)],
        Catchup::Last => vec![(after, window_from, Verdict::Window), (window_from, chosen_from, Verdict::Superseded)],
        Catchup::All => vec![(after, window_from, Verdict::Window), (window_from, chosen_from, Verdict::Cap)],
    };
    let of = |(after, until, verdict)| Stretch::of(&schedule.recurrence, after, until, verdict);
    let passed_over = stretches.into_iter().filter_map(of).collect();
    (chosen.into_iter().map(|nominal| (nominal, Cause::Catchup)).collect(), passed_over)
}

/// The newest ticks in `(after, until]`, oldest first.
fn newest(recurrence: &Recurrence, after: Millis, until: Millis, most: usize) -> Vec<Millis> {
    let mut ticks = Vec::new();
    let mut before = until;
    while ticks.len() < most
        && let Some(nominal) = recurrence.previous(before, after.after(1))
    {
        ticks.push(nominal);
        before = nominal.after(-1);
    }
    ticks.reverse();
    ticks
}

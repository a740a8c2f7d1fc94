//! Which ticks of a schedule are due, and what its overlap and catch-up rules make of them: the pure part of firing.

use schedules::Millis;
use serde_json::json;
use store::queue::{Cause, Firing, IfBusy, IfExists, Job, NewJob, Tick};
use store::{IntegrationId, JobId};

use crate::settings::{Catchup, Overlap, Schedule};

/// A tick that is later than this was missed: nothing fired schedules when it was due.
const MISSED_MS: i64 = 60_000;
/// The most ticks queued at once.
const MAX_TICKS: usize = 100;

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

/// What is due of a schedule whose cursor is at `cursor`; `None` when nothing is. `new_id` names the ticks.
pub fn due(
    integration: IntegrationId,
    schedule: &Schedule,
    cursor: Option<Millis>,
    now: Millis,
    mut new_id: impl FnMut() -> JobId,
) -> Option<Due> {
    let Some(from) = cursor else {
        // A new schedule starts now.
        let firing = Firing { integration, from: None, to: now, ticks: Vec::new(), if_busy: IfBusy::Queue };
        return Some(Due { firing, passed_over: Vec::new(), missed: None });
    };
    let to = schedule.recurrence.previous(now, from.after(1))?;
    let chosen = choose(from, now, schedule);
    let ticks =
        chosen.iter().map(|(nominal, cause)| tick(schedule, (new_id(), integration), *nominal, *cause, now)).collect();
    let (passed_over, ticks) = let_one_run(schedule.overlap, ticks);
    let if_busy = match schedule.overlap {
        Overlap::Skip => IfBusy::Skip,
        Overlap::CancelRunning => IfBusy::Revoke,
        // One at a time is the business of the integration's concurrency.
        Overlap::Queue | Overlap::Allow => IfBusy::Queue,
    };
    let first = chosen.first().map_or(now, |(nominal, _)| *nominal);
    let missed = schedule.recurrence.previous(first.after(-1), from.after(1));
    Some(Due { firing: Firing { integration, from: cursor, to, ticks, if_busy }, passed_over, missed })
}

/// Which of the ticks between the cursor and now are queued, and why; oldest first.
fn choose(cursor: Millis, now: Millis, schedule: &Schedule) -> Vec<(Millis, Cause)> {
    let on_time_from = cursor.max(now.after(-MISSED_MS - 1)).after(1);
    let made_up_from = match schedule.catchup {
        Catchup::None => on_time_from,
        Catchup::Last | Catchup::All => {
            on_time_from.min(cursor.max(now.after(-schedule.catchup_window_ms - 1)).after(1))
        }
    };
    let mut chosen = Vec::new();
    let mut before = now;
    while let Some(nominal) = schedule.recurrence.previous(before, made_up_from) {
        let on_time = nominal >= on_time_from;
        let enough = schedule.catchup == Catchup::Last && !on_time && !chosen.is_empty();
        if enough || chosen.len() == MAX_TICKS {
            break;
        }
        chosen.push((nominal, if on_time { Cause::Schedule } else { Cause::Catchup }));
        before = nominal.after(-1);
    }
    chosen.reverse();
    chosen
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

fn tick(schedule: &Schedule, job: (JobId, IntegrationId), nominal: Millis, cause: Cause, now: Millis) -> NewJob {
    let (id, integration) = job;
    let due = schedule.recurrence.jittered(nominal, &integration.to_bytes());
    let previous = schedule.recurrence.previous(nominal.after(-1), Millis(0));
    let upcoming = schedule.recurrence.next(nominal);
    let payload = json!({
        "scheduledAt": due.to_rfc3339(),
        "nominal": nominal.to_rfc3339(),
        "previous": previous.map(Millis::to_rfc3339),
        "upcoming": upcoming.map(Millis::to_rfc3339),
    });
    let job = Job {
        id,
        integration,
        cause,
        release: None,
        payload: payload.to_string().into(),
        key: None,
        due,
        closes: None,
        window: None,
        jitter_ms: 0,
        priority: 0,
        weight: 1,
        lane: None,
        awaited: false,
        tick: Some(Tick { nominal, previous, upcoming }),
        attempts: None,
        context: None,
        created: now,
    };
    NewJob { job, if_exists: IfExists::Keep, idempotency: None }
}

#[cfg(test)]
mod tests {
    use schedules::recurrence::{Recurrence, RecurrenceSpec};

    use super::*;

    const MINUTE: i64 = 60_000;

    fn check(catchup: Catchup, window_ms: i64, cursor: i64, now: i64, expected: &[(i64, Cause)]) {
        let spec = RecurrenceSpec { every: Some("minute".into()), ..RecurrenceSpec::default() };
        let recurrence = Recurrence::parse(&spec).expect("valid");
        let schedule = Schedule { recurrence, spec, overlap: Overlap::Skip, catchup, catchup_window_ms: window_ms };
        let expected: Vec<_> = expected.iter().map(|(minute, cause)| (Millis(minute * MINUTE), *cause)).collect();
        let chosen = choose(Millis(cursor * MINUTE), Millis(now * MINUTE + 10), &schedule);
        assert_eq!(chosen, expected, "{catchup:?} {cursor} {now}");
    }

    #[test]
    fn a_tick_on_time_fires_whatever_the_rule() {
        for catchup in [Catchup::Last, Catchup::None, Catchup::All] {
            check(catchup, 86_400_000, 99, 100, &[(100, Cause::Schedule)]);
        }
    }

    #[test]
    fn nothing_is_due_twice() {
        check(Catchup::All, 86_400_000, 100, 100, &[]);
    }

    #[test]
    fn missed_ticks_follow_the_rule() {
        let (last, made_up) = (Cause::Schedule, Cause::Catchup);
        check(Catchup::Last, 86_400_000, 90, 100, &[(100, last)]);
        check(Catchup::None, 86_400_000, 90, 100, &[(100, last)]);
        check(Catchup::All, 86_400_000, 97, 100, &[(98, made_up), (99, made_up), (100, last)]);
        // It is ten milliseconds past the full minute: two minutes ago there was no tick but the 99th.
        check(Catchup::All, 2 * MINUTE, 90, 100, &[(99, made_up), (100, last)]);
    }
}

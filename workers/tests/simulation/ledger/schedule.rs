//! Schedules: no tick is missing, and none is there twice.

use std::collections::BTreeSet;

use schedules::Millis;
use store::queue::{Cursor, Enqueued, Fired, Firing, IfBusy, TickRecord};
use store::{IntegrationId, JobId, Result};
use workers::settings::{Catchup, Overlap, Schedule as Settings};

use super::{Broken, Check, Entry, Ledger, answered, ensure};

/// Where a schedule is, and the nominal times it has fired so far.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    cursor: Option<Cursor>,
    fired: BTreeSet<Millis>,
}

/// How many of the records are about a tick.
fn covers(records: &[TickRecord], tick: Millis) -> usize {
    records.iter().filter(|record| (record.first..=record.last).contains(&tick)).count()
}

impl Ledger {
    /// Ticks were queued, if nobody else had queued them.
    pub fn fire(&mut self, firing: &Firing, settings: Option<&Settings>, answer: &Result<Fired>) -> Check {
        let of = firing.schedule.integration;
        let Some(fired) = answered(answer)? else {
            self.count("fire: full");
            return Ok(());
        };
        let cursor = self.schedules.get(&of).and_then(|schedule| schedule.cursor);
        if cursor != firing.from {
            ensure!(*fired == Fired::Lost { cursor }, "fired_twice", "{fired:?}: the cursor is at {cursor:?}");
            self.count("fire: lost");
            return Ok(());
        }
        let busy = self.jobs.values().any(|it| it.is_tick() && it.job.integration == of && self.is_there(it));
        let skips = matches!(firing.if_busy, IfBusy::Skip | IfBusy::Wait) && busy && !firing.ticks.is_empty();
        if skips && firing.if_busy == IfBusy::Wait {
            ensure!(*fired == Fired::Skipped, "did_not_wait", "{fired:?}");
            self.schedules.entry(of).or_default().cursor = Some(firing.cursor_if_skipped());
            self.count("fire: waits");
            return Ok(());
        }
        self.follow(firing, settings, skips)?;
        match fired {
            Fired::Skipped => {
                ensure!(skips, "skipped_for_nothing", "{} ticks", firing.ticks.len());
                self.count("fire: skipped");
                return Ok(());
            }
            Fired::Queued { revoked } => {
                ensure!(!skips, "not_skipped", "{} ticks", firing.ticks.len());
                let revoked = revoked.iter().map(|job| job.id).collect();
                self.revoke(firing, &revoked)?;
            }
            Fired::Lost { cursor } => {
                return Err(Broken { rule: "fire_was_lost", what: format!("the cursor is at {cursor:?}") });
            }
        }
        for new in &firing.ticks {
            let answer = self.insert(new, false);
            ensure!(answer == Enqueued::Created, "tick_not_queued", "{answer:?}");
            self.count("fire: tick");
        }
        Ok(())
    }

    fn is_there(&self, entry: &Entry) -> bool {
        entry.is_pending() || entry.is_running()
    }

    /// Moves the cursor over nominal times, each of which is fired once, or left out by a rule of the schedule.
    fn follow(&mut self, firing: &Firing, settings: Option<&Settings>, skips: bool) -> Check {
        let schedule = self.schedules.entry(firing.schedule.integration).or_default();
        ensure!(firing.from.is_none_or(|from| from.nominal <= firing.to), "cursor_went_back", "{firing:?}");
        schedule.cursor = Some(if skips { firing.cursor_if_skipped() } else { firing.cursor_if_queued() });
        let ticks: Vec<Millis> = firing.ticks.iter().filter_map(|new| new.job.tick).map(|tick| tick.nominal).collect();
        for nominal in &ticks {
            ensure!(schedule.fired.insert(*nominal), "tick_fired_twice", "{nominal:?}");
        }
        let (Some(settings), Some(from)) = (settings, firing.from) else { return Ok(()) };
        let nominal = settings.recurrence.between(from.nominal, firing.to, usize::MAX);
        let all = settings.catchup == Catchup::All && matches!(settings.overlap, Overlap::Allow | Overlap::Queue);
        let last = settings.catchup != Catchup::None;
        ensure!(!all || ticks == nominal, "tick_missing", "{ticks:?}, not {nominal:?}");
        ensure!(!last || ticks.last() == nominal.last(), "last_tick_missing", "{ticks:?} of {nominal:?}");
        ensure!(ticks.iter().all(|tick| nominal.contains(tick)), "tick_made_up", "{ticks:?} of {nominal:?}");
        let records = if skips { &firing.records_if_skipped } else { &firing.records };
        let untold: Vec<Millis> = nominal.iter().filter(|tick| covers(records, **tick) != 1).copied().collect();
        ensure!(untold.is_empty(), "tick_not_told_of", "{untold:?} by {records:?}");
        Ok(())
    }

    fn revoke(&mut self, firing: &Firing, revoked: &BTreeSet<JobId>) -> Check {
        let revokes = firing.if_busy == IfBusy::Revoke && !firing.ticks.is_empty();
        let of_it = |it: &&Entry| it.is_tick() && it.is_running() && it.job.integration == firing.schedule.integration;
        let running: BTreeSet<JobId> =
            self.jobs.values().filter(of_it).filter(|_| revokes).map(|it| it.job.id).collect();
        ensure!(*revoked == running, "wrong_jobs_revoked", "{} jobs, not {}", revoked.len(), running.len());
        running.into_iter().for_each(|job| self.leave(job, "revoked"));
        Ok(())
    }

    /// Everything that a schedule had to fire is fired or passed over.
    pub fn has_fired_all(&self, of: IntegrationId, settings: &Settings) -> Check {
        let cursor = self.schedules.get(&of).and_then(|schedule| schedule.cursor);
        let Some(from) = cursor else {
            return Err(Broken { rule: "schedule_never_began", what: format!("{of:?}") });
        };
        let next = settings.recurrence.next(from.nominal);
        ensure!(next.is_none(), "tick_missing", "at the end, {next:?} has not been fired");
        Ok(())
    }

    /// Where a schedule is.
    pub fn cursor(&self, of: IntegrationId) -> Option<Cursor> {
        self.schedules.get(&of).and_then(|schedule| schedule.cursor)
    }
}

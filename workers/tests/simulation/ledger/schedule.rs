//! Schedules: no tick is missing, and none is there twice.

use std::collections::BTreeSet;

use schedules::Millis;
use store::queue::{Enqueued, Fired, Firing, IfBusy};
use store::{IntegrationId, JobId, Result};
use workers::settings::{Catchup, Overlap, Schedule as Settings};

use super::{Broken, Check, Entry, Ledger, answered, ensure};

/// Where a schedule is, and the nominal times it has fired so far.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    cursor: Option<Millis>,
    fired: BTreeSet<Millis>,
}

impl Ledger {
    /// Ticks were queued, if nobody else had queued them.
    pub fn fire(&mut self, firing: &Firing, settings: Option<&Settings>, answer: &Result<Fired>) -> Check {
        let of = firing.integration;
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
        self.follow(firing, settings)?;
        let busy = self.jobs.values().any(|it| it.is_tick() && it.job.integration == of && self.is_there(it));
        let skips = firing.if_busy == IfBusy::Skip && busy && !firing.ticks.is_empty();
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
    fn follow(&mut self, firing: &Firing, settings: Option<&Settings>) -> Check {
        let schedule = self.schedules.entry(firing.integration).or_default();
        ensure!(firing.from.is_none_or(|from| from <= firing.to), "cursor_went_back", "{firing:?}");
        schedule.cursor = Some(firing.to);
        let ticks: Vec<Millis> = firing.ticks.iter().filter_map(|new| new.job.tick).map(|tick| tick.nominal).collect();
        for nominal in &ticks {
            ensure!(schedule.fired.insert(*nominal), "tick_fired_twice", "{nominal:?}");
        }
        let (Some(settings), Some(from)) = (settings, firing.from) else { return Ok(()) };
        let nominal = settings.recurrence.between(from, firing.to, usize::MAX);
        let all = settings.catchup == Catchup::All && matches!(settings.overlap, Overlap::Allow | Overlap::Queue);
        let last = settings.catchup != Catchup::None;
        ensure!(!all || ticks == nominal, "tick_missing", "{ticks:?}, not {nominal:?}");
        ensure!(!last || ticks.last() == nominal.last(), "last_tick_missing", "{ticks:?} of {nominal:?}");
        ensure!(ticks.iter().all(|tick| nominal.contains(tick)), "tick_made_up", "{ticks:?} of {nominal:?}");
        Ok(())
    }

    fn revoke(&mut self, firing: &Firing, revoked: &BTreeSet<JobId>) -> Check {
        let revokes = firing.if_busy == IfBusy::Revoke && !firing.ticks.is_empty();
        let of_it = |it: &&Entry| it.is_tick() && it.is_running() && it.job.integration == firing.integration;
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
        let next = settings.recurrence.next(from);
        ensure!(next.is_none(), "tick_missing", "at the end, {next:?} has not been fired");
        Ok(())
    }

    /// Where a schedule is.
    pub fn cursor(&self, of: IntegrationId) -> Option<Millis> {
        self.schedules.get(&of).and_then(|schedule| schedule.cursor)
    }
}

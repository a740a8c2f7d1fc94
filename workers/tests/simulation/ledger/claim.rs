//! What may be handed out: due, not held back, in order, and once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use schedules::Millis;
use store::queue::{Claim, Claimed, Grant, Job, Leased};
use store::{IntegrationId, Result};
use workers::worker::MAX_LOST;

use super::{Broken, Check, Entry, Ledger, State, answered, ensure};

impl Ledger {
    /// Jobs were handed out.
    pub fn claim(&mut self, now: Millis, claim: Claim, answer: &Result<Claimed>) -> Check {
        let Some(claimed) = answered(answer)? else { return Ok(()) };
        ensure!(claimed.jobs.len() <= claim.limit, "too_many_claimed", "{} of {}", claimed.jobs.len(), claim.limit);
        self.in_order(now, claimed)?;
        for leased in &claimed.jobs {
            self.hand_out(now, claim.lease_ms, leased)?;
        }
        self.in_bounds(claimed)?;
        if claimed.jobs.len() < claim.limit {
            self.nothing_left(now, claimed.next_due)?;
        }
        self.count(if claimed.jobs.is_empty() { "claim: nothing" } else { "claim: jobs" });
        Ok(())
    }

    fn hand_out(&mut self, now: Millis, lease_ms: u32, leased: &Leased) -> Check {
        let name = self.name(leased.job.id);
        let control = self.control_of(leased.job.integration);
        let entry = self.entry(leased.job.id)?;
        let state = entry.state;
        ensure!(state == State::Pending, "claimed_what_is_not_pending", "{name} is {state:?}");
        ensure!(leased.job == entry.job, "another_job", "{name}: {:?}, not {:?}", leased.job, entry.job);
        ensure!(
            entry.job.due <= now,
            "started_before_its_due_time",
            "{name} is due at {:?}, it is {now:?}",
            entry.job.due
        );
        ensure!(!control.paused, "started_while_paused", "{name}");
        let starts = leased.grant == Grant::Start;
        ensure!(leased.attempt == entry.attempt + u32::from(starts), "attempts", "{name}: {leased:?}");
        ensure!(leased.lost == entry.lost, "lost_leases", "{name}: {} lost, not {}", leased.lost, entry.lost);
        ensure!(entry.tokens.insert(leased.lease.token), "token_came_twice", "{name}");
        let is_over = entry.job.closes.is_some_and(|closes| closes <= now);
        ensure!(is_over == (leased.grant == Grant::Closed), "closed", "{name}: {:?} at {now:?}", leased.grant);
        let until = now.after(i64::from(lease_ms));
        entry.state = State::Running { token: leased.lease.token, until, counted: starts };
        entry.attempt = leased.attempt;
        let (job, was_charged) = (entry.job.clone(), entry.charged);
        match leased.grant {
            Grant::Start => {
                entry.charged = true;
                let lost = entry.lost;
                ensure!(lost < MAX_LOST, "poison_started", "{name} has lost {lost} leases");
                if !was_charged {
                    self.limits.charge(job.integration, &control.limits, job.key.as_ref(), now)?;
                }
                self.count("claim: start");
            }
            Grant::Refused(refusal) => {
                ensure!(!was_charged, "refused_what_was_charged", "{name}");
                self.limits.refuse(job.integration, &control.limits, job.key.as_ref(), now, refusal)?;
                self.count("claim: refused");
            }
            Grant::Closed => self.count("claim: closed"),
        }
        Ok(())
    }

    /// No more run than may, where jobs were claimed now.
    fn in_bounds(&mut self, claimed: &Claimed) -> Check {
        let running = self.running();
        for leased in &claimed.jobs {
            let (all, in_lane) = running.beside(&leased.job);
            let (control, lane) = (self.control_of(leased.job.integration), &leased.job.lane);
            let all_may = control.concurrency.unwrap_or(u32::MAX);
            ensure!(all <= all_may, "beyond_concurrency", "{all} run, {all_may} may");
            let lane_may = control.lane_concurrency.filter(|_| lane.is_some()).unwrap_or(u32::MAX);
            ensure!(in_lane <= lane_may, "beyond_lane_concurrency", "{in_lane} run in {lane:?}, {lane_may} may");
        }
        Ok(())
    }

    /// Within a lane: priority, due time, arrival. Where limits are, or were, some wait in line.
    fn in_order(&mut self, now: Millis, claimed: &Claimed) -> Check {
        let order = |entry: &Entry| (Reverse(entry.job.priority), entry.job.due, entry.arrival);
        let taken: BTreeSet<_> = claimed.jobs.iter().map(|leased| leased.job.id).collect();
        ensure!(taken.len() == claimed.jobs.len(), "claimed_twice", "{} of {}", taken.len(), claimed.jobs.len());
        for leased in claimed.jobs.iter().filter(|leased| !self.limits.are_known(leased.job.integration)) {
            let Some(mine) = self.jobs.get(&leased.job.id) else { continue };
            let left_behind = self.jobs.values().find(|other| {
                other.is_pending()
                    && other.job.due <= now
                    && !taken.contains(&other.job.id)
                    && (other.job.integration, &other.job.lane) == (mine.job.integration, &mine.job.lane)
                    && order(other) < order(mine)
            });
            if let Some(other) = left_behind.map(|other| other.job.id) {
                let (mine, other) = (self.name(leased.job.id), self.name(other));
                return Err(Broken { rule: "out_of_order", what: format!("{mine} before {other}") });
            }
        }
        Ok(())
    }

    /// A claim that could have taken more leaves nothing behind that is due and not held, and says when the next is due.
    fn nothing_left(&mut self, now: Millis, next_due: Option<Millis>) -> Check {
        let Some((job, due)) = self.next().map(|next| (next.id, next.due)) else { return Ok(()) };
        let name = self.name(job);
        ensure!(due > now, "left_behind", "{name} is due since {due:?}, it is {now:?}");
        ensure!(
            next_due.is_some_and(|next| next <= due),
            "overslept",
            "{name} is due at {due:?}, next is {next_due:?}"
        );
        Ok(())
    }

    /// The next job to be due that nothing holds back, but for those that limits may delay.
    fn next(&self) -> Option<&Job> {
        let running = self.running();
        let pending = self.jobs.values().filter(|entry| entry.is_pending()).map(|entry| &entry.job);
        let held_by_nothing = |job: &&Job| !self.limits.are_known(job.integration) && self.has_room_for(job, &running);
        pending.filter(held_by_nothing).min_by_key(|job| job.due)
    }

    /// A job that is due and that nothing holds back, not even a limit.
    pub fn ready(&mut self, now: Millis) -> Option<String> {
        let running = self.running();
        let due = self.jobs.values().filter(|entry| entry.is_pending() && entry.job.due <= now);
        let mut ready = due.filter(|entry| self.has_room_for(&entry.job, &running) && self.may_start(entry, now));
        let job = ready.next()?.job.id;
        Some(self.name(job))
    }

    /// Whether no limit delays a job, as far as that is known: where lanes are bounded, one of a full lane may be the
    /// first in line; and one that is closed leaves its line when its gate opens.
    fn may_start(&self, entry: &Entry, now: Millis) -> bool {
        let (job, control) = (&entry.job, self.control_of(entry.job.integration));
        if !self.limits.are_known(job.integration) || entry.charged {
            return true;
        }
        control.lane_concurrency.is_none()
            && job.closes.is_none_or(|closes| closes > now)
            && self.limits.have_room(job.integration, &control.limits, job.key.as_ref(), now)
    }

    fn has_room_for(&self, job: &Job, running: &Running) -> bool {
        let (all, in_lane) = running.beside(job);
        let control = self.control_of(job.integration);
        let lane_may = control.lane_concurrency.filter(|_| job.lane.is_some());
        !control.paused
            && control.concurrency.is_none_or(|limit| all < limit)
            && lane_may.is_none_or(|limit| in_lane < limit)
    }

    fn running(&self) -> Running {
        let mut running = Running::default();
        for entry in self.jobs.values().filter(|entry| entry.is_running()) {
            *running.0.entry((entry.job.integration, None)).or_default() += 1;
            if let Some(lane) = &entry.job.lane {
                *running.0.entry((entry.job.integration, Some(lane.clone()))).or_default() += 1;
            }
        }
        running
    }
}

/// How many jobs run, of each integration and of each lane.
#[derive(Default)]
struct Running(BTreeMap<(IntegrationId, Option<Box<str>>), u32>);

impl Running {
    /// Of the integration of a job, and of its lane.
    fn beside(&self, job: &Job) -> (u32, u32) {
        let of = |lane: Option<Box<str>>| self.0.get(&(job.integration, lane)).copied().unwrap_or_default();
        (of(None), of(job.lane.clone()))
    }
}

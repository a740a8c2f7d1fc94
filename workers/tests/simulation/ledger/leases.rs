//! Leases that are renewed or run out: at most one counts at any time.

use schedules::Millis;
use store::Result;
use store::queue::{Lease, Leased};

use super::{Check, Ledger, State, answered, ensure};

impl Ledger {
    /// Leases were renewed, but for those that are lost.
    pub fn extend(&mut self, now: Millis, leases: &[Lease], lease_ms: u32, answer: &Result<Vec<Lease>>) -> Check {
        let Some(lost) = answered(answer)? else { return Ok(()) };
        let not_held: Vec<Lease> = leases.iter().copied().filter(|lease| !self.holds(*lease)).collect();
        ensure!(*lost == not_held, "wrong_leases_lost", "{} lost, not {}", lost.len(), not_held.len());
        for lease in leases.iter().filter(|lease| !not_held.contains(lease)) {
            if let State::Running { until, .. } = &mut self.entry(lease.job)?.state {
                *until = now.after(i64::from(lease_ms));
            }
        }
        self.count(if lost.is_empty() { "extend: all" } else { "extend: some lost" });
        Ok(())
    }

    /// Jobs whose lease ran out were taken over.
    pub fn rescue(&mut self, now: Millis, limit: usize, lease_ms: u32, answer: &Result<Vec<Leased>>) -> Check {
        let Some(rescued) = answered(answer)? else { return Ok(()) };
        for leased in rescued {
            let name = self.name(leased.job.id);
            let entry = self.entry(leased.job.id)?;
            let State::Running { until, counted, .. } = entry.state else {
                let state = entry.state;
                return Err(super::Broken { rule: "rescued_what_does_not_run", what: format!("{name} is {state:?}") });
            };
            ensure!(until <= now, "rescued_too_early", "{name}: its lease lasts until {until:?}, it is {now:?}");
            entry.lost += 1;
            ensure!(leased.lost == entry.lost, "lost_leases", "{name}: {} lost, not {}", leased.lost, entry.lost);
            ensure!(leased.job == entry.job, "another_job", "{name}: {:?}, not {:?}", leased.job, entry.job);
            ensure!(leased.attempt == entry.attempt, "attempts", "{name}: {}, not {}", leased.attempt, entry.attempt);
            ensure!(entry.tokens.insert(leased.lease.token), "token_came_twice", "{name}");
            let until = now.after(i64::from(lease_ms));
            entry.state = State::Running { token: leased.lease.token, until, counted };
            self.count("rescue: job");
        }
        let overdue = self.jobs.values().filter(|it| matches!(it.state, State::Running { until, .. } if until <= now));
        let overdue = overdue.count();
        ensure!(rescued.len() == limit || overdue == 0, "not_rescued", "{overdue} leases are overdue");
        Ok(())
    }
}

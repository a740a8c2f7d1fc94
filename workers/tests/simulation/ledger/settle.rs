//! What becomes of claimed jobs: whoever holds the lease says it, and nobody else.

use schedules::Millis;
use store::Result;
use store::queue::{Next, Settled, Settlement};
use workers::worker::MAX_LOST;

use super::{Check, Ledger, State, answered, ensure};

impl Ledger {
    /// Outcomes were written, as far as their leases were held.
    pub fn settle(&mut self, now: Millis, settlements: &[Settlement], answer: &Result<Vec<Settled>>) -> Check {
        let Some(answers) = answered(answer)? else { return Ok(()) };
        ensure!(answers.len() == settlements.len(), "answers", "{} for {}", answers.len(), settlements.len());
        for (settlement, answer) in settlements.iter().zip(answers) {
            self.settle_one(now, settlement, *answer)?;
        }
        Ok(())
    }

    fn settle_one(&mut self, now: Millis, settlement: &Settlement, answer: Settled) -> Check {
        let job = settlement.lease.job;
        let name = self.name(job);
        let expected = if self.holds(settlement.lease) { Settled::Applied } else { Settled::Stale };
        ensure!(answer == expected, "settled_without_lease", "{name}: {answer:?}, not {expected:?}");
        if answer == Settled::Stale {
            self.count("settle: stale");
            return Ok(());
        }
        let entry = self.entry(job)?;
        let lost = entry.lost;
        match &settlement.next {
            Next::Remove => {
                let known = self.recorded.contains(&job);
                ensure!(known, "left_without_outcome", "{name}: nothing in the history");
                self.leave(job, "done");
            }
            Next::Retry { due, closes, error } => {
                ensure!(lost < MAX_LOST, "poison_retried", "{name} has lost {lost} leases");
                entry.error = Some(error.clone());
                self.put_back(job, *due, *closes)?;
                self.count("settle: retry");
            }
            Next::Return { due, closes } => {
                if matches!(entry.state, State::Running { counted: true, .. }) {
                    entry.attempt = entry.attempt.saturating_sub(1);
                }
                self.put_back(job, *due, *closes)?;
                self.count("settle: return");
            }
            Next::Bury { error } => {
                entry.error = Some(error.clone());
                entry.state = State::Dead { died: now };
                self.count(if lost >= MAX_LOST { "settle: poison" } else { "settle: dead" });
            }
        }
        Ok(())
    }
}

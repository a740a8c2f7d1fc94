//! Jobs that are taken out, moved or brought back by hand, and what holds them back.

use std::collections::BTreeSet;

use schedules::Millis;
use store::queue::{Cancelled, Cause, Control, Edit, Job, JobView, Move, Pruned, Pruning, Selector};
use store::{IntegrationId, JobId, Result};

use super::{Check, Entry, Ledger, State, answered, ensure};

impl Ledger {
    /// Pending jobs were taken out.
    pub fn cancel(&mut self, of: IntegrationId, selector: &Selector, answer: &Result<Cancelled>) -> Check {
        let Some(cancelled) = answered(answer)? else { return Ok(()) };
        let meant = self.meant(of, selector);
        let meant: BTreeSet<JobId> = meant.iter().map(|job| job.id).collect();
        let gone: BTreeSet<JobId> = cancelled.jobs.iter().map(|job| job.id).collect();
        ensure!(gone == meant, "wrong_jobs_cancelled", "{} jobs, not {}: {selector:?}", gone.len(), meant.len());
        ensure!(!cancelled.more, "more_to_cancel", "{} jobs and more", gone.len());
        for job in &cancelled.jobs {
            let known = self.entry(job.id)?.job.clone();
            ensure!(*job == known, "another_job", "{job:?}, not {known:?}");
            self.leave(job.id, "cancelled");
        }
        Ok(())
    }

    /// The pending jobs that a selector means.
    pub(super) fn meant(&self, of: IntegrationId, selector: &Selector) -> Vec<Job> {
        let is_meant = |entry: &&Entry| {
            let job = &entry.job;
            entry.is_pending()
                && job.integration == of
                && match selector {
                    Selector::All => true,
                    Selector::Job(id) => job.id == *id,
                    Selector::Key(key) => entry.keyed && entry.key() == Some(key.identity()),
                    // What is beside others is not found by its key.
                    Selector::Match(part) => entry.identifies && job.key.as_ref().is_some_and(|key| key.contains(part)),
                }
        };
        self.jobs.values().filter(is_meant).map(|entry| entry.job.clone()).collect()
    }

    /// Pending jobs were found; the oldest ones, if there are too many.
    pub fn found(&mut self, of: IntegrationId, selector: &Selector, limit: usize, found: &[JobView]) -> Check {
        let mut meant: Vec<JobId> = self.meant(of, selector).iter().map(|job| job.id).collect();
        meant.sort();
        meant.truncate(limit);
        let found: Vec<JobId> = found.iter().map(|view| view.job.id).collect();
        ensure!(found == meant, "wrong_jobs_found", "{found:?}, not {meant:?}: {selector:?}");
        Ok(())
    }

    /// Pending jobs were given another due time.
    pub fn reschedule(&mut self, moves: &[Move], answer: &Result<Vec<bool>>) -> Check {
        let Some(answers) = answered(answer)? else { return Ok(()) };
        for (wanted, answer) in moves.iter().zip(answers) {
            let name = self.name(wanted.job);
            let entry = self.jobs.get_mut(&wanted.job).filter(|entry| entry.is_pending());
            ensure!(*answer == entry.is_some(), "wrong_move", "{name}: {answer}");
            let Some(entry) = entry else { continue };
            (entry.job.due, entry.job.closes) = (wanted.due, wanted.closes);
            entry.job.window = wanted.window.clone().or(entry.job.window.take());
            self.count("rescheduled");
        }
        Ok(())
    }

    /// Something holds an integration's jobs back now.
    pub fn control(&mut self, of: IntegrationId, control: &Control, answer: &Result<()>) -> Check {
        if answered(answer)?.is_some() {
            self.limits.edit(of, &self.control_of(of).limits, &control.limits);
            self.controls.insert(of, control.clone());
            self.count(if control.paused { "control: paused" } else { "control: open" });
        }
        Ok(())
    }

    /// A dead job was brought back.
    pub fn replay(&mut self, job: JobId, due: Millis, edit: &Edit, answer: &Result<bool>) -> Check {
        let Some(answer) = answered(answer)? else { return Ok(()) };
        let name = self.name(job);
        let is_dead = self.jobs.get(&job).is_some_and(|entry| matches!(entry.state, State::Dead { .. }));
        ensure!(*answer == is_dead, "wrong_replay", "{name}: {answer}");
        if is_dead {
            self.put_back(job, due, None)?;
            let entry = self.entry(job)?;
            (entry.attempt, entry.lost, entry.charged, entry.error) = (0, 0, false, None);
            entry.job = edit.of(Job { cause: Cause::Replay, ..entry.job.clone() });
            self.count("replayed");
        }
        Ok(())
    }

    /// Dead jobs were forgotten.
    pub fn discard(&mut self, jobs: &[JobId], answer: &Result<u64>) -> Check {
        let Some(answer) = answered(answer)? else { return Ok(()) };
        let is_dead = |job: &&JobId| self.jobs.get(job).is_some_and(|it| matches!(it.state, State::Dead { .. }));
        let dead: BTreeSet<JobId> = jobs.iter().filter(is_dead).copied().collect();
        ensure!(*answer == dead.len() as u64, "wrong_number_discarded", "{answer}, not {}", dead.len());
        dead.into_iter().for_each(|job| self.leave(job, "discarded"));
        Ok(())
    }

    /// Everything of an integration was forgotten.
    pub fn purge(&mut self, of: IntegrationId, answer: &Result<()>) -> Check {
        if answered(answer)?.is_none() {
            return Ok(());
        }
        let held = self.jobs.values().filter(|entry| entry.job.integration == of);
        let held: Vec<JobId> = held.map(|entry| entry.job.id).collect();
        held.into_iter().for_each(|job| self.leave(job, "purged"));
        self.limits.edit(of, &self.control_of(of).limits, &[]);
        self.controls.remove(&of);
        self.schedules.remove(&of);
        self.answered.retain(|(integration, _), _| *integration != of);
        Ok(())
    }

    /// Dead jobs were forgotten for their age or number; `dead` are those that are left.
    pub fn prune(&mut self, now: Millis, pruning: Pruning, answer: &Result<Pruned>, dead: &BTreeSet<JobId>) -> Check {
        let Some(pruned) = answered(answer)? else { return Ok(()) };
        let known = self.jobs.values().filter_map(|entry| match entry.state {
            State::Dead { died } => Some((entry.job.integration, died, entry.job.id)),
            _ => None,
        });
        let known: BTreeSet<_> = known.collect();
        let gone: Vec<_> = known.iter().filter(|(_, _, job)| !dead.contains(job)).copied().collect();
        ensure!(pruned.dead == gone.len() as u64, "wrong_number_pruned", "{}, not {}", pruned.dead, gone.len());
        for (integration, died, job) in gone {
            let later = known.iter().filter(|(of, at, _)| *of == integration && *at >= died).count() as u64;
            let name = self.name(job);
            let is_old = died < pruning.dead_before;
            ensure!(is_old || later > pruning.dead_keep, "pruned_too_much", "{name} died at {died:?}, it is {now:?}");
            self.leave(job, "pruned");
        }
        self.answered.retain(|_, first| now <= first.asked.until);
        Ok(())
    }
}

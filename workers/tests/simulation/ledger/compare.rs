//! What the queue says it holds must be what the ledger says; and at the end, where every job has ended.

use std::collections::BTreeMap;

use schedules::Millis;
use store::queue::{Counts, JobView, Selector, State as Where};
use store::{IntegrationId, JobId};

use super::{Broken, Check, Entry, Ledger, State, ensure};

impl Ledger {
    /// Compares everything that the queue lists.
    pub fn compare(&mut self, listed: &[JobView]) -> Check {
        let listed: BTreeMap<JobId, &JobView> = listed.iter().map(|view| (view.job.id, view)).collect();
        for job in listed.keys().chain(self.jobs.keys()).copied().collect::<Vec<_>>() {
            let name = self.name(job);
            let expected = self.entry(job)?.view();
            let Some(found) = listed.get(&job) else {
                return Err(Broken { rule: "job_lost", what: format!("{name}: {expected:?}") });
            };
            let found = JobView { delayed_by_limit: false, ..(*found).clone() };
            ensure!(found == expected, "another_job", "{name}: {found:?}, not {expected:?}");
        }
        Ok(())
    }

    /// Every key that names a pending job, with that job.
    pub fn named(&self) -> Vec<(IntegrationId, Selector, JobId)> {
        let named = self.jobs.values().filter(|entry| entry.is_pending() && entry.keyed);
        named.filter_map(|it| Some((it.job.integration, Selector::Key(it.job.key.clone()?), it.job.id))).collect()
    }

    /// How many jobs are where.
    pub fn counts(&self, now: Millis) -> Vec<(IntegrationId, Counts)> {
        let mut all = BTreeMap::<IntegrationId, Counts>::new();
        for entry in self.jobs.values() {
            let counts = all.entry(entry.job.integration).or_default();
            match entry.state {
                State::Pending if entry.job.due <= now => {
                    counts.ready += 1;
                    let due = entry.job.due;
                    counts.oldest_ready = Some(counts.oldest_ready.map_or(due, |oldest| oldest.min(due)));
                }
                State::Pending => counts.delayed += 1,
                State::Running { .. } => counts.running += 1,
                _ => counts.dead += 1,
            }
        }
        all.into_iter().collect()
    }

    /// Whether every job has ended.
    pub fn is_settled(&self) -> bool {
        self.jobs.values().all(|entry| matches!(entry.state, State::Dead { .. }))
    }

    /// Every job has ended, those first that somebody was told of.
    pub fn all_ended(&mut self) -> Check {
        let is_known = |job: &JobId| self.jobs.contains_key(job) || self.gone.contains_key(job);
        let unknown = self.acknowledged.iter().find(|job| !is_known(job)).copied();
        ensure!(unknown.is_none(), "acknowledged_job_lost", "{unknown:?}");
        let stuck = self.jobs.values().find(|it| !matches!(it.state, State::Dead { .. }));
        if let Some(Entry { job, state, attempt, lost, .. }) = stuck.cloned() {
            let name = self.name(job.id);
            let control = self.control_of(job.integration);
            let what = format!("{name} is {state:?}, attempt {attempt}, {lost} lost: {job:?}, {control:?}");
            return Err(Broken { rule: "job_never_ended", what });
        }
        Ok(())
    }
}

impl Entry {
    /// What the queue must say of it.
    fn view(&self) -> JobView {
        let (state, lease_until, died) = match self.state {
            State::Pending => (Where::Pending, None, None),
            State::Running { until, .. } => (Where::Running, Some(until), None),
            State::Dead { died } => (Where::Dead, None, Some(died)),
        };
        JobView {
            job: self.job.clone(),
            state,
            attempt: self.attempt,
            lost: self.lost,
            charged: self.charged,
            delayed_by_limit: false,
            lease_until,
            died,
            error: self.error.clone(),
        }
    }
}

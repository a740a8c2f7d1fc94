//! What becomes of jobs that are put in: each key, idempotency key and lane is honoured.

use std::collections::BTreeSet;

use schedules::Millis;
use store::queue::{Debounce, Enqueued, IfExists, Job, NewJob};
use store::{JobId, Result};

use super::{Answered, Check, Entry, Ledger, State, answered, ensure};

impl Ledger {
    /// Jobs were put in.
    pub fn enqueue(&mut self, now: Millis, jobs: &[NewJob], answer: &Result<Vec<Enqueued>>) -> Check {
        let Some(answers) = answered(answer)? else {
            let held = self.held();
            ensure!(held + jobs.len() as u64 > self.max_jobs, "full_too_early", "{held} jobs of {}", self.max_jobs);
            self.count("enqueue: full");
            return Ok(());
        };
        ensure!(answers.len() == jobs.len(), "answers", "{} for {} jobs", answers.len(), jobs.len());
        for (new, answer) in jobs.iter().zip(answers) {
            let expected = self.enqueue_one(now, new);
            let name = self.name(new.job.id);
            ensure!(*answer == expected, "wrong_answer", "enqueue {name}: {answer:?}, not {expected:?}");
            self.count(match answer {
                Enqueued::Created => "enqueue: created",
                Enqueued::Replaced { .. } => "enqueue: replaced",
                Enqueued::Kept { .. } => "enqueue: kept",
                Enqueued::Pushed { .. } => "enqueue: pushed",
                Enqueued::Rejected { .. } => "enqueue: rejected",
                Enqueued::Repeated { .. } => "enqueue: repeated",
                Enqueued::Conflict { .. } => "enqueue: conflict",
                Enqueued::Crowded { .. } => "enqueue: crowded",
            });
        }
        ensure!(self.held() <= self.max_jobs, "too_many_jobs", "{} of {}", self.held(), self.max_jobs);
        Ok(())
    }

    fn enqueue_one(&mut self, now: Millis, new: &NewJob) -> Enqueued {
        let Some(asked) = &new.idempotency else { return self.insert(new, true) };
        let place = (new.job.integration, asked.key.clone());
        if let Some(first) = self.answered.get(&place).filter(|first| now <= first.asked.until) {
            let Answered { job: first, due, replaced, .. } = *first;
            let same = self.answered[&place].asked.fingerprint == asked.fingerprint;
            return if same { Enqueued::Repeated { first, due, replaced } } else { Enqueued::Conflict { first } };
        }
        let answer = self.insert(new, true);
        let (job, due, replaced) = match answer {
            Enqueued::Created => (new.job.id, new.job.due, false),
            Enqueued::Replaced { .. } => (new.job.id, new.job.due, true),
            Enqueued::Kept { existing, due } | Enqueued::Pushed { existing, due, .. } => (existing, due, false),
            _ => return answer,
        };
        self.answered.insert(place, Answered { asked: asked.clone(), job, due, replaced });
        answer
    }

    /// Puts one job in; a lane may be too full for it if it is `bounded`.
    pub(super) fn insert(&mut self, new: &NewJob, bounded: bool) -> Enqueued {
        if self.jobs.contains_key(&new.job.id) {
            return Enqueued::Created;
        }
        let job = &new.job;
        let identity = job.key.as_ref().map(schedules::Key::identity).filter(|_| new.if_exists != IfExists::Beside);
        let old = identity.and_then(|key| self.keyed(job.integration, key)).map(|old| old.job.clone());
        match (&old, new.if_exists) {
            (Some(old), IfExists::Keep | IfExists::Singleton) => {
                return Enqueued::Kept { existing: old.id, due: old.due };
            }
            (Some(old), IfExists::Reject) => return Enqueued::Rejected { existing: old.id },
            (None, IfExists::Singleton) => {
                if let Some(running) = self.running_with_key(job) {
                    return Enqueued::Kept { existing: running.id, due: running.due };
                }
            }
            _ => {}
        }
        if let Some(limit) = self.crowded(job, old.as_ref()).filter(|_| bounded) {
            return Enqueued::Crowded { limit };
        }
        if let (Some(old), IfExists::Debounce) = (&old, new.if_exists)
            && let Some(debounce) = old.debounce.filter(|_| self.jobs[&old.id].attempt == 0)
        {
            return self.push(old.id, debounce, job);
        }
        let answer = old.as_ref().map_or(Enqueued::Created, |old| Enqueued::Replaced { old: old.id });
        if let Some(old) = old {
            self.leave(old.id, "replaced");
        }
        self.add(job.clone(), identity.is_some());
        answer
    }

    /// The new job goes on under the id of the old one.
    fn push(&mut self, id: JobId, old: Debounce, new: &Job) -> Enqueued {
        let debounce = Debounce { pushes: old.pushes + 1, ..old };
        let mut job = Job { id, debounce: Some(debounce), ..new.clone() };
        if debounce.latest < new.due {
            (job.due, job.closes) = (debounce.latest, new.closes.map(|_| debounce.latest));
        }
        let answer = Enqueued::Pushed { existing: id, due: job.due, pushes: debounce.pushes };
        self.jobs.remove(&id);
        self.add(job, true);
        answer
    }

    /// The oldest running job that a job's key names.
    fn running_with_key(&self, job: &Job) -> Option<&Job> {
        let key = job.key.as_ref()?.identity();
        let is_it = |entry: &&Entry| {
            entry.identifies
                && matches!(entry.state, State::Running { .. })
                && entry.job.integration == job.integration
                && entry.job.key.as_ref().is_some_and(|own| own.identity() == key)
        };
        self.jobs.values().filter(is_it).map(|entry| &entry.job).min_by_key(|job| job.id)
    }

    fn add(&mut self, job: Job, identifies: bool) {
        self.arrivals += 1;
        let entry = Entry {
            state: State::Pending,
            attempt: 0,
            lost: 0,
            charged: false,
            error: None,
            identifies,
            keyed: identifies,
            arrival: self.arrivals,
            tokens: BTreeSet::new(),
            job,
        };
        self.gone.remove(&entry.job.id);
        self.jobs.insert(entry.job.id, entry);
    }

    /// How many jobs its lane may have pending, if it has as many.
    fn crowded(&self, job: &Job, old: Option<&Job>) -> Option<u32> {
        let (limit, lane) = (self.control_of(job.integration).lane_backlog?, job.lane.as_ref()?);
        let in_lane = |other: &Job| other.integration == job.integration && other.lane.as_ref() == Some(lane);
        let pending = self.jobs.values().filter(|entry| entry.is_pending() && in_lane(&entry.job)).count();
        (pending >= limit as usize && !old.is_some_and(in_lane)).then_some(limit)
    }

    pub(super) fn leave(&mut self, job: JobId, why: &'static str) {
        self.jobs.remove(&job);
        self.gone.insert(job, why);
        self.count(why);
    }
}

//! A queue in a few vectors: what an engine must do, written as plainly as possible.
//!
//! Where the contract leaves the engine a choice (whose turn it is, which overdue lease is taken first, when a job is put in
//! line), the model checks that the choice was allowed and follows it.

mod leases;
mod limits;

use std::collections::{BTreeMap, HashSet};

use schedules::Millis;
use schedules::rate::Hold;
use store::queue::{
    Cause, Control, Counts, Cursor, Debounce, Edit, Enqueued, Fired, Firing, Idempotency, IfBusy, IfExists, Job,
    JobView, Lease, Move, NewJob, Next, Pruned, Pruning, ScheduleRef, Selector, Settled, Settlement, State, TickRecord,
};
use store::{IntegrationId, JobId};

/// A job with what an engine must know beside its view.
#[derive(Clone, Debug)]
pub struct Entry {
    pub view: JobView,
    token: Option<u64>,
    /// Whether it has its key while it is pending.
    keyed: bool,
    /// Whether its lease counts as an attempt.
    counted: bool,
    /// Whether it may be in line at a limit: a claim has met it since it came.
    may_be_in_line: bool,
}

/// The first answer to a call with an idempotency key.
#[derive(Clone, Debug)]
pub struct Answered {
    integration: IntegrationId,
    asked: Idempotency,
    job: JobId,
    due: Millis,
    replaced: bool,
}

/// The model. `jobs` is in order of arrival.
#[derive(Default)]
pub struct Model {
    pub now: Millis,
    pub jobs: Vec<Entry>,
    pub answered: Vec<Answered>,
    pub controls: BTreeMap<IntegrationId, Control>,
    pub cursors: BTreeMap<ScheduleRef, Cursor>,
    pub outbox: BTreeMap<(ScheduleRef, Millis, Option<JobId>), TickRecord>,
    buckets: BTreeMap<(IntegrationId, String), limits::Charged>,
    pub holds: BTreeMap<(IntegrationId, String), Hold>,
}

impl Model {
    pub fn new(now: Millis) -> Self {
        Self { now, ..Self::default() }
    }

    fn pending_with_key(&self, job: &Job) -> Option<usize> {
        let identity = job.key.as_ref()?.identity();
        self.jobs.iter().position(|it| {
            it.keyed
                && it.view.state == State::Pending
                && it.view.job.integration == job.integration
                && it.view.job.key.as_ref().is_some_and(|key| key.identity() == identity)
        })
    }

    fn held(&mut self, lease: Lease) -> Option<usize> {
        self.jobs.iter().position(|it| it.view.job.id == lease.job && it.token == Some(lease.token))
    }

    fn matches(it: &Entry, integration: IntegrationId, selector: &Selector) -> bool {
        let job = &it.view.job;
        it.view.state == State::Pending
            && job.integration == integration
            && match selector {
                Selector::All => true,
                Selector::Job(id) => job.id == *id,
                Selector::Key(key) => it.keyed && job.key.as_ref().is_some_and(|own| own.identity() == key.identity()),
                Selector::Match(part) => job.key.as_ref().is_some_and(|own| own.contains(part)),
            }
    }

    pub fn enqueue(&mut self, jobs: &[NewJob]) -> Vec<Enqueued> {
        jobs.iter().map(|new| self.enqueue_one(new)).collect()
    }

    fn enqueue_one(&mut self, new: &NewJob) -> Enqueued {
        let integration = new.job.integration;
        let Some(asked) = &new.idempotency else {
            return self.insert(new);
        };
        let known = self.answered.iter().position(|it| it.integration == integration && it.asked.key == asked.key);
        if let Some(it) = known.map(|at| &self.answered[at]).filter(|it| self.now <= it.asked.until) {
            return if it.asked.fingerprint == asked.fingerprint {
                Enqueued::Repeated { first: it.job, due: it.due, replaced: it.replaced }
            } else {
                Enqueued::Conflict { first: it.job }
            };
        }
        let answer = self.insert(new);
        let (job, due, replaced) = match answer {
            Enqueued::Created => (new.job.id, new.job.due, false),
            Enqueued::Replaced { .. } => (new.job.id, new.job.due, true),
            Enqueued::Kept { existing, due } | Enqueued::Pushed { existing, due, .. } => (existing, due, false),
            _ => return answer,
        };
        if let Some(at) = known {
            self.answered.remove(at);
        }
        self.answered.push(Answered { integration, asked: asked.clone(), job, due, replaced });
        answer
    }

    fn insert(&mut self, new: &NewJob) -> Enqueued {
        if self.jobs.iter().any(|it| it.view.job.id == new.job.id) {
            return Enqueued::Created;
        }
        let mut answer = Enqueued::Created;
        let mut job = new.job.clone();
        let old = self.pending_with_key(&new.job);
        if let Some(running) =
            self.running_with_key(&new.job).filter(|_| new.if_exists == IfExists::Singleton && old.is_none())
        {
            return Enqueued::Kept { existing: running.id, due: running.due };
        }
        let replaces = matches!(new.if_exists, IfExists::Replace | IfExists::Debounce);
        if let Some(limit) = self.full(&new.job)
            && old.is_none_or(|at| replaces && self.jobs[at].view.job.lane != new.job.lane)
        {
            return Enqueued::Crowded { limit };
        }
        if let Some(at) = old {
            let existing = self.jobs[at].view.job.id;
            match new.if_exists {
                IfExists::Keep | IfExists::Singleton => {
                    return Enqueued::Kept { existing, due: self.jobs[at].view.job.due };
                }
                IfExists::Reject => return Enqueued::Rejected { existing },
                IfExists::Beside => unreachable!("the sequences do not make such jobs; the suite has its own cases"),
                IfExists::Replace => answer = Enqueued::Replaced { old: self.jobs.remove(at).view.job.id },
                IfExists::Debounce => {
                    let old = self.jobs.remove(at).view;
                    answer = match old.job.debounce.filter(|_| old.attempt == 0) {
                        Some(debounce) => push_back(&mut job, &old.job, debounce),
                        None => Enqueued::Replaced { old: old.job.id },
                    };
                }
            }
        }
        let view = JobView {
            job,
            state: State::Pending,
            attempt: 0,
            lost: 0,
            charged: false,
            delayed_by_limit: false,
            lease_until: None,
            died: None,
            error: None,
        };
        let keyed = new.job.key.is_some();
        self.jobs.push(Entry { view, token: None, keyed, counted: false, may_be_in_line: false });
        answer
    }

    fn running_with_key(&self, job: &Job) -> Option<&Job> {
        let key = job.key.as_ref()?;
        let is_it = |it: &&Entry| {
            let own = &it.view.job;
            it.view.state == State::Running && own.integration == job.integration && own.key.as_ref() == Some(key)
        };
        self.jobs.iter().filter(is_it).map(|it| &it.view.job).min_by_key(|own| own.id)
    }

    /// How many jobs may be pending in a job's lane, if as many are.
    fn full(&self, job: &Job) -> Option<u32> {
        let limit = self.controls.get(&job.integration)?.lane_backlog.filter(|_| job.lane.is_some())?;
        let mine = |it: &&Entry| it.is_pending_of(job.integration) && it.view.job.lane == job.lane;
        (self.jobs.iter().filter(mine).count() >= limit as usize).then_some(limit)
    }

    fn integrations(&self) -> Vec<IntegrationId> {
        let mut all: Vec<_> = self.jobs.iter().map(|it| it.view.job.integration).collect();
        all.sort();
        all.dedup();
        all
    }

    fn position(&self, id: JobId) -> usize {
        self.jobs.iter().position(|it| it.view.job.id == id).expect("the model has the job")
    }

    pub fn settle(&mut self, settlements: &[Settlement]) -> Vec<Settled> {
        settlements.iter().map(|it| self.settle_one(it)).collect()
    }

    fn settle_one(&mut self, settlement: &Settlement) -> Settled {
        let Some(at) = self.held(settlement.lease) else {
            return Settled::Stale;
        };
        let now = self.now;
        let counted = u32::from(self.jobs[at].counted);
        let view = &mut self.jobs[at].view;
        match &settlement.next {
            Next::Remove => {
                self.jobs.remove(at);
                return Settled::Applied;
            }
            Next::Retry { error, .. } => view.error = Some(error.clone()),
            Next::Return { .. } => view.attempt = view.attempt.saturating_sub(counted),
            Next::Bury { error } => {
                view.error = Some(error.clone());
                view.died = Some(now);
            }
        }
        match settlement.next {
            Next::Retry { due, closes, .. } | Next::Return { due, closes } => self.put_back(at, due, closes),
            _ => self.jobs[at].leave(State::Dead),
        }
        Settled::Applied
    }

    fn put_back(&mut self, at: usize, due: Millis, closes: Option<Millis>) {
        let job = self.jobs[at].view.job.clone();
        let keyed = job.key.is_some() && self.pending_with_key(&job).is_none();
        let it = &mut self.jobs[at];
        it.leave(State::Pending);
        (it.view.job.due, it.view.job.closes) = (due, closes);
        (it.keyed, it.may_be_in_line) = (keyed, false);
    }

    /// The leases that are held.
    pub fn leases(&self) -> Vec<Lease> {
        self.jobs.iter().filter_map(|it| Some(Lease { job: it.view.job.id, token: it.token? })).collect()
    }

    /// When a job is put in line is the engine's choice, as long as it may wait for a limit.
    pub fn follow_lines(&mut self, found: &[JobView]) {
        let in_line: HashSet<_> = found.iter().filter(|view| view.delayed_by_limit).map(|view| view.job.id).collect();
        for it in &mut self.jobs {
            it.view.delayed_by_limit = it.may_be_in_line && in_line.contains(&it.view.job.id);
        }
    }

    pub fn cancel(&mut self, integration: IntegrationId, selector: &Selector) -> Vec<Job> {
        self.take_out(|it| Self::matches(it, integration, selector))
    }

    pub fn find(&self, integration: IntegrationId, selector: &Selector) -> Vec<JobView> {
        let mut found: Vec<_> =
            self.jobs.iter().filter(|it| Self::matches(it, integration, selector)).map(|it| it.view.clone()).collect();
        found.sort_by_key(|view| view.job.id);
        found
    }

    fn take_out(&mut self, out: impl Fn(&Entry) -> bool) -> Vec<Job> {
        let mut jobs: Vec<_> = self.jobs.extract_if(.., |it| out(it)).map(|it| it.view.job).collect();
        jobs.sort_by_key(|job| job.id);
        jobs
    }

    pub fn reschedule(&mut self, moves: &[Move]) -> Vec<bool> {
        let mut answers = Vec::new();
        for wanted in moves {
            let mut pending = self.jobs.iter_mut().filter(|it| it.view.state == State::Pending);
            let found = pending.find(|it| it.view.job.id == wanted.job);
            answers.push(found.is_some());
            if let Some(it) = found {
                (it.view.job.due, it.view.job.closes) = (wanted.due, wanted.closes);
                it.may_be_in_line = false;
                it.view.job.window = wanted.window.clone().or(it.view.job.window.take());
            }
        }
        answers
    }

    pub fn fire(&mut self, firing: &Firing) -> Fired {
        let schedule = firing.schedule;
        let cursor = self.cursors.get(&schedule).copied();
        if cursor != firing.from {
            return Fired::Lost { cursor };
        }
        let is_in_the_way = |it: &Entry| it.view.state != State::Dead && it.is_tick_of(schedule);
        let busy = !firing.ticks.is_empty() && self.jobs.iter().any(is_in_the_way);
        let (nominal, fired) = (firing.to, cursor.map_or(0, |cursor| cursor.fired));
        let moved = Cursor { nominal, fired, revision: firing.revision, seen: None };
        if busy && matches!(firing.if_busy, IfBusy::Skip | IfBusy::Wait) {
            let stays = cursor.map(|cursor| Cursor { seen: firing.seen, ..cursor });
            let waits = stays.filter(|_| firing.if_busy == IfBusy::Wait);
            self.cursors.insert(schedule, waits.unwrap_or(moved));
            self.note(&firing.records_if_skipped);
            return Fired::Skipped;
        }
        let fired = fired + firing.ticks.len() as u64;
        self.cursors.insert(schedule, Cursor { fired, seen: firing.seen, ..moved });
        self.note(&firing.records);
        let revokes = firing.if_busy == IfBusy::Revoke && !firing.ticks.is_empty();
        let revoked = if revokes { self.revoke(schedule) } else { vec![] };
        self.enqueue(&firing.ticks);
        Fired::Queued { revoked }
    }

    fn note(&mut self, records: &[TickRecord]) {
        self.outbox.extend(records.iter().map(|record| (record.name(), *record)));
    }

    pub fn clear_outbox(&mut self, records: &[TickRecord]) {
        for record in records {
            self.outbox.remove(&record.name());
        }
    }

    fn revoke(&mut self, schedule: ScheduleRef) -> Vec<Job> {
        self.take_out(|it| it.is_tick_of(schedule) && it.view.state == State::Running)
    }

    pub fn replay(&mut self, job: JobId, due: Millis, edit: &Edit) -> bool {
        let Some(at) = self.jobs.iter().position(|it| it.view.job.id == job && it.view.state == State::Dead) else {
            return false;
        };
        self.put_back(at, due, None);
        let view = &mut self.jobs[at].view;
        (view.attempt, view.lost, view.charged, view.error, view.died) = (0, 0, false, None, None);
        view.job = edit.of(Job { cause: Cause::Replay, ..view.job.clone() });
        true
    }

    pub fn discard(&mut self, jobs: &[JobId]) -> u64 {
        self.take_out(|it| it.view.state == State::Dead && jobs.contains(&it.view.job.id)).len() as u64
    }

    pub fn purge(&mut self, integration: IntegrationId) {
        self.take_out(|it| it.view.job.integration == integration);
        self.answered.retain(|it| it.integration != integration);
        self.controls.remove(&integration);
        self.cursors.retain(|of, _| of.integration != integration);
        self.outbox.retain(|(of, ..), _| of.integration != integration);
        self.buckets.retain(|(of, _), _| *of != integration);
        self.holds.retain(|(of, _), _| *of != integration);
    }

    /// With a limit that is never reached.
    pub fn prune(&mut self, pruning: &Pruning) -> Pruned {
        let mut dead = self.take_out(|it| it.view.died.is_some_and(|died| died < pruning.dead_before)).len() as u64;
        for integration in self.integrations() {
            let mut of_it: Vec<_> = self
                .jobs
                .iter()
                .filter(|it| it.view.state == State::Dead && it.view.job.integration == integration)
                .map(|it| (it.view.died, it.view.job.id))
                .collect();
            // A stable sort: of those that died together the first to arrive goes first.
            of_it.sort_by_key(|(died, _)| *died);
            let surplus = of_it.len().saturating_sub(pruning.dead_keep as usize);
            let gone: Vec<_> = of_it[..surplus].iter().map(|(_, id)| *id).collect();
            dead += self.discard(&gone);
        }
        let before = self.answered.len();
        let now = self.now;
        self.answered.retain(|it| now <= it.asked.until);
        self.buckets.retain(|_, charged| charged.until > now);
        self.holds.retain(|_, hold| hold.paused || hold.until > now);
        Pruned { dead, idempotency: (before - self.answered.len()) as u64 }
    }

    pub fn counts(&self) -> Vec<(IntegrationId, Counts)> {
        let mut all = BTreeMap::<_, Counts>::new();
        for it in &self.jobs {
            let counts = all.entry(it.view.job.integration).or_default();
            let due = it.view.job.due;
            counts.in_line += u64::from(it.view.delayed_by_limit);
            match it.view.state {
                State::Pending if due <= self.now => {
                    counts.ready += 1;
                    counts.oldest_ready = Some(counts.oldest_ready.map_or(due, |oldest| oldest.min(due)));
                }
                State::Pending => counts.delayed += 1,
                State::Running => counts.running += 1,
                State::Dead => counts.dead += 1,
            }
        }
        all.into_iter().collect()
    }
}

/// A debounced job's place is taken by the next call.
fn push_back(job: &mut Job, old: &Job, debounce: Debounce) -> Enqueued {
    let Debounce { latest, pushes } = Debounce { pushes: debounce.pushes + 1, ..debounce };
    if latest < job.due {
        (job.due, job.closes) = (latest, job.closes.map(|_| latest));
    }
    (job.id, job.debounce) = (old.id, Some(Debounce { latest, pushes }));
    Enqueued::Pushed { existing: old.id, due: job.due, pushes }
}

impl Entry {
    fn is_tick_of(&self, schedule: ScheduleRef) -> bool {
        self.view.job.is_tick() && self.view.job.schedule() == schedule
    }

    fn is_pending_of(&self, integration: IntegrationId) -> bool {
        self.view.state == State::Pending && self.view.job.integration == integration
    }

    fn leave(&mut self, to: State) {
        self.view.state = to;
        self.view.lease_until = None;
        self.token = None;
    }
}

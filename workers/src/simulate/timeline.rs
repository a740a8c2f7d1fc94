//! The order of things: ticks, calls, starts and ends of runs, from one instant to the next that matters.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

use schedules::{Millis, due};
use sha2::{Digest, Sha256};
use store::catalog::Trigger;
use store::queue::{Cause, Cursor, Debounce, IfBusy, IfExists, Job};
use store::{IntegrationId, JobId};

use super::calls::one_key;
use super::queue::{Buckets, Queue};
use super::{Call, Course, MAX_ROWS, Name, Plan, Row, Verb, What};
use crate::authoring::control;
use crate::duties::ticks::{self, Due, Of};
use crate::duties::{AGAIN_MS, pause_ms};
use crate::invoke::{Opening, lane, pending, request};
use crate::{Error, Result};

/// More ticks than come at one time on a clock that does not stand still.
const IDS: usize = 4;
/// A claim serves so many integrations that each gets about this many jobs.
const QUANTUM: usize = 8;
/// More runs than there are.
const MOST_AT_ONCE: usize = 1 << 40;

/// What comes at an instant, in this order: room is made before it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// The run of this number of an integration ends.
    End(usize, u64),
    /// A schedule is due.
    Tick(usize),
    /// The call with this place comes.
    Call(usize),
    /// Integrations may have something to start.
    Look,
}

/// Simulates; hands over what happens, in order. Returns how many jobs are pending at the end.
///
/// Errors: a call that the API would refuse as malformed, or more than [`MAX_ROWS`] things that happen.
pub fn simulate(plan: &Plan, take: &mut dyn FnMut(Row)) -> Result<usize> {
    let mut timeline = Timeline::new(plan)?;
    let mut rows = 0;
    let mut told = Vec::new();
    while let Some(Reverse((at, step))) = timeline.steps.pop().filter(|Reverse((at, _))| *at < plan.to) {
        timeline.step(at, step, &mut told)?;
        rows += told.len();
        if rows > MAX_ROWS {
            let message = format!("more than {MAX_ROWS} things happen before {}; simulate less", at.to_rfc3339());
            return Err(Error::invalid("to", "too_much", message));
        }
        told.drain(..).for_each(&mut *take);
    }
    Ok(timeline.queues.iter().map(Queue::left).sum())
}

struct Timeline<'a> {
    plan: &'a Plan,
    ids: Vec<IntegrationId>,
    places: HashMap<&'a str, usize>,
    queues: Vec<Queue>,
    /// The buckets of limiters.
    shared: Buckets,
    /// When each integration had its last turn.
    served: Vec<u64>,
    last_turn: u64,
    /// How many runs are under way.
    running: usize,
    /// Those that wait for room for a run.
    crowded: BTreeSet<usize>,
    cursors: Vec<Cursor>,
    /// When each schedule is looked at next, and how often a tick of it has waited.
    wakes: Vec<Option<Millis>>,
    waited: Vec<u32>,
    steps: BinaryHeap<Reverse<(Millis, Step)>>,
    /// Who is to be looked at, and when.
    looks: BTreeSet<(Millis, usize)>,
    jobs: u128,
}

impl<'a> Timeline<'a> {
    fn new(plan: &'a Plan) -> Result<Self> {
        let mut timeline = Self {
            plan,
            ids: plan.subjects.iter().map(|subject| subject.id.unwrap_or_else(|| id_of(&subject.name))).collect(),
            places: plan.subjects.iter().enumerate().map(|(place, subject)| (subject.name.as_str(), place)).collect(),
            queues: plan
                .subjects
                .iter()
                .map(|subject| Queue::new(control(&subject.settings, &plan.limits(subject), false)))
                .collect(),
            shared: Buckets::default(),
            served: vec![0; plan.subjects.len()],
            last_turn: 0,
            running: 0,
            crowded: BTreeSet::new(),
            cursors: vec![Cursor::at(plan.from.after(-1)); plan.subjects.len()],
            wakes: vec![None; plan.subjects.len()],
            waited: vec![0; plan.subjects.len()],
            steps: BinaryHeap::new(),
            looks: BTreeSet::new(),
            jobs: 0,
        };
        for subject in 0..plan.subjects.len() {
            timeline.next_tick(subject);
        }
        for (place, call) in plan.calls.iter().enumerate() {
            if !timeline.places.contains_key(call.integration.as_str()) {
                let message = format!("names `{}`, which is not there", call.integration);
                return Err(Error::invalid(format!("calls[{place}].integration"), "integration_not_found", message));
            }
            if call.at >= plan.from {
                timeline.steps.push(Reverse((call.at, Step::Call(place))));
            }
        }
        Ok(timeline)
    }

    fn step(&mut self, at: Millis, step: Step, told: &mut Vec<Row>) -> Result<()> {
        let subject = match step {
            Step::End(subject, number) => {
                let retry = &self.plan.subjects[subject].settings.retry;
                let mut tell = |job: &Name, what| told.push(Row { at, subject, job: job.clone(), what });
                if self.queues[subject].ended(at, number, retry, &mut self.shared, &mut tell) {
                    self.running -= 1;
                }
                for subject in std::mem::take(&mut self.crowded) {
                    self.look(at, subject);
                }
                subject
            }
            Step::Tick(subject) => {
                self.tick(at, subject, told);
                subject
            }
            Step::Call(place) => {
                let call = &self.plan.calls[place];
                let subject = self.places[call.integration.as_str()];
                let at_field = |error: Error| match error {
                    Error::Invalid { field, code, message } => {
                        Error::Invalid { field: format!("calls[{place}].body.{field}"), code, message }
                    }
                    other => other,
                };
                self.call(at, subject, place, call, told).map_err(at_field)?;
                subject
            }
            Step::Look => {
                self.turns(at, told);
                return Ok(());
            }
        };
        self.look(at, subject);
        Ok(())
    }

    fn look(&mut self, at: Millis, subject: usize) {
        if self.looks.range((at, 0)..=(at, usize::MAX)).next().is_none() {
            self.steps.push(Reverse((at, Step::Look)));
        }
        self.looks.insert((at, subject));
    }

    /// Those that may have something to start take turns, as a claim gives them: the one first whose last turn is longest
    /// ago, each about eight jobs if there is not room for all.
    fn turns(&mut self, at: Millis, told: &mut Vec<Row>) {
        let mut left: Vec<usize> = self.looks.range((at, 0)..=(at, usize::MAX)).map(|(_, subject)| *subject).collect();
        for subject in &left {
            self.looks.remove(&(at, *subject));
        }
        let all = left.clone();
        loop {
            left.sort_by_key(|subject| self.served[*subject]);
            let room = self.room();
            if left.is_empty() || room == 0 {
                break;
            }
            let turns = room.div_ceil(QUANTUM).min(left.len());
            let share = room.div_ceil(turns);
            let mut again = left.split_off(turns);
            for subject in left {
                let most = share.min(self.room());
                let started = self.advance(at, subject, most, told);
                if started > 0 {
                    self.last_turn += 1;
                    self.served[subject] = self.last_turn;
                }
                again.extend((started == most).then_some(subject));
            }
            left = again;
        }
        for subject in left {
            self.advance(at, subject, 0, told);
            self.crowded.insert(subject);
        }
        for subject in all {
            if let Some(next) = self.queues[subject].next(at) {
                self.look(next.max(at.after(1)), subject);
            }
        }
    }

    /// How many more runs there may be.
    fn room(&self) -> usize {
        self.plan.room.unwrap_or(MOST_AT_ONCE).saturating_sub(self.running)
    }

    /// Starts what may start of one integration, at most so many; gives how many did.
    fn advance(&mut self, at: Millis, subject: usize, most: usize, told: &mut Vec<Row>) -> usize {
        let mut tell = |job: &Name, what| told.push(Row { at, subject, job: job.clone(), what });
        let queue = &mut self.queues[subject];
        let started = queue.advance(at, most, &mut self.shared, &mut tell);
        for number in &started {
            let takes_ms = queue.course(*number).ms(&self.plan.subjects[subject].settings, self.plan.run_ms);
            let end = at.after(i64::try_from(takes_ms).unwrap_or(i64::MAX));
            self.steps.push(Reverse((end, Step::End(subject, *number))));
        }
        self.running += started.len();
        started.len()
    }

    /// The schedule of an integration, if it has one.
    fn schedule(&self, subject: usize) -> Option<Of<'a>> {
        let of = &self.plan.subjects[subject];
        let schedule = of.settings.schedule.as_ref().filter(|_| of.trigger == Trigger::Recurring);
        schedule.map(|schedule| Of::settings(self.ids[subject], schedule))
    }

    /// The schedule is looked at again at this time, and no earlier.
    fn wake(&mut self, subject: usize, at: Option<Millis>) {
        self.wakes[subject] = at;
        if let Some(at) = at {
            self.steps.push(Reverse((at, Step::Tick(subject))));
        }
    }

    fn next_tick(&mut self, subject: usize) {
        let next = self.schedule(subject).and_then(|of| of.next(self.cursors[subject]));
        self.wake(subject, next);
    }

    fn new_id(&mut self, at: Millis) -> JobId {
        self.jobs += 1;
        JobId(ulid::Ulid::from_parts(u64::try_from(at.0).unwrap_or_default(), self.jobs))
    }

    /// Does what the duty that fires schedules does.
    fn tick(&mut self, at: Millis, subject: usize, told: &mut Vec<Row>) {
        if self.wakes[subject] != Some(at) || self.queues[subject].control.paused {
            return;
        }
        let Some(of) = self.schedule(subject) else { return };
        let mut ids: Vec<JobId> = (0..IDS).map(|_| self.new_id(at)).rev().collect();
        let due = ticks::due(&of, Some(self.cursors[subject]), at, || ids.pop().unwrap_or_else(|| JobId::new(at)));
        let Some(Due { firing, passed_over, .. }) = due else {
            return self.next_tick(subject);
        };
        let mut tell = |job: &Name, what| told.push(Row { at, subject, job: job.clone(), what });
        let name = |job: &Job| Name::Tick(job.tick.map_or(job.due, |tick| tick.nominal));
        let queue = &mut self.queues[subject];
        let (waits, busy) = (firing.if_busy == IfBusy::Wait, queue.has_tick());
        if busy && matches!(firing.if_busy, IfBusy::Skip | IfBusy::Wait) {
            self.cursors[subject] = firing.cursor_if_skipped();
            if waits {
                self.waited[subject] += 1;
                return self.wake(subject, Some(at.after(pause_ms(self.waited[subject]))));
            }
            passed_over.iter().chain(&firing.ticks).for_each(|tick| tell(&name(&tick.job), What::Skipped));
            return self.next_tick(subject);
        }
        self.cursors[subject] = firing.cursor_if_queued();
        self.waited[subject] = 0;
        passed_over.iter().for_each(|tick| tell(&name(&tick.job), What::Skipped));
        if firing.if_busy == IfBusy::Revoke && !firing.ticks.is_empty() {
            self.running -= queue.revoke(&mut tell);
        }
        let courses: Arc<[Course]> = Arc::default();
        for tick in firing.ticks {
            let name = name(&tick.job);
            tell(&name, What::Fired { due: tick.job.due, cause: tick.job.cause });
            queue.put(name, tick.job, tick.if_exists, &courses, &mut tell);
        }
        let next = of.next(self.cursors[subject]);
        self.wake(subject, next.map(|next| if waits { next.max(at.after(AGAIN_MS)) } else { next }));
    }

    fn call(&mut self, at: Millis, subject: usize, place: usize, call: &Call, told: &mut Vec<Row>) -> Result<()> {
        let id = self.new_id(at);
        let integration = self.ids[subject];
        let concurrency = &self.plan.subjects[subject].settings.concurrency;
        let queue = &mut self.queues[subject];
        let mut tell = |job: &Name, what| told.push(Row { at, subject, job: job.clone(), what });
        let nameless = Name::Call(place as u64 + 1);
        let name = |job: &Job| job.key.as_ref().map_or(nameless.clone(), |key| Name::Key(Arc::from(key.canonical())));
        match call.verb {
            Verb::Execute => {
                let run = request::execute(call.body.clone())?;
                let mut job = Job { id, ..pending::job(integration, &run, Cause::Execute, None, at) };
                job.lane = lane(concurrency.lanes.as_ref(), job.key.as_ref(), IfExists::Beside);
                // Whoever waits for it tries again, or not.
                job.attempts = Some(1);
                queue.put(name(&job), job, IfExists::Beside, &call.runs, &mut tell);
            }
            Verb::Schedule => {
                let request = request::schedule(call.body.clone())?;
                let mut job = Job { id, ..pending::job(integration, &request.run, Cause::Manual, None, at) };
                let mut wanted = due::resolve(request.when, at, due::DEFAULT_HORIZON_MS)?;
                if request.if_exists == IfExists::Debounce {
                    let wait_ms = request.max_wait_ms.unwrap_or(due::DEFAULT_HORIZON_MS);
                    let latest = at.after(wait_ms.min(due::DEFAULT_HORIZON_MS));
                    (wanted, job.debounce) = (wanted.min(latest), Some(Debounce { latest, pushes: 0 }));
                }
                let opening = Opening::find(request.window.as_ref(), wanted, request.jitter_ms, job.id)?;
                (job.due, job.closes, job.jitter_ms) = (opening.due, opening.closes, request.jitter_ms);
                job.window = request.window.map(|window| window.spec().clone());
                job.lane = lane(concurrency.lanes.as_ref(), job.key.as_ref(), request.if_exists);
                queue.put(name(&job), job, request.if_exists, &call.runs, &mut tell);
            }
            Verb::Reschedule => {
                let request = request::reschedule(call.body.clone())?;
                let wanted = due::resolve(request.when, at, due::DEFAULT_HORIZON_MS)?;
                for number in queue.find(&request.selector) {
                    let Some(held) = queue.job(number) else { continue };
                    let own = held.window.as_ref().map(schedules::Window::parse).transpose()?;
                    let window = request.window.as_ref().or(own.as_ref());
                    let opening = Opening::find(window, wanted, held.jitter_ms, held.id)?;
                    let spec = window.map(|window| window.spec().clone());
                    let change =
                        |job: &mut Job| (job.due, job.closes, job.window) = (opening.due, opening.closes, spec);
                    queue.reschedule(number, change, &mut tell);
                }
            }
            Verb::Cancel => {
                let found = queue.find(&request::cancel(call.body.clone())?);
                queue.cancel(&found, &mut tell);
            }
            Verb::PauseKey | Verb::ResumeKey | Verb::ResetKey => {
                let (limit, key) = one_key(&queue.control.limits, &call.body)?;
                let Some(to) = call.verb.adjustment() else { return Ok(()) };
                tell(&nameless, What::Turned { limit, key: key.as_str().into(), to });
                if let Some(bucket) = queue.adjust(limit, &key, to, &mut self.shared) {
                    self.queues.iter_mut().for_each(|queue| queue.look_again(&bucket));
                    (0..self.queues.len()).for_each(|other| self.look(at, other));
                }
            }
            Verb::Pause | Verb::Resume => {
                let paused = call.verb == Verb::Pause;
                if queue.control.paused != paused {
                    queue.control.paused = paused;
                    tell(&nameless, What::Paused(paused));
                    if !paused {
                        // A schedule counts on from here.
                        self.cursors[subject].nominal = at;
                        self.next_tick(subject);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Of an integration that has none yet.
fn id_of(name: &str) -> IntegrationId {
    let hash = Sha256::digest(name);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    IntegrationId(ulid::Ulid::from_bytes(bytes))
}

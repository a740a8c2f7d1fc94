//! One integration's jobs, as the queue would treat them: turns, lanes, concurrency, lines at full rate limits.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use schedules::Millis;
use schedules::rate::names;
use store::queue::{Control, IfExists, Job, Selector};

use super::{Course, Name, What};
use buckets::Place;
use line::Gate;

mod ask;
mod buckets;
mod line;
mod place;
mod turn;

pub(super) use buckets::Buckets;

/// What hears of everything that happens.
pub(super) type Tell<'a> = &'a mut dyn FnMut(&Name, What);

/// A job's number: the order of arrival.
type Number = u64;
type Lane = Option<Box<str>>;

/// A job, pending or running.
struct Pending {
    name: Name,
    job: Job,
    at: Where,
    /// The gate that it was let through, until it starts.
    through: Option<Place>,
    /// It was told that it waits for others to end.
    waits: bool,
    /// Its key names it.
    named: bool,
    /// How many attempts it has begun.
    made: u32,
    /// It was charged to its rate limits.
    charged: bool,
    /// How its runs go.
    courses: Arc<[Course]>,
}

#[derive(Clone, PartialEq, Eq)]
enum Where {
    /// For its due time.
    Early,
    /// For its turn.
    Ready,
    /// For room in a rate limit.
    Line(Place),
}

#[derive(Default)]
struct Turns {
    ready: BTreeSet<(Reverse<u8>, Millis, Number)>,
    /// Those that are pending again after an attempt.
    retrying: BTreeSet<(Millis, Number)>,
    running: u32,
    pending: u32,
    turn: u64,
}

/// The jobs of one integration.
pub(super) struct Queue {
    pub control: Control,
    /// Of the buckets of each limit.
    names: Vec<Arc<str>>,
    own: Buckets,
    last: Number,
    last_turn: u64,
    pending: HashMap<Number, Pending>,
    running: HashMap<Number, Pending>,
    keys: HashMap<Box<str>, Number>,
    early: BTreeSet<(Millis, Number)>,
    /// Of those that could start, when their openings end.
    closing: BTreeSet<(Millis, Number)>,
    /// Those that became ready in this step.
    fresh: Vec<Number>,
    /// Lanes with somebody ready, by their turns.
    turns: BTreeSet<(u64, Lane)>,
    /// Ticks that are pending or running.
    ticks: usize,
    lanes: BTreeMap<Lane, Turns>,
    gates: HashMap<Place, Gate>,
    /// The gates behind which somebody waits, by when they open.
    opening: BTreeSet<(Millis, Place)>,
}

impl Queue {
    pub fn new(control: Control) -> Self {
        Self {
            names: names(&control.limits).into_iter().map(Arc::from).collect(),
            own: Buckets::default(),
            control,
            last: 0,
            last_turn: 0,
            pending: HashMap::new(),
            running: HashMap::new(),
            keys: HashMap::new(),
            early: BTreeSet::new(),
            closing: BTreeSet::new(),
            fresh: Vec::new(),
            turns: BTreeSet::new(),
            ticks: 0,
            lanes: BTreeMap::new(),
            gates: HashMap::new(),
            opening: BTreeSet::new(),
        }
    }

    // ---- what comes in

    /// Queues a job, or not, as its key and its lane allow.
    pub fn put(&mut self, name: Name, job: Job, if_exists: IfExists, courses: &Arc<[Course]>, tell: Tell<'_>) {
        let key =
            job.key.as_ref().map(|key| Box::<str>::from(key.canonical())).filter(|_| if_exists != IfExists::Beside);
        let held = key.as_ref().and_then(|key| self.keys.get(key).copied());
        let runs = if_exists == IfExists::Singleton && self.running.values().any(|run| run.named && run.name == name);
        match (held, if_exists) {
            _ if runs => return tell(&name, What::Kept),
            (Some(_), IfExists::Keep | IfExists::Singleton) => return tell(&name, What::Kept),
            (Some(held), IfExists::Debounce) if self.is_debounced(held) => {
                return self.push_back(held, job, courses, tell);
            }
            (Some(_), IfExists::Reject) => return tell(&name, What::Refused("key_exists")),
            _ => {}
        }
        let crowded = |lane: &Turns| self.control.lane_backlog.is_some_and(|most| lane.pending >= most);
        if held.is_none() && job.lane.is_some() && job.tick.is_none() && self.lanes.get(&job.lane).is_some_and(crowded)
        {
            return tell(&name, What::Refused("backlog_full"));
        }
        if let Some(held) = held {
            self.take_out(held);
        }
        if job.tick.is_none() {
            tell(&name, What::Queued { due: job.due, replaced: held.is_some() });
        }
        self.last += 1;
        let named = key.is_some();
        if let Some(key) = key {
            self.keys.insert(key, self.last);
        }
        let (at, through, waits, made, charged) = (Where::Early, None, false, 0, false);
        let courses = courses.clone();
        self.back(self.last, Pending { name, job, at, through, waits, named, made, charged, courses });
    }

    /// Whether later calls push it back: not any more once it was started.
    fn is_debounced(&self, number: Number) -> bool {
        self.pending.get(&number).is_some_and(|pending| pending.job.debounce.is_some() && pending.made == 0)
    }

    /// A debounced job is made of the newest call, and due by its latest time all the same.
    fn push_back(&mut self, held: Number, job: Job, courses: &Arc<[Course]>, tell: Tell<'_>) {
        let Some(mut old) = self.take_out(held) else { return };
        let latest = old.job.debounce.map_or(job.due, |debounce| debounce.latest);
        let due = job.due.min(latest);
        let closes = if due < job.due { job.closes.map(|_| due) } else { job.closes };
        old.job = Job { id: old.job.id, due, closes, debounce: old.job.debounce, ..job };
        old.courses = courses.clone();
        tell(&old.name, What::Rescheduled { due });
        self.back(held, old);
    }

    /// Whether a tick is pending or running.
    pub fn has_tick(&self) -> bool {
        self.ticks > 0
    }

    /// Takes the running ticks away; gives how many.
    pub fn revoke(&mut self, tell: Tell<'_>) -> usize {
        let mut ticks: Vec<Number> =
            self.running.iter().filter(|(_, run)| run.job.tick.is_some()).map(|(number, _)| *number).collect();
        ticks.sort_unstable();
        for number in &ticks {
            if let Some(run) = self.stopped(*number) {
                tell(&run.name, What::Cancelled);
            }
        }
        ticks.len()
    }

    /// The pending jobs that a call means, oldest first.
    pub fn find(&self, selector: &Selector) -> Vec<Number> {
        let mut found: Vec<Number> = match selector {
            Selector::Key(key) => self.keys.get(key.canonical()).copied().into_iter().collect(),
            Selector::Match(part) => {
                let fits = |pending: &Pending| pending.job.key.as_ref().is_some_and(|key| key.contains(part));
                self.pending.iter().filter(|(_, pending)| fits(pending)).map(|(number, _)| *number).collect()
            }
            Selector::Job(_) | Selector::All => self.pending.keys().copied().collect(),
        };
        found.sort_unstable();
        found
    }

    /// Takes pending jobs away.
    pub fn cancel(&mut self, found: &[Number], tell: Tell<'_>) {
        for number in found {
            if let Some(pending) = self.take_out(*number) {
                tell(&pending.name, What::Cancelled);
            }
        }
    }

    /// Gives a pending job another due time.
    pub fn reschedule(&mut self, number: Number, change: impl FnOnce(&mut Job), tell: Tell<'_>) {
        let Some(mut pending) = self.take_out(number) else { return };
        change(&mut pending.job);
        tell(&pending.name, What::Rescheduled { due: pending.job.due });
        self.back(number, pending);
    }

    pub fn job(&self, number: Number) -> Option<&Job> {
        self.pending.get(&number).map(|pending| &pending.job)
    }

    /// How many jobs are pending.
    pub fn left(&self) -> usize {
        self.pending.len()
    }
}

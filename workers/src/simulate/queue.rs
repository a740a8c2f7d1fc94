//! One integration's jobs, as the queue would treat them: turns, lanes, concurrency, lines at full rate limits.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use schedules::Millis;
use schedules::rate::{Bucket, OnExceed, OnMissing, State, Verdict, decide, names};
use store::queue::{Control, IfExists, Job, Selector};

use super::{Name, What};
use crate::worker::plan::reopening;

/// What hears of everything that happens.
pub(super) type Tell<'a> = &'a mut dyn FnMut(&Name, What);

/// A job's number: the order of arrival.
type Number = u64;
type Lane = Option<Box<str>>;
/// A limit's set of buckets, and what the job counts under.
type Place = (String, String);

struct Pending {
    name: Name,
    job: Job,
    at: Where,
    /// It was told that it waits for others to end.
    waits: bool,
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

struct Running {
    name: Name,
    lane: Lane,
    tick: bool,
    /// Its key names it.
    keyed: bool,
}

#[derive(Default)]
struct Turns {
    ready: BTreeSet<(Reverse<u8>, Millis, Number)>,
    running: u32,
    pending: u32,
    turn: u64,
}

/// The jobs of one integration.
pub(super) struct Queue {
    pub control: Control,
    limits: Vec<String>,
    last: Number,
    last_turn: u64,
    pending: HashMap<Number, Pending>,
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
    lines: BTreeMap<Place, BTreeSet<(Millis, Reverse<u8>, Number)>>,
    gates: HashMap<Place, Millis>,
    /// The gates by when they open.
    opening: BTreeSet<(Millis, Place)>,
    buckets: HashMap<Place, State>,
    running: HashMap<Number, Running>,
}

/// What a rate limit says of a job.
enum Said {
    Start(Vec<(Place, State)>),
    Wait(usize, Place, Millis),
    Refuse(usize),
}

impl Queue {
    pub fn new(control: Control) -> Self {
        Self {
            limits: names(&control.limits),
            control,
            last: 0,
            last_turn: 0,
            pending: HashMap::new(),
            keys: HashMap::new(),
            early: BTreeSet::new(),
            closing: BTreeSet::new(),
            fresh: Vec::new(),
            turns: BTreeSet::new(),
            ticks: 0,
            lanes: BTreeMap::new(),
            lines: BTreeMap::new(),
            gates: HashMap::new(),
            opening: BTreeSet::new(),
            buckets: HashMap::new(),
            running: HashMap::new(),
        }
    }

    // ---- what comes in

    /// Queues a job, or not, as its key and its lane allow.
    pub fn put(&mut self, name: Name, job: Job, if_exists: IfExists, tell: Tell<'_>) {
        let key =
            job.key.as_ref().map(|key| Box::<str>::from(key.canonical())).filter(|_| if_exists != IfExists::Beside);
        let held = key.as_ref().and_then(|key| self.keys.get(key).copied());
        let runs = if_exists == IfExists::Singleton && self.running.values().any(|run| run.keyed && run.name == name);
        match (held, if_exists) {
            _ if runs => return tell(&name, What::Kept),
            (Some(_), IfExists::Keep | IfExists::Singleton) => return tell(&name, What::Kept),
            (Some(held), IfExists::Debounce) if self.job(held).is_some_and(|old| old.debounce.is_some()) => {
                return self.push_back(held, job, tell);
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
        if let Some(key) = key {
            self.keys.insert(key, self.last);
        }
        self.lanes.entry(job.lane.clone()).or_default().pending += 1;
        self.ticks += usize::from(job.tick.is_some());
        self.early.insert((job.due, self.last));
        self.pending.insert(self.last, Pending { name, job, at: Where::Early, waits: false });
    }

    /// A debounced job is made of the newest call, and due by its latest time all the same.
    fn push_back(&mut self, held: Number, job: Job, tell: Tell<'_>) {
        let Some(mut old) = self.take_out(held) else { return };
        let latest = old.job.debounce.map_or(job.due, |debounce| debounce.latest);
        let due = job.due.min(latest);
        let closes = if due < job.due { job.closes.map(|_| due) } else { job.closes };
        old.job = Job { id: old.job.id, due, closes, debounce: old.job.debounce, ..job };
        tell(&old.name, What::Rescheduled { due });
        self.back(held, old);
    }

    /// Whether a tick is pending or running.
    pub fn has_tick(&self) -> bool {
        self.ticks > 0
    }

    /// Takes the running ticks away.
    pub fn revoke(&mut self, tell: Tell<'_>) {
        let ticks: Vec<Number> = self.running.iter().filter(|(_, run)| run.tick).map(|(number, _)| *number).collect();
        for number in ticks {
            if let Some(name) = self.ended(number) {
                tell(&name, What::Cancelled);
            }
        }
    }

    /// A run ends; gives its name, unless it was taken away.
    pub fn ended(&mut self, number: Number) -> Option<Name> {
        let running = self.running.remove(&number)?;
        self.ticks -= usize::from(running.tick);
        if let Some(lane) = self.lanes.get_mut(&running.lane) {
            lane.running -= 1;
        }
        Some(running.name)
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

    // ---- what starts

    /// When something may start or close, if nothing else happens before; ends of runs are not looked at.
    pub fn next(&self) -> Option<Millis> {
        let early = self.early.first().map(|(due, _)| *due);
        let closes = self.closing.first().map(|(closes, _)| *closes);
        let gate = self.opening.first().map(|(gate, _)| *gate).filter(|_| !self.control.paused);
        early.into_iter().chain(closes).chain(gate).min()
    }

    /// Starts what may start now; gives the numbers of the runs that began.
    pub fn advance(&mut self, now: Millis, tell: Tell<'_>) -> Vec<Number> {
        while let Some((due, number)) = self.early.first().copied().filter(|(due, _)| *due <= now) {
            self.early.remove(&(due, number));
            self.ready(number);
        }
        self.close(now, tell);
        let mut started = Vec::new();
        if self.control.paused {
            return started;
        }
        self.open_gates(now, &mut started, tell);
        while let Some(number) = self.next_turn() {
            let place = self.line_ahead(number);
            match (self.ask(now, number), place) {
                (Said::Refuse(limit), _) => self.refuse(number, limit, tell),
                (Said::Wait(limit, place, until), _) => self.queue_up(number, limit, place, until, tell),
                (Said::Start(_), Some((limit, place))) => {
                    let until = self.gates.get(&place).copied().unwrap_or(now);
                    self.queue_up(number, limit, place, until, tell);
                }
                (Said::Start(states), None) => started.extend(self.start(now, number, states, tell)),
            }
        }
        self.note_waiting(tell);
        started
    }

    /// What is over its opening moves to the next one, or is dropped.
    fn close(&mut self, now: Millis, tell: Tell<'_>) {
        let over: Vec<Number> =
            self.closing.iter().take_while(|(closes, _)| *closes <= now).map(|(_, number)| *number).collect();
        for number in over {
            let Some(mut pending) = self.take_out(number) else { continue };
            match reopening(&pending.job, now) {
                Some(opening) => {
                    (pending.job.due, pending.job.closes) = (opening.due, opening.closes);
                    tell(&pending.name, What::Moved { due: opening.due });
                    self.back(number, pending);
                }
                None => tell(&pending.name, What::Dropped),
            }
        }
    }

    /// Lets those out of the lines that have room, in order.
    fn open_gates(&mut self, now: Millis, started: &mut Vec<Number>, tell: Tell<'_>) {
        let open: Vec<Place> =
            self.opening.iter().take_while(|(gate, _)| *gate <= now).map(|(_, place)| place.clone()).collect();
        for place in open {
            while let Some((.., number)) = self.lines.get(&place).and_then(|line| line.first().copied()) {
                let Some(lane) = self.pending.get(&number).map(|pending| pending.job.lane.clone()) else { break };
                if !self.has_room(&lane) {
                    break;
                }
                match self.ask(now, number) {
                    Said::Start(states) => started.extend(self.start(now, number, states, tell)),
                    Said::Refuse(limit) => self.refuse(number, limit, tell),
                    Said::Wait(_, other, until) if other == place => {
                        self.shut(&place, until);
                        break;
                    }
                    Said::Wait(limit, other, until) => {
                        self.leave(number);
                        self.queue_up(number, limit, other, until, tell);
                    }
                }
            }
        }
    }

    fn has_room(&self, lane: &Lane) -> bool {
        let running = u32::try_from(self.running.len()).unwrap_or(u32::MAX);
        let of_lane = self.lanes.get(lane).map_or(0, |lane| lane.running);
        self.control.concurrency.is_none_or(|most| running < most)
            && (lane.is_none() || self.control.lane_concurrency.is_none_or(|most| of_lane < most))
    }

    /// Whose turn it is, of those that may start as far as concurrency goes.
    fn next_turn(&mut self) -> Option<Number> {
        if self.control.concurrency.is_some_and(|most| self.running.len() >= most as usize) {
            return None;
        }
        let (turn, lane) = self.turns.iter().find(|(_, lane)| self.has_room(lane)).cloned()?;
        self.turns.remove(&(turn, lane.clone()));
        self.last_turn += 1;
        self.turns.insert((self.last_turn, lane.clone()));
        let turns = self.lanes.get_mut(&lane)?;
        turns.turn = self.last_turn;
        turns.ready.first().map(|(.., number)| *number)
    }

    /// The first line of others that a job has to join.
    fn line_ahead(&self, number: Number) -> Option<(usize, Place)> {
        let job = self.job(number)?;
        let places = self
            .places(job)
            .into_iter()
            .filter_map(|(limit, subject)| Some((limit, (self.limits[limit].clone(), subject?))));
        let mut delayed = places.filter(|(limit, _)| self.control.limits[*limit].on_exceed == OnExceed::Delay);
        delayed.find(|(_, place)| self.lines.get(place).is_some_and(|line| !line.is_empty()))
    }

    /// For each limit, what the job counts under.
    fn places(&self, job: &Job) -> Vec<(usize, Option<String>)> {
        let limits = self.control.limits.iter().enumerate();
        limits.map(|(limit, rule)| (limit, rule.subject(job.key.as_ref()))).collect()
    }

    fn ask(&self, now: Millis, number: Number) -> Said {
        let Some(job) = self.job(number) else { return Said::Start(Vec::new()) };
        let (mut places, mut buckets) = (Vec::new(), Vec::new());
        for (limit, subject) in self.places(job) {
            let rule = &self.control.limits[limit];
            let Some(subject) = subject else {
                if rule.on_missing == OnMissing::Reject {
                    return Said::Refuse(limit);
                }
                continue;
            };
            let place = (self.limits[limit].clone(), subject);
            let state = self.buckets.get(&place).cloned().unwrap_or_else(|| State::empty(rule.rule.algorithm));
            buckets.push((Bucket { weight: job.weight, ..Bucket::new(rule.rule, state) }, rule.on_exceed));
            places.push((limit, place));
        }
        match decide(now, &buckets) {
            Verdict::Start { states } => Said::Start(places.into_iter().map(|(_, place)| place).zip(states).collect()),
            Verdict::Wait { place, until } => Said::Wait(places[place].0, places[place].1.clone(), until),
            Verdict::Refuse { place, .. } => Said::Refuse(places[place].0),
        }
    }

    fn start(&mut self, now: Millis, number: Number, states: Vec<(Place, State)>, tell: Tell<'_>) -> Option<Number> {
        self.buckets.extend(states);
        let named = |job: &Job| job.key.as_ref().and_then(|key| self.keys.get(key.canonical())) == Some(&number);
        let keyed = self.job(number).is_some_and(named);
        let pending = self.take_out(number)?;
        tell(&pending.name, What::Started { late_ms: now.since(pending.job.due) });
        self.lanes.entry(pending.job.lane.clone()).or_default().running += 1;
        let (tick, keyed) = (pending.job.tick.is_some(), keyed);
        self.ticks += usize::from(tick);
        self.running.insert(number, Running { name: pending.name, lane: pending.job.lane, tick, keyed });
        Some(number)
    }

    fn refuse(&mut self, number: Number, limit: usize, tell: Tell<'_>) {
        if let Some(pending) = self.take_out(number) {
            tell(&pending.name, What::RateLimited { limit });
        }
    }

    fn queue_up(&mut self, number: Number, limit: usize, place: Place, until: Millis, tell: Tell<'_>) {
        self.leave(number);
        let Some(pending) = self.pending.get_mut(&number) else { return };
        tell(&pending.name, What::Limited { limit, until });
        pending.at = Where::Line(place.clone());
        self.closing.extend(pending.job.closes.map(|closes| (closes, number)));
        let entry = (pending.job.due, Reverse(pending.job.priority), number);
        self.lines.entry(place.clone()).or_default().insert(entry);
        let until = self.gates.get(&place).map_or(until, |gate| until.max(*gate));
        self.shut(&place, until);
    }

    /// Tells those whose turn would be next that they wait for others to end.
    fn note_waiting(&mut self, tell: Tell<'_>) {
        for number in std::mem::take(&mut self.fresh) {
            let ready = self.pending.get_mut(&number).filter(|pending| pending.at == Where::Ready && !pending.waits);
            if let Some(pending) = ready {
                pending.waits = true;
                tell(&pending.name, What::Waits);
            }
        }
    }

    /// A gate opens at this time, and no earlier.
    fn shut(&mut self, place: &Place, until: Millis) {
        if let Some(before) = self.gates.insert(place.clone(), until) {
            self.opening.remove(&(before, place.clone()));
        }
        self.opening.insert((until, place.clone()));
    }

    // ---- places

    fn ready(&mut self, number: Number) {
        let Some(pending) = self.pending.get_mut(&number) else { return };
        pending.at = Where::Ready;
        let turns = self.lanes.entry(pending.job.lane.clone()).or_default();
        if turns.ready.is_empty() {
            self.last_turn += 1;
            turns.turn = self.last_turn;
            self.turns.insert((turns.turn, pending.job.lane.clone()));
        }
        self.fresh.push(number);
        self.closing.extend(pending.job.closes.map(|closes| (closes, number)));
        turns.ready.insert((Reverse(pending.job.priority), pending.job.due, number));
    }

    /// Out of the place it waits at.
    fn leave(&mut self, number: Number) {
        let Some(Pending { job, at, .. }) = self.pending.get(&number) else { return };
        if let Some(closes) = job.closes {
            self.closing.remove(&(closes, number));
        }
        match at {
            Where::Early => drop(self.early.remove(&(job.due, number))),
            Where::Ready => {
                if let Some(turns) = self.lanes.get_mut(&job.lane) {
                    turns.ready.remove(&(Reverse(job.priority), job.due, number));
                    if turns.ready.is_empty() {
                        self.turns.remove(&(turns.turn, job.lane.clone()));
                    }
                }
            }
            Where::Line(place) => {
                if let Some(line) = self.lines.get_mut(place) {
                    line.remove(&(job.due, Reverse(job.priority), number));
                    if line.is_empty() {
                        self.lines.remove(place);
                        if let Some(gate) = self.gates.remove(place) {
                            self.opening.remove(&(gate, place.clone()));
                        }
                    }
                }
            }
        }
    }

    fn take_out(&mut self, number: Number) -> Option<Pending> {
        self.leave(number);
        let pending = self.pending.remove(&number)?;
        self.ticks -= usize::from(pending.job.tick.is_some());
        if let Some(lane) = self.lanes.get_mut(&pending.job.lane) {
            lane.pending -= 1;
        }
        if let Some(key) = &pending.job.key
            && self.keys.get(key.canonical()) == Some(&number)
        {
            self.keys.remove(key.canonical());
        }
        Some(pending)
    }

    /// A job that was taken out, with another due time.
    fn back(&mut self, number: Number, pending: Pending) {
        if let (Some(key), Name::Key(_)) = (&pending.job.key, &pending.name) {
            self.keys.entry(key.canonical().into()).or_insert(number);
        }
        self.lanes.entry(pending.job.lane.clone()).or_default().pending += 1;
        self.ticks += usize::from(pending.job.tick.is_some());
        self.early.insert((pending.job.due, number));
        self.pending.insert(number, Pending { at: Where::Early, waits: false, ..pending });
    }
}

//! Several rules at once: a job is charged to all of its buckets or to none.

use super::{Algorithm, Rule, gcra, sliding};
use crate::Millis;

/// What a store keeps about one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Of a leaky bucket; `None` when empty.
    LeakyBucket(Option<gcra::Tat>),
    /// Of a sliding window: its admissions, oldest first.
    SlidingWindow(Vec<Millis>),
}

impl State {
    /// Of a bucket that nobody has used.
    pub fn empty(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::LeakyBucket => Self::LeakyBucket(None),
            Algorithm::SlidingWindow => Self::SlidingWindow(Vec::new()),
        }
    }
}

/// What shuts a bucket, whatever is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// An operator paused it: nothing starts, and nothing is refused, until it is resumed.
    pub paused: bool,
    /// Another server asked for a pause that lasts until then; as long, the bucket counts as full. 0 is none.
    pub until: Millis,
}

impl Hold {
    /// From when on it is open again.
    pub fn ends(self) -> Millis {
        if self.paused { NEVER } else { self.until }
    }
}

/// When a paused bucket opens: later than any time that an engine keeps.
pub const NEVER: Millis = Millis((1 << 48) - 1);

/// One rule and the state of the bucket it means for this job. A state of another algorithm, left over from before the
/// rule was edited, counts as empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The rule.
    pub rule: Rule,
    /// Its bucket's state.
    pub state: State,
    /// What shuts it.
    pub hold: Hold,
    /// How many units the job takes; more than the capacity, as an edit may have made it, counts as all of it.
    pub weight: u32,
}

impl Bucket {
    /// A bucket that nothing shuts, and a job that weighs 1.
    pub fn new(rule: Rule, state: State) -> Self {
        Self { rule, state, hold: Hold::default(), weight: 1 }
    }

    /// What the job takes.
    fn units(&self) -> u32 {
        self.weight.clamp(1, self.rule.capacity())
    }

    /// From when on it has room for the job, if nobody else is admitted until then.
    pub fn room_at(&self, now: Millis) -> Millis {
        let room = match (&self.state, self.rule.algorithm) {
            (State::LeakyBucket(tat), Algorithm::LeakyBucket) => gcra::earliest(*tat, &self.rule, self.units()),
            (State::SlidingWindow(log), Algorithm::SlidingWindow) => {
                match sliding::decide_weight(log, now, &self.rule, self.units()) {
                    sliding::Decision::Admit => now,
                    sliding::Decision::Wait { until } => until,
                }
            }
            _ => now,
        };
        room.max(self.hold.ends()).max(now)
    }

    /// How many units are in it, rounded up.
    pub fn level(&self, now: Millis) -> u32 {
        match (&self.state, self.rule.algorithm) {
            (State::LeakyBucket(tat), Algorithm::LeakyBucket) => gcra::level(*tat, now, &self.rule),
            (State::SlidingWindow(log), Algorithm::SlidingWindow) => sliding::level(log, now, &self.rule),
            _ => 0,
        }
    }

    /// Its state after the job was admitted.
    pub fn charged(&self, now: Millis) -> State {
        let units = self.units();
        match (&self.state, self.rule.algorithm) {
            (State::LeakyBucket(tat), Algorithm::LeakyBucket) => {
                State::LeakyBucket(Some(gcra::charge(*tat, now, &self.rule, units)))
            }
            (_, Algorithm::LeakyBucket) => State::LeakyBucket(Some(gcra::charge(None, now, &self.rule, units))),
            (state, Algorithm::SlidingWindow) => {
                let mut log = match state {
                    State::SlidingWindow(log) => log.clone(),
                    State::LeakyBucket(_) => Vec::new(),
                };
                (0..units).for_each(|_| sliding::record(&mut log, now, &self.rule));
                State::SlidingWindow(log)
            }
        }
    }
}

/// The answer of all rules together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may start; the new states, in the order of the buckets.
    Admit {
        /// One per bucket.
        states: Vec<State>,
    },
    /// It may not; no bucket is charged.
    Wait {
        /// The first instant at which all of them could have room.
        until: Millis,
        /// The places of the buckets that are full now, in order; never empty.
        full: Vec<usize>,
    },
}

/// Tests all buckets at `now` and charges all of them, or none.
pub fn admit(now: Millis, buckets: &[Bucket]) -> Admission {
    let room: Vec<Millis> = buckets.iter().map(|bucket| bucket.room_at(now)).collect();
    let full: Vec<usize> = (0..room.len()).filter(|place| room[*place] > now).collect();
    if full.is_empty() {
        return Admission::Admit { states: buckets.iter().map(|bucket| bucket.charged(now)).collect() };
    }
    Admission::Wait { until: room.into_iter().fold(now, Millis::max), full }
}

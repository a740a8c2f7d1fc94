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

/// One rule and the state of the bucket it means for this job. A state of another algorithm, left over from before the
/// rule was edited, counts as empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The rule.
    pub rule: Rule,
    /// Its bucket's state.
    pub state: State,
}

impl Bucket {
    pub(super) fn room_at(&self, now: Millis) -> Millis {
        match (&self.state, self.rule.algorithm) {
            (State::LeakyBucket(tat), Algorithm::LeakyBucket) => gcra::earliest(*tat, &self.rule).max(now),
            (State::SlidingWindow(log), Algorithm::SlidingWindow) => match sliding::decide(log, now, &self.rule) {
                sliding::Decision::Admit => now,
                sliding::Decision::Wait { until } => until,
            },
            _ => now,
        }
    }

    fn charged(&self, now: Millis) -> State {
        match (&self.state, self.rule.algorithm) {
            (State::LeakyBucket(tat), Algorithm::LeakyBucket) => {
                State::LeakyBucket(Some(gcra::charge(*tat, now, &self.rule)))
            }
            (_, Algorithm::LeakyBucket) => State::LeakyBucket(Some(gcra::charge(None, now, &self.rule))),
            (state, Algorithm::SlidingWindow) => {
                let mut log = match state {
                    State::SlidingWindow(log) => log.clone(),
                    State::LeakyBucket(_) => Vec::new(),
                };
                sliding::record(&mut log, now, &self.rule);
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

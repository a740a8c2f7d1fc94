//! What is in the buckets of rate limits, and what shuts them.

use std::collections::HashMap;
use std::sync::Arc;

use schedules::rate::{Bucket, Hold, Limit, State};
use store::queue::Adjustment;

/// A bucket: the name of a limit's set of them, and what is counted in it.
pub(in crate::simulate) type Place = (Arc<str>, Arc<str>);

#[derive(Default)]
struct Kept {
    state: Option<State>,
    hold: Hold,
}

/// The buckets of one integration, or of all limiters.
#[derive(Default)]
pub(in crate::simulate) struct Buckets(HashMap<Place, Kept>);

impl Buckets {
    /// As a job that weighs so much finds it.
    pub(super) fn bucket(&self, place: &Place, limit: &Limit, weight: u32) -> Bucket {
        let kept = self.0.get(place);
        let state = kept.and_then(|kept| kept.state.clone()).unwrap_or_else(|| State::empty(limit.rule.algorithm));
        Bucket { rule: limit.rule, state, hold: self.hold(place), weight }
    }

    /// What shuts it.
    pub(super) fn hold(&self, place: &Place) -> Hold {
        self.0.get(place).map(|kept| kept.hold).unwrap_or_default()
    }

    /// A job was charged to it.
    pub(super) fn charge(&mut self, place: Place, state: State) {
        self.0.entry(place).or_default().state = Some(state);
    }

    /// Does what an operator, or another server, wants.
    pub(super) fn adjust(&mut self, place: Place, adjustment: Adjustment) {
        let kept = self.0.entry(place).or_default();
        match adjustment {
            Adjustment::Pause => kept.hold.paused = true,
            Adjustment::Resume => kept.hold.paused = false,
            Adjustment::Hold { until } => kept.hold.until = kept.hold.until.max(until),
            Adjustment::Reset => (kept.state, kept.hold.until) = (None, Hold::default().until),
        }
    }
}

//! When the script's timers are due.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Timers by due time, and among equals by the order in which they were set.
#[derive(Default)]
pub(crate) struct Timers {
    due: BTreeMap<(Duration, u64), u32>,
    by_id: HashMap<u32, (Duration, u64)>,
    set: u64,
}

impl Timers {
    /// Sets a timer, or moves it.
    pub fn set(&mut self, id: u32, at: Duration) {
        self.clear(id);
        self.set += 1;
        self.due.insert((at, self.set), id);
        self.by_id.insert(id, (at, self.set));
    }

    /// Forgets a timer.
    pub fn clear(&mut self, id: u32) {
        if let Some(place) = self.by_id.remove(&id) {
            self.due.remove(&place);
        }
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the first timer that is due now.
    pub fn take(&mut self, now: Duration) -> Option<u32> {
        let id = *self.due.first_key_value().filter(|((at, _), _)| *at <= now)?.1;
        self.clear(id);
        Some(id)
    }
}

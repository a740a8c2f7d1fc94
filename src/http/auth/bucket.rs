//! How many requests an API key may make, per process: a leaky bucket of 1000 that drains 300 a second, or the key's own.

use std::collections::HashMap;

use schedules::Millis;
use schedules::rate::{Algorithm, Rule, gcra};

/// The rate of keys that have none of their own.
pub const RULE: Rule = Rule { limit: 300, interval_ms: 1_000, burst: Some(1_000), algorithm: Algorithm::LeakyBucket };

/// The buckets of all keys; as many as there are keys.
#[derive(Default)]
pub struct Buckets(HashMap<String, gcra::Tat>);

impl Buckets {
    /// Takes one request of this key in; `Err` is the pause in milliseconds until there is room.
    pub fn charge(&mut self, key: &str, rule: &Rule, now: Millis) -> Result<(), u64> {
        match gcra::decide(self.0.get(key).copied(), now, rule) {
            gcra::Decision::Admit { tat } => {
                self.0.insert(key.to_owned(), tat);
                Ok(())
            }
            gcra::Decision::Wait { until } => Err(until.since(now).max(1).unsigned_abs()),
        }
    }

    /// Forgets the buckets of keys that are gone.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|key, _| keep(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_at_once_then_three_hundred_a_second_per_key() {
        let mut buckets = Buckets::default();
        let mut admitted =
            |key: &str, at| (0..2_000).filter(|_| buckets.charge(key, &RULE, Millis(at)).is_ok()).count();
        assert_eq!(admitted("a", 0), 1_000);
        assert_eq!(admitted("b", 0), 1_000, "a key of its own");
        assert_eq!(admitted("a", 1_000), 300);
        assert_eq!(admitted("a", 1_010), 3);
        let pause = buckets.charge("a", &RULE, Millis(1_010)).expect_err("full");
        assert!((1..=4).contains(&pause), "{pause}");
        buckets.retain(|key| key == "b");
        assert!(buckets.charge("a", &RULE, Millis(1_010)).is_ok(), "forgotten");
    }
}

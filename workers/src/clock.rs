//! The store's clock, followed from here: with a queue that several machines share, only its time counts.

use std::sync::{PoisonError, RwLock};

use schedules::{Clock, Millis, Stopwatch};
use store::queue::Queue;

use crate::Result;

/// The last known time of the store, and how long ago that was. What the wall clock of this machine does makes no
/// difference.
#[derive(Debug)]
pub struct StoreClock(RwLock<Reading>);

#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Millis,
    since: Stopwatch,
}

impl Reading {
    fn now(self) -> Millis {
        self.at.after(signed(self.since.elapsed_ms()))
    }
}

impl StoreClock {
    /// Asks the store for the time.
    pub async fn synced(queue: &impl Queue) -> Result<Self> {
        let (reading, _) = ask(queue).await?;
        Ok(Self(RwLock::new(reading)))
    }

    /// Asks again, and corrects what the two clocks have drifted apart.
    pub async fn sync(&self, queue: &impl Queue) -> Result<()> {
        let (reading, trip_ms) = ask(queue).await?;
        if is_off(self.now(), reading.now(), trip_ms) {
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = reading;
        }
        Ok(())
    }
}

impl Clock for StoreClock {
    fn now(&self) -> Millis {
        let reading = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        reading.now()
    }
}

/// The store's time: the answer was true about half a round trip ago.
async fn ask(queue: &impl Queue) -> Result<(Reading, u64)> {
    let trip = Stopwatch::start();
    let told = queue.now().await?;
    let trip_ms = trip.elapsed_ms();
    Ok((Reading { at: told.after(signed(trip_ms / 2)), since: Stopwatch::start() }, trip_ms))
}

/// Whether what is shown cannot be right: an answer is no more exact than half its round trip, so that a slow one must
/// not move a clock that a quick one has set.
fn is_off(shown: Millis, told: Millis, trip_ms: u64) -> bool {
    told.since(shown).unsigned_abs() > trip_ms / 2
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{NOW, World};

    /// Longer than any round trip to a store in this process.
    const LONG_MS: i64 = 600_000;

    fn shows(clock: &StoreClock, expected: Millis) {
        let ahead_ms = clock.now().since(expected);
        assert!((0..LONG_MS).contains(&ahead_ms), "{ahead_ms} ms ahead");
    }

    #[tokio::test]
    async fn it_follows_the_store_and_not_this_machine() {
        let world = World::open().await;
        let clock = StoreClock::synced(&world.services.queue).await.expect("synced");
        shows(&clock, NOW);
        for jump_ms in [2 * LONG_MS, 10 * LONG_MS, -20 * LONG_MS] {
            world.clock.advance(jump_ms);
            let expected = Clock::now(&*world.clock);
            clock.sync(&world.services.queue).await.expect("synced");
            shows(&clock, expected);
        }
    }

    #[test]
    fn a_slow_answer_moves_nothing_that_it_does_not_contradict() {
        let check = |shown, told, trip_ms, expected| {
            assert_eq!(is_off(Millis(shown), Millis(told), trip_ms), expected, "{shown} {told} {trip_ms}");
        };
        check(1_000, 1_000, 0, false);
        check(1_000, 1_001, 0, true);
        check(1_000, 1_100, 200, false);
        check(1_000, 900, 200, false);
        check(1_000, 1_101, 200, true);
        check(1_000, 899, 200, true);
    }
}

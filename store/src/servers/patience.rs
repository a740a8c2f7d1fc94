//! Waiting for what other processes do: looking often, and giving up in the end.

use std::time::Duration;

use schedules::Stopwatch;
use tokio::time::sleep;

/// The time between two looks.
const BETWEEN: Duration = Duration::from_millis(5);
/// After this, what was awaited will not happen; only a failure takes that long.
const LIMIT: Duration = Duration::from_secs(60);

/// The patience for one thing.
///
/// Looking is a loop of the caller's and no closure here: futures of asynchronous closures cannot be sent to other
/// threads when they borrow.
pub struct Patience {
    what: &'static str,
    watch: Stopwatch,
}

impl Patience {
    /// Patience for `what`, from now on.
    pub fn with(what: &'static str) -> Self {
        Self { what, watch: Stopwatch::start() }
    }

    /// Waits for the next look. Panics when it was waited for too long.
    pub async fn wait(&self) {
        assert!(self.watch.elapsed() < LIMIT, "gave up waiting for {}", self.what);
        sleep(BETWEEN).await;
    }
}

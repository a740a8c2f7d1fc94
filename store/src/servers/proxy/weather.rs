//! What the connections of a proxy suffer, now and from the next change on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// The most bytes that go on at once.
pub const PIECE: usize = 64 * 1024;
/// A limited connection is given its bytes in so many portions a second.
const PORTIONS: u64 = 20;

/// What holds for all connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forecast {
    /// How long a piece waits before it goes on.
    pub delay_ms: u64,
    /// How much passes, each way.
    pub bytes_per_second: Option<u64>,
    /// Nothing passes, and nothing is lost.
    pub stalls: bool,
    /// Nothing passes, and everything is lost.
    pub swallows: bool,
}

/// The weather of one proxy; clones are the same weather.
#[derive(Clone, Debug, Default)]
pub struct Weather {
    forecast: Arc<watch::Sender<Forecast>>,
    /// How many more bytes of answers pass before a connection is cut.
    until_cut: Arc<Mutex<Option<u64>>>,
}

impl Weather {
    /// What holds now.
    pub fn now(&self) -> Forecast {
        *self.forecast.borrow()
    }

    /// Changes what holds, and tells who waits for it.
    pub fn set(&self, change: impl FnOnce(&mut Forecast)) {
        self.forecast.send_modify(change);
    }

    /// Plans a cut.
    pub fn cut_after(&self, bytes: u64) {
        *self.until_cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    /// How many of so many bytes of an answer pass, if the connection is cut after them.
    pub fn cut(&self, bytes: usize) -> Option<usize> {
        let mut planned = self.until_cut.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let left = (*planned)?;
        *planned = (left > bytes).then(|| left - bytes);
        if planned.is_some() { None } else { usize::try_from(left).ok() }
    }

    /// Waits as long as a piece is held back.
    pub async fn hold(&self) {
        sleep(Duration::from_millis(self.now().delay_ms)).await;
        self.forecast.subscribe().wait_for(|forecast| !forecast.stalls).await.ok();
    }

    /// The most bytes that go on at once.
    pub fn piece(&self) -> usize {
        let portion = self.now().bytes_per_second.map_or(u64::MAX, |bytes| (bytes / PORTIONS).max(1));
        usize::try_from(portion).map_or(PIECE, |portion| portion.min(PIECE))
    }

    /// Waits until the limit allows for more than the bytes that passed.
    pub async fn pay(&self, bytes: usize) {
        if let Some(limit) = self.now().bytes_per_second {
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            sleep(Duration::from_micros(bytes.saturating_mul(1_000_000) / limit.max(1))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_planned_cut_comes_once() {
        let weather = Weather::default();
        let check = |bytes: usize, expected: Option<usize>| assert_eq!(weather.cut(bytes), expected, "{bytes} bytes");
        check(10, None);
        weather.cut_after(15);
        check(10, None);
        check(10, Some(5));
        check(10, None);
        weather.cut_after(10);
        check(10, Some(10));
    }
}

//! Queues without a job, on servers of a test's own.

use std::any::Any;
use std::sync::Arc;

use schedules::ManualClock;
use store::conformance::{Fresh, START};
use store::redis::{Config, Options, Redis};

/// A queue at this URL under a prefix of its own, whose clock stands still.
pub async fn queue_at(url: &str, keep: Box<dyn Any + Send + Sync>) -> Fresh<Redis> {
    let clock = Arc::new(ManualClock::new(START));
    let config = Config::parse(url).expect("a URL");
    let prefix = format!("t{:032x}", rand::random::<u128>());
    let options = Options { prefix, clock: Some(clock.clone()), ..Options::default() };
    let queue = Redis::connect(config, options).await.expect("a queue");
    Fresh { queue, clock, keep }
}

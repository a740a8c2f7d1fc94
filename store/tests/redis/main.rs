//! The Redis engine against the suite that defines an engine.

use std::sync::Arc;

use schedules::ManualClock;
use store::conformance::{Fresh, START};
use store::redis::{Config, Options, Redis};

async fn fresh() -> Fresh<Redis> {
    let clock = Arc::new(ManualClock::new(START));
    let config = Config::parse("redis://127.0.0.1:6390/0").expect("a URL");
    let prefix = format!("t{:032x}", rand::random::<u128>());
    let options = Options { prefix, clock: Some(clock.clone()), ..Options::default() };
    let queue = Redis::connect(config, options).await.expect("a queue");
    Fresh { queue, clock, keep: Box::new(()) }
}

store::conformance!(conformance, crate::fresh);

//! What these tests stand on: the real binary in a folder of its own, an API client, and a server that counts.

mod api;
mod command;
mod events;
mod process;
#[expect(dead_code, reason = "a part of it serves the tests of the installer alone")]
mod registry;
mod sink;

pub use command::{Ran, tidegate, tidegate_in};
pub use process::{Server, Spawned};
pub use registry::{Registry, esbuild};
pub use sink::{Request, Sink};

use std::time::Duration;

/// The admin key of every server started here.
pub const KEY: &str = "tg_test_0123456789abcdefghijklmnop";

/// How long anything may take before a test gives up; nothing waits this long unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// Asks again, fifty times a second, until there is an answer; fails the test as [`within`] does.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let answer = async {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        loop {
            looks.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    within(what, answer).await
}

/// Awaits `future`, and fails the test when it takes longer than [`PATIENCE`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("gave up waiting for {what}"))
}

//! The engine for many machines: the queue in Redis 7 or later, or Valkey: one server, sentinels, or a cluster.
//!
//! Each transition is one script (`lua/`, a file per verb), so it is applied whole or not at all. A queue is divided
//! into partitions: all keys of one share a hash tag, and an integration lives in one, so a script never leaves its node.
//! Scripts also use keys that are not declared to the server (`lua/include/base.lua` lists them), which Redis and Valkey
//! allow as long as they have the same tag. The server's clock is the only clock.
//!
//! `link` finds the connection again when it is lost; `wake` hears of new work.

mod answer;
mod blob;
mod buckets;
mod cache;
mod check;
mod claim;
mod config;
mod control;
mod enqueue;
mod export;
mod fetch;
mod fire;
mod handle;
mod import;
mod lease;
mod link;
mod outbox;
mod pending;
mod questions;
#[cfg(all(test, feature = "conformance"))]
mod rate_tests;
mod script;
mod settle;
mod stream;
mod survey;
mod verbs;
mod wake;
mod warnings;

pub(crate) use cache::SharedCache;
pub use config::Config;
pub use handle::{Options, Redis};
pub use stream::{Entry, Lag, Stream};

//! What the Redis engine does when its world breaks: servers that are killed, restarted, paused, filled, failed over and
//! resharded, connections that are cut, clocks that jump. A crew of callers, workers and schedulers works meanwhile;
//! afterwards the store must not contradict itself, and every job whose call was answered must have run.
//!
//! `CHAOS=20` makes each test go on twenty times as long.

mod clocks;
mod cluster;
mod connections;
mod crew;
mod deaths;
mod ledger;
mod memory;
mod sentinels;
mod servers;

/// How many times as long as usual.
fn scale() -> usize {
    std::env::var("CHAOS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

//! Several processes on one queue in Redis, each of which may be killed.

mod crowd;
mod kills;
mod ticks;
mod together;

//! Several processes on one queue in Redis, each of which may be killed.

mod crowd;
mod kills;
mod stream;
mod ticks;
mod together;

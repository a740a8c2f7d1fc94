//! Real servers for tests: Redis alone, as a cluster and under sentinels, a proxy that disturbs, a clock that jumps.
//!
//! Each test starts its own: a [`Server`] answers after some 10 ms. Everything ends when it is dropped, by its process
//! id, and with the test's process whatever becomes of that. What cannot be set up panics, and says what is missing.

mod admin;
mod cluster;
mod faketime;
mod installed;
mod patience;
mod port;
mod process;
mod proxy;
mod redis;
mod replication;
mod sentinel;

pub use self::cluster::Cluster;
pub use self::faketime::FakeClock;
pub use self::port::Port;
pub use self::proxy::Proxy;
pub use self::redis::{Fsync, Options, Server};
pub use self::sentinel::Sentinels;

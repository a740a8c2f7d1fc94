//! The real servers that other tests stand on: what they promise, tried on themselves.

mod cluster;
mod faketime;
mod proxy;
mod redis;
mod sentinel;

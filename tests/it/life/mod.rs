//! The life of a server and of what runs in it.

mod bombs;
mod cache;
mod canaries;
mod commands;
mod dev;
mod examples;
mod keys;
mod kill;
mod limiters;
mod limits;
mod migrate;
mod operate;
mod packages;
mod secrets;
mod smoke;
mod testing;
mod windows;

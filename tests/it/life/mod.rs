//! The life of a server and of what runs in it.

mod bombs;
mod cache;
mod commands;
mod dev;
mod examples;
mod keys;
mod kill;
mod limits;
mod migrate;
mod operate;
mod packages;
mod smoke;
mod windows;

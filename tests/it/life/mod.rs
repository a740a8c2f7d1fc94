//! The life of a server and of what runs in it.

mod bombs;
mod bulk;
mod cache;
mod canaries;
mod commands;
mod confined;
mod cuts;
mod dev;
mod examples;
mod keys;
mod kill;
mod limiters;
mod limits;
mod migrate;
mod operate;
mod orders;
mod outage;
mod packages;
mod reflected;
mod schedules;
mod schedules_import;
mod secrets;
mod simulate;
mod smoke;
mod testing;
mod windows;

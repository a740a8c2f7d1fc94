//! The handlers, one file per noun: domain types in, wire structs out, no decisions.

pub mod api_keys;
pub mod bulk;
pub mod dead;
pub mod event_replays;
pub mod events;
pub mod explain;
pub mod home;
pub mod hooks;
pub mod integrations;
pub mod invoke;
pub mod jobs;
pub mod limiters;
pub mod limits;
pub mod preview;
pub mod probes;
pub mod releases;
pub mod runs;
pub mod schedule;
pub mod schedules;
pub mod secrets;

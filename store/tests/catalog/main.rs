//! The catalog on real files: what is written is read, in order, exactly once, and after a restart.

mod api_keys;
mod bulk;
mod events;
mod integrations;
mod limiters;
mod opening;
mod paging;
mod portable_sql;
mod releases;
mod retention;
mod runs;
mod secrets;
mod timetable;
mod world;

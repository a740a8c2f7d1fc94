//! The catalog: integrations with their drafts and releases, API keys, secrets, and the history of runs, in SQL.
//!
//! One set of statements (`$1` placeholders, types and functions both know) serves SQLite and PostgreSQL. Each noun has
//! its file, and each verb its statements right above it; what is SQLite's alone is in `open.rs`.

mod api_keys;
mod backfills;
mod bulk;
mod bulk_model;
mod bulk_work;
mod counters;
mod data_keys;
mod error;
mod event_model;
mod event_replays;
mod events;
mod integrations;
mod limiters;
mod migrate;
mod model;
mod open;
mod page;
#[cfg(test)]
mod plans;
mod releases;
mod retention;
mod row;
mod runs;
mod secrets;
mod ticks;
mod timetable;

pub use api_keys::MAX_API_KEYS;
pub use backfills::{Backfill, BackfillState, MAX_BACKFILLS};
pub use bulk::{MAX_BULK_JOBS, MAX_BULKS};
pub use bulk_model::{Bulk, BulkAction, BulkItem, BulkItemState, BulkState, Judged, NewBulk};
pub use counters::{OutcomeCount, RunTotals};
pub use data_keys::DataKey;
pub use event_model::{EventFilter, EventReplay, EventRetention, EventTypes, EventVia, LoggedEvent, ReplayState};
pub use event_replays::{MAX_REPLAYS, ReplayStep};
pub use integrations::MAX_INTEGRATIONS;
pub use limiters::{Limiter, MAX_LIMITERS};
pub use model::{
    ApiKey, Draft, Files, Integration, LogLine, NewIntegration, Outcome, Pause, Release, ReleaseNumber, RunFilter,
    RunRecord, Scope, Trigger,
};
pub use open::Catalog;
pub use page::MAX_PAGE;
pub use releases::{Bump, MAX_RELEASES, NewRelease};
pub use retention::{Pruned, Retention};
pub use secrets::{MAX_SECRETS, MAX_SECRETS_OF_SCOPE, SecretScope, StoredSecret};
pub use ticks::TickPlace;
pub use timetable::{MAX_SCHEDULES, PutSchedule, Revision, ScheduleFilter, StoredSchedule};

//! What Tidegate asks of storage: the queue's contract with its engines, and the catalog.
//!
//! - [`queue`]: the contract. [`queue::Queue`] holds the transitions of a job's life, [`queue::Inspect`] the questions.
//! - [`embedded`]: the engine for one machine, on one durable SQLite file.
//! - [`redis`]: the engine for many machines, on Redis or Valkey.
//! - [`migration`]: moving a queue from one engine to another.
//! - [`catalog`]: integrations, releases, API keys and the history of runs, in SQL.
//! - [`cache`]: what scripts keep for each other, for a while.
//! - [`conformance`]: the suite that defines what an engine is (feature `conformance`).
//! - [`faulty`]: any engine, with calls that come late, fail or are lost (feature `conformance`).
//! - [`servers`]: real servers for tests (feature `conformance`).
//!
//! A store never decides: it is told the due time, the lease and the next state, and writes them.

mod body;
pub mod cache;
pub mod catalog;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod embedded;
mod engine;
mod error;
#[cfg(feature = "conformance")]
pub mod faulty;
mod id;
mod kept;
mod limits;
pub mod migration;
pub mod queue;
pub mod redis;
#[cfg(feature = "conformance")]
pub mod servers;

pub use engine::Engine;
pub use error::Error;
pub use id::{BulkId, EventPlace, IntegrationId, JobId, ReplayId, RunId, ScheduleId};

/// What every call of this crate answers.
pub type Result<T> = std::result::Result<T, Error>;

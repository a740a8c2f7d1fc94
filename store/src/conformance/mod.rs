//! The suite that defines what an engine is: each sentence of the contract as a case, a file per verb.
//!
//! `store::conformance!(name, fresh)` makes a test of each case, where `fresh` is an `async fn() -> Fresh<Engine>`;
//! [`run_all`] runs them one after the other.

mod cases;
mod rules;
mod setup;

pub mod backlog;
pub mod buckets;
pub mod cancel;
pub mod check;
pub mod claim;
pub mod closes;
pub mod control;
pub mod counts;
pub mod debounce;
pub mod delays;
pub mod discard;
pub mod edits;
pub mod end;
pub mod enqueue;
pub mod extend;
pub mod fairness;
pub mod fifo;
pub mod find;
pub mod fire;
pub mod idempotency;
pub mod lanes;
pub mod limiters;
pub mod limits;
pub mod list;
pub mod prune;
pub mod purge;
pub mod replay;
pub mod reschedule;
pub mod rescue;
pub mod settle;
pub mod singleton;
pub mod ticks;
pub mod wait;

pub use cases::{CASES, run_all};
pub use rules::*;
pub use setup::*;

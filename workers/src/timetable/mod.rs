//! Schedules: those of integrations' settings and those made by API, what becomes of their ticks, and the proof of it.
//!
//! The catalog says what a schedule is, the queue where it is ([`store::queue::Cursor`]). [`Book`] keeps all of them in
//! memory, by the time of their next tick; `duties/fire.rs` goes by it.

mod backfill;
mod book;
mod known;
mod ledger;
mod manage;
mod next;
mod own;
mod verify;
mod written;

pub(crate) use backfill::fire_backfills;
pub use backfill::{backfill, backfills, stop_backfill};
pub(crate) use book::{Book, Slot, Wake};
pub(crate) use known::Known;
pub use ledger::ticks;
pub(crate) use ledger::{count_ends, write_ledger};
pub use manage::{Shown, delete, list, pause, put, resume, run, show};
pub(crate) use manage::{integration_resumes, lane};
pub use next::{Upcoming, next};
pub use own::OWN;
pub(crate) use own::{has_no_own, sync_own};
pub use verify::{Finding, Report, verify};
pub use written::Written;

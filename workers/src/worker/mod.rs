//! The worker: claim, run, decide, settle. What can be seen from outside are its decisions: pure functions.

pub(crate) mod attempt;
pub(crate) mod back_pressure;
pub(crate) mod claim;
mod decide;
mod host;
pub(crate) mod leases;
pub(crate) mod plan;
mod process;
pub(crate) mod record;
mod reflected;

pub(crate) use back_pressure::hold_until;
pub(crate) use decide::decide;
pub use decide::{Ending, MAX_LOST, Verdict};
pub use plan::{is_open, reopening};
pub(crate) use process::{Claimed, counted, process};
pub use process::{next, verdict};

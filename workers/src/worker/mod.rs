//! The worker: claim, run, decide, settle.

pub(crate) mod attempt;
pub(crate) mod claim;
mod decide;
mod host;
pub(crate) mod leases;
mod plan;
mod process;
pub(crate) mod record;

pub(crate) use decide::{Ending, Verdict, decide};
pub(crate) use process::{Claimed, next, process, verdict};

//! One evaluation of a bundle: a fresh runtime and context under limits, and the loop that drives them to an end.

mod ending;
mod engine;
mod host;
mod link;
mod log;
mod modules;
mod resident;
mod timers;
mod trace;

pub(crate) use ending::Finished;
pub(crate) use engine::{Task, execute};
pub(crate) use host::Host;
pub(crate) use link::Link;
pub(crate) use resident::Resident;

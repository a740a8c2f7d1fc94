//! Replays: events of the log given to one integration again, in their order, marked, as fast as the caller says. A duty
//! works them off, step by step.

mod request;
mod start;
#[cfg(test)]
mod tests;
mod work;

pub use request::{Noted, Rate};
pub use start::{Answer, DryRun, SAMPLES, start, stop};
pub(crate) use work::go_on;

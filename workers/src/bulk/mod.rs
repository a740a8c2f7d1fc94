//! Bulk actions: one call that cancels, moves, replays or discards many jobs, worked off by a duty, step by step.

mod cancel;
mod dry_run;
mod request;
mod start;
#[cfg(test)]
mod tests;
mod undo;
mod work;

pub use dry_run::{DryRun, SAMPLES};
pub use start::{Answer, start};
pub use undo::{UNDO_MS, stop, undo};
pub(crate) use work::go_on;

//! Runs what is due: claim, run, decide, settle; with the runner pool, the duties and the gateway.
//!
//! - [`Services`]: everything wired once; [`work`] runs the worker and the duties until it is told to stop.
//! - [`invoke`]: execute, schedule, reschedule, cancel; called by the HTTP edge and by scripts alike.
//! - [`timetable`]: schedules by themselves, and what became of their ticks.
//! - [`authoring`]: save, release, roll back, pause, preview.
//! - [`dead`]: dead jobs by what went wrong, and run again; [`bulk`]: one call that changes many jobs.
//! - [`packages`]: npm packages, from `package.json` to one checked file.
//! - [`runners`]: the pool of runner processes; [`gateway`]: the only outgoing HTTP client.
//! - [`hooks`]: HTTP triggers: who may call, and what is answered.
//! - [`secrets`]: encrypted at rest, given to the runs of their integration; [`redact`] masks them everywhere else.
//! - [`simulate`]: what would happen, on a clock of its own.
//! - [`event`]: everything observable is an [`Event`]; metrics, history and the live stream derive from it.

// The futures of a run hold those of the stores and of HTTP: whether they may be sent is asked of each.
#![recursion_limit = "256"]

mod apalis;
pub mod authoring;
pub mod bulk;
pub mod cache;
pub mod clock;
pub mod dead;
mod directory;
pub mod duties;
mod error;
pub mod event;
pub mod events;
pub mod explain;
pub mod gateway;
pub mod hooks;
pub mod invoke;
pub mod jobs;
pub mod limits;
pub mod live;
pub mod packages;
pub mod queue;
pub mod redact;
pub mod runners;
pub mod secrets;
mod services;
pub mod settings;
pub mod simulate;
#[cfg(feature = "situations")]
pub mod situations;
pub mod timetable;
mod wire;
mod work;
pub mod worker;
#[cfg(test)]
mod world;

pub use directory::{Directory, Entry, Version};
pub use error::Error;
pub use event::{Event, Events, Observer};
pub use live::Live;
pub use services::{Options, Services};
pub use work::{Roles, work};

/// What every call of this crate answers.
pub type Result<T> = std::result::Result<T, Error>;

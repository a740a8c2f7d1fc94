//! The pool of runner processes: children of the same binary, each running many scripts of one workspace at once.
//!
//! - [`Pool`] runs and checks, and decides what a runner's end means for the runs in it; [`places`] and [`choose`]
//!   decide which runner serves which run;
//! - [`process`] is one runner and the socket to it, [`known`] the bundles it has;
//! - [`suspicion`] remembers who killed runners; [`Room`] is how many runs there may be.

mod choose;
mod exchange;
mod known;
mod places;
mod pool;
mod process;
mod room;
mod suspicion;

pub use exchange::{Ended, Host, UNAVAILABLE};
pub use pool::{Isolation, Pool, Request};
pub use process::{Command, NO_JAIL, NotReady, WITHOUT_JAIL};
pub(crate) use room::Room;

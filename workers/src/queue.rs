//! Opens the queue that the operator chose, and the clock that goes with it.

use std::path::PathBuf;
use std::sync::Arc;

use schedules::Clock;
use store::Engine;
use store::embedded::{self, Embedded};

use crate::Result;
use crate::clock::StoreClock;

/// Which queue, and how much it may hold.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where jobs wait.
    pub location: Location,
    /// How many jobs it may hold.
    pub max_jobs: u64,
}

/// Where jobs wait.
#[derive(Clone, Debug)]
pub enum Location {
    /// In this file, which one process at a time may use.
    Embedded(PathBuf),
}

/// A queue with its clock.
pub struct Opened {
    /// The queue.
    pub queue: Engine,
    /// The clock that its due times go by.
    pub clock: Arc<dyn Clock>,
    /// The same clock, if it is the store's and must be kept at its time.
    pub store_clock: Option<Arc<StoreClock>>,
}

/// Opens it; `clock` is the time of a queue that has none of its own.
pub async fn open(options: &Options, clock: Arc<dyn Clock>) -> Result<Opened> {
    match &options.location {
        Location::Embedded(file) => {
            let engine = embedded::Options { max_jobs: options.max_jobs, ..embedded::Options::default() };
            let queue = Embedded::open(file, engine, clock.clone())?.into();
            Ok(Opened { queue, clock, store_clock: None })
        }
    }
}

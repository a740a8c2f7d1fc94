//! Opens the queue that the operator chose, and the clock that goes with it.

use std::sync::Arc;

use schedules::Clock;
use store::Engine;
use store::embedded::{self, Embedded};

use crate::clock::StoreClock;
use crate::{Options, Result};

/// Where jobs wait.
#[derive(Clone, Debug, Default)]
pub enum Location {
    /// In a file beside the catalog.
    #[default]
    Embedded,
}

/// A queue with its clock.
pub(crate) struct Opened {
    pub queue: Engine,
    pub clock: Arc<dyn Clock>,
    /// The same clock, if it is the store's and must be kept at its time.
    pub store_clock: Option<Arc<StoreClock>>,
}

/// Opens it; `clock` is the time of a queue that has none of its own.
pub(crate) async fn open(options: &Options, clock: Arc<dyn Clock>) -> Result<Opened> {
    match &options.queue {
        Location::Embedded => {
            let engine = embedded::Options { max_jobs: options.max_jobs, ..embedded::Options::default() };
            let queue = Embedded::open(&options.data.join("queue.db"), engine, clock.clone())?.into();
            Ok(Opened { queue, clock, store_clock: None })
        }
    }
}

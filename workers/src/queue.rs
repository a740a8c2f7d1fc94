//! Opens the queue that the operator chose, and the clock that goes with it.

use std::path::PathBuf;
use std::sync::Arc;

use schedules::Clock;
use store::Engine;
use store::embedded::{self, Embedded};
use store::redis::{self as remote, Redis};

use crate::clock::StoreClock;
use crate::{Error, Result};

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
    /// In Redis or Valkey.
    Redis(Box<Remote>),
}

/// A queue on another machine.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Where that is.
    pub config: remote::Config,
    /// What all keys begin with.
    pub prefix: String,
    /// Into how many partitions a new queue is divided; 0 is as many as fit.
    pub partitions: usize,
    /// The stream that events are read from.
    pub stream: Option<String>,
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
        Location::Redis(redis) => {
            let Remote { config, prefix, partitions, .. } = (**redis).clone();
            let engine =
                remote::Options { max_jobs: options.max_jobs, prefix, partitions, ..remote::Options::default() };
            let place = config.shown().to_owned();
            let queue = Redis::connect(config, engine)
                .await
                .map_err(|error| Error::Unavailable(format!("the queue at {place}: {error}")))?
                .into();
            let store_clock = Arc::new(StoreClock::synced(&queue).await?);
            Ok(Opened { queue, clock: store_clock.clone(), store_clock: Some(store_clock) })
        }
    }
}

//! Keys that a run is computing.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::IntegrationId;
use tokio::sync::watch;

type Key = (IntegrationId, Box<str>);

/// The keys that are being computed; clones share them.
#[derive(Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Key, watch::Receiver<()>>>>);

/// Whose turn it is to compute a key.
pub(super) enum Turn {
    /// The caller's, until this is dropped.
    Lead(Lead),
    /// Another's.
    Wait(Flight),
}

/// The right to compute a key.
pub(super) struct Lead {
    flights: Flights,
    key: Key,
    /// Those who wait hear when it goes.
    _ended: watch::Sender<()>,
}

/// Another's computation.
pub(super) struct Flight(watch::Receiver<()>);

impl Flights {
    /// Begins to compute, unless another does.
    pub(super) fn join(&self, integration: IntegrationId, key: &str) -> Turn {
        let key = (integration, Box::from(key));
        let mut flights = self.flights();
        if let Some(flight) = flights.get(&key) {
            return Turn::Wait(Flight(flight.clone()));
        }
        let (ended, flight) = watch::channel(());
        flights.insert(key.clone(), flight);
        Turn::Lead(Lead { flights: self.clone(), key, _ended: ended })
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Key, watch::Receiver<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// Waits for its end.
    pub(super) async fn ended(mut self) {
        // Nothing is ever sent: the one change there is, is the sender's end.
        let _gone = self.0.changed().await;
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.flights.flights().remove(&self.key);
    }
}

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lead").field(&self.key).finish()
    }
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Flights").field(&self.flights().len()).finish()
    }
}

//! The leases this process holds: renewed together, and each with the means to end its run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::JobId;
use store::queue::Lease;
use tokio_util::sync::CancellationToken;

/// Why a run is ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abort {
    /// Somebody else has the job now, or it is gone.
    LeaseLost,
    /// The process stops.
    Drain,
}

#[derive(Default)]
struct Entry {
    abort: Option<Abort>,
    token: CancellationToken,
}

/// The held leases; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Leases(Arc<Mutex<HashMap<Lease, Entry>>>);

/// One held lease, for the one who runs its job.
#[derive(Clone)]
pub(crate) struct Held {
    pub lease: Lease,
    /// Cancelled when the run must end.
    pub token: CancellationToken,
    leases: Leases,
}

impl Held {
    /// Why the run must end, if it must.
    pub(crate) fn abort(&self) -> Option<Abort> {
        self.leases.entries().get(&self.lease).and_then(|entry| entry.abort)
    }
}

impl Leases {
    fn entries(&self) -> MutexGuard<'_, HashMap<Lease, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a lease from now on.
    pub(crate) fn hold(&self, lease: Lease) -> Held {
        let token = CancellationToken::new();
        self.entries().insert(lease, Entry { abort: None, token: token.clone() });
        Held { lease, token, leases: self.clone() }
    }

    /// Holds it no more: the job is settled or given up.
    pub(crate) fn release(&self, lease: Lease) {
        self.entries().remove(&lease);
    }

    /// Every held lease.
    pub(crate) fn all(&self) -> Vec<Lease> {
        self.entries().keys().copied().collect()
    }

    /// These are not ours any more: their runs end.
    pub(crate) fn lost(&self, lost: &[Lease]) {
        let mut entries = self.entries();
        for lease in lost {
            if let Some(entry) = entries.get_mut(lease) {
                entry.abort = Some(Abort::LeaseLost);
                entry.token.cancel();
            }
        }
    }

    /// The jobs of these ids are taken away: their runs end.
    pub(crate) fn revoked(&self, jobs: &[JobId]) {
        let lost: Vec<Lease> = self.all().into_iter().filter(|lease| jobs.contains(&lease.job)).collect();
        self.lost(&lost);
    }

    /// Every run ends; their jobs go back to the queue. Returns how many there are.
    pub(crate) fn give_back_all(&self) -> usize {
        let mut entries = self.entries();
        for entry in entries.values_mut() {
            entry.abort.get_or_insert(Abort::Drain);
            entry.token.cancel();
        }
        entries.len()
    }
}

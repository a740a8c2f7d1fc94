//! How many runs are under way at once, and how a run that waits for another one makes room for it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many runs may wait for others at one time without taking room themselves. Beyond, they keep their room: a
/// script that executes itself without end stops there.
const MAX_LENT: usize = 500;

/// The room; cheap to clone.
#[derive(Clone)]
pub(crate) struct Room {
    slots: Arc<Semaphore>,
    lent: Arc<Semaphore>,
}

impl Room {
    /// Room for so many runs.
    pub fn new(runs: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(runs.max(1))), lent: Arc::new(Semaphore::new(MAX_LENT)) }
    }

    /// What one run takes; waits until there is some.
    pub fn slots(&self) -> Arc<Semaphore> {
        self.slots.clone()
    }

    /// Lends out the room of a run that waits for another run, until the loan is dropped.
    ///
    /// Without this, runs that execute others fill all the room and wait for runs that find none. When the loan ends
    /// the run goes on at once, and the next slot that becomes free is not given out again.
    pub fn lend(&self) -> Option<Loan> {
        let counted = self.lent.clone().try_acquire_owned().ok()?;
        self.slots.add_permits(1);
        Some(Loan { slots: self.slots.clone(), _counted: counted })
    }
}

/// Room that is lent out.
pub(crate) struct Loan {
    slots: Arc<Semaphore>,
    _counted: OwnedSemaphorePermit,
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Ok(slot) = self.slots.try_acquire() {
            return slot.forget();
        }
        let slots = self.slots.clone();
        tokio::spawn(async move {
            if let Ok(slot) = slots.acquire_owned().await {
                slot.forget();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn room_that_is_lent_is_taken_back() {
        let room = Room::new(1);
        let outer = room.slots().try_acquire_owned().expect("room");
        assert!(room.slots().try_acquire().is_err());
        let loan = room.lend().expect("a loan");
        let inner = room.slots().try_acquire_owned().expect("lent room");
        // Back before the inner run ended: what becomes free next pays for it.
        drop(loan);
        tokio::task::yield_now().await;
        drop(inner);
        tokio::task::yield_now().await;
        assert_eq!(room.slots().available_permits(), 0);
        drop(outer);
        tokio::task::yield_now().await;
        assert_eq!(room.slots().available_permits(), 1);
    }

    #[tokio::test]
    async fn not_everybody_can_lend() {
        let room = Room::new(1);
        let loans: Vec<_> = std::iter::from_fn(|| room.lend()).collect();
        assert_eq!(loans.len(), MAX_LENT);
    }
}

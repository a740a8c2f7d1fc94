//! One run's memory, counted exactly: what its JavaScript heap takes and what the host keeps for it, under one limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The count. Shared with the thread that receives a run's answers: they count from their arrival.
#[derive(Debug)]
pub(crate) struct Memory {
    used: AtomicU64,
    limit: AtomicU64,
    refused: AtomicBool,
}

impl Memory {
    /// Nothing used of `limit` bytes.
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { used: AtomicU64::new(0), limit: AtomicU64::new(limit), refused: AtomicBool::new(false) })
    }

    /// Counts so many bytes; false, and nothing counted, if that is more than there is. Remembers that it refused.
    pub fn take(&self, bytes: u64) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.checked_add(bytes).is_some_and(|after| after <= self.limit.load(Ordering::Relaxed));
        if !fits {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            self.refused.store(true, Ordering::Relaxed);
        }
        fits
    }

    /// The bytes are free again.
    pub fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Raises the limit, for describing how a run ended that was at its limit.
    pub fn raise(&self, bytes: u64) {
        self.limit.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether anything was ever refused.
    pub fn refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// What is used now, in bytes.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_beyond_the_limit() {
        let memory = Memory::new(100);
        assert!(memory.take(60) && !memory.take(41) && memory.take(40));
        assert!(memory.refused() && memory.used() == 100);
        memory.give(60);
        memory.raise(1);
        assert!(memory.take(61) && !memory.take(1) && !memory.take(u64::MAX));
        assert_eq!(memory.used(), 101);
    }
}

//! One run's memory, counted exactly: what its JavaScript heap takes and what the host keeps for it, under one limit.

#![expect(unsafe_code, reason = "QuickJS asks for memory by pointers; the one place that answers it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rquickjs::allocator::{Allocator, RustAllocator};

/// What an allocation takes beside its bytes: the header of the allocator below.
const OVERHEAD: u64 = 16;
/// What all sizes are rounded up to, as the allocator below does.
const ALIGN: usize = 8;

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

/// The allocator of one runtime.
pub(super) struct Counted(pub Arc<Memory>);

impl Counted {
    fn counted(&self, size: usize, allocate: impl FnOnce() -> *mut u8) -> *mut u8 {
        let Some(cost) = cost(size) else {
            return std::ptr::null_mut();
        };
        if !self.0.take(cost) {
            return std::ptr::null_mut();
        }
        let pointer = allocate();
        if pointer.is_null() {
            self.0.give(cost);
        }
        pointer
    }
}

/// What an allocation of this size counts; `None` for sizes that no machine has.
fn cost(size: usize) -> Option<u64> {
    let rounded = size.checked_next_multiple_of(ALIGN).filter(|size| isize::try_from(*size).is_ok())?;
    u64::try_from(rounded).ok()?.checked_add(OVERHEAD)
}

// SAFETY: every pointer comes from `RustAllocator`, which implements the trait; this only counts, and answers null
// instead of asking it.
unsafe impl Allocator for Counted {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        self.counted(size, || RustAllocator.alloc(size))
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        match count.checked_mul(size) {
            Some(total) => self.counted(total, || RustAllocator.calloc(count, size)),
            None => std::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&mut self, pointer: *mut u8) {
        // SAFETY: the caller gives a pointer that this allocator gave, so it is `RustAllocator`'s.
        let size = unsafe { RustAllocator::usable_size(pointer) };
        // SAFETY: as above.
        unsafe { RustAllocator.dealloc(pointer) };
        self.0.give(cost(size).unwrap_or(0));
    }

    unsafe fn realloc(&mut self, pointer: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller gives a pointer that this allocator gave, so it is `RustAllocator`'s.
        let before = cost(unsafe { RustAllocator::usable_size(pointer) }).unwrap_or(0);
        let Some(after) = cost(size) else {
            return std::ptr::null_mut();
        };
        let more = after.saturating_sub(before);
        if more > 0 && !self.0.take(more) {
            return std::ptr::null_mut();
        }
        // SAFETY: as above.
        let moved = unsafe { RustAllocator.realloc(pointer, size) };
        if moved.is_null() {
            self.0.give(more);
        } else {
            self.0.give(before.saturating_sub(after));
        }
        moved
    }

    unsafe fn usable_size(pointer: *mut u8) -> usize {
        // SAFETY: the caller gives a pointer that this allocator gave, so it is `RustAllocator`'s.
        unsafe { RustAllocator::usable_size(pointer) }
    }
}

#[cfg(test)]
mod tests {
    use rquickjs::{Context, Runtime};

    use super::*;

    #[test]
    fn whatever_is_taken_is_given_back() {
        let memory = Memory::new(1 << 20);
        let runtime = Runtime::new_with_alloc(Counted(Arc::clone(&memory))).unwrap();
        let context = Context::full(&runtime).unwrap();
        let before = memory.used();
        assert!(before > 10_000, "{before}");
        let code = "let text = ''; for (let i = 0; i < 1000; i++) text += 'ab' + i; [1, 2, 3].concat(new Array(500).fill(text)).length";
        assert_eq!(context.with(|ctx| ctx.eval::<u32, _>(code)).unwrap(), 503);
        assert!(!memory.refused());
        drop(context);
        drop(runtime);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn nothing_goes_beyond_the_limit() {
        let memory = Memory::new(1 << 20);
        let runtime = Runtime::new_with_alloc(Counted(Arc::clone(&memory))).unwrap();
        let context = Context::full(&runtime).unwrap();
        let failed = context.with(|ctx| ctx.eval::<(), _>("new Uint8Array(1 << 20)").is_err());
        assert!(failed && memory.refused() && memory.used() < 1 << 20);
        assert!(memory.take((1 << 20) - memory.used()) && !memory.take(1));
    }

    #[test]
    fn a_size_that_no_machine_has_is_refused() {
        assert_eq!(cost(usize::MAX), None);
        assert_eq!(cost(isize::MAX as usize), None);
        assert_eq!(cost(1), Some(8 + OVERHEAD));
    }
}

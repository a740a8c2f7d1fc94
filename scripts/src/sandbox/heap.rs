//! The memory of one QuickJS runtime, and how it becomes again what it was when the runtime was ready.
//!
//! A fresh runtime with the prelude costs several times what a short handler does. So it is made once: all that it is
//! made of lies in one region of memory, of which [`Heap::freeze`] keeps a copy, the *image*. Copying the image back
//! ([`Heap::reset`]) makes every byte what it was, at the same addresses: no run can leave anything behind for the next
//! one, because nothing of it is left. No finalizer runs then, so nothing on the heap may own memory of the host.
//! A second image, of the runtime with a large bundle loaded, can stand on the first ([`Heap::thaw`]).
//!
//! QuickJS hands out small objects itself, from slabs of 4 KiB that it asks for here. What no longer fits into the
//! region, and whatever is large, comes from the program's allocator, and is listed, so that a reset can give it back.

#![expect(unsafe_code, reason = "QuickJS asks for memory by pointers; the one place that answers it")]

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::cell::UnsafeCell;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::allocator::Allocator;

use super::memory::Memory;

/// What an allocation counts beside its bytes.
const OVERHEAD: u64 = 16;
/// What all sizes are rounded up to, and how all blocks are aligned.
const ALIGN: usize = 8;
/// In front of every block: its size.
const HEADER: usize = 8;
/// In front of that, for blocks outside of the region: the block before it in the list, and the one after it.
const LINKS: usize = 16;
/// Blocks of the region are multiples of this.
const STEP: usize = 64;
/// The largest block that a run gets of the region; larger ones would fill it with holes.
const SHARED: usize = 8 << 10;
/// How much of the region runs use beyond the image: it stays in memory.
const BEYOND: usize = 1 << 20;
/// The sizes of blocks that the region can take back: up to 64 KiB.
const CLASSES: usize = (64 << 10) / STEP;

/// A runtime's memory.
pub(super) struct Heap(UnsafeCell<State>);

struct State {
    /// Who pays.
    memory: Arc<Memory>,
    region: Option<Region>,
    cursor: Cursor,
    /// The newest block outside of the region.
    listed: *mut Listed,
    /// What there is to return to; the last one counts.
    images: Vec<Image>,
    /// Whether the next image is being made: then all of the region is for it.
    thawed: bool,
}

/// Memory at a fixed place.
struct Region {
    start: NonNull<u8>,
    layout: Layout,
}

/// What of the region is free: everything from `next` on, and what was given back, by size. Places are offsets; none is
/// 0, because the first step is left out.
#[derive(Clone)]
struct Cursor {
    next: usize,
    free: Box<[u32; CLASSES]>,
}

/// A copy of the used part of the region.
struct Image {
    bytes: Box<[u8]>,
    cursor: Cursor,
    /// What it counts.
    counted: u64,
}

/// A block outside of the region.
#[repr(C)]
struct Listed {
    before: *mut Listed,
    after: *mut Listed,
    size: usize,
}

impl Heap {
    /// A heap that counts against `memory`; with a region of so many bytes it can be frozen. `None`: there is no room.
    pub fn new(memory: Arc<Memory>, region_bytes: usize) -> Option<Rc<Self>> {
        let region = if region_bytes == 0 { None } else { Some(Region::new(region_bytes)?) };
        let cursor = Cursor { next: STEP, free: Box::new([0; CLASSES]) };
        Some(Rc::new(Self(UnsafeCell::new(State {
            memory,
            region,
            cursor,
            listed: ptr::null_mut(),
            images: Vec::new(),
            thawed: true,
        }))))
    }

    #[expect(clippy::mut_from_ref, reason = "see the comment on safety")]
    fn state(&self) -> &mut State {
        // SAFETY: a heap is used by one thread at a time, with the runtime it belongs to; no method calls another one
        // of these, nor anything of QuickJS, while it holds this.
        unsafe { &mut *self.0.get() }
    }

    /// Whatever comes next belongs to another image.
    pub fn thaw(&self) {
        self.state().thawed = true;
    }

    /// Keeps a copy of what is there, to return to. False if it does not all lie in the region.
    pub fn freeze(&self) -> bool {
        let state = self.state();
        state.thawed = false;
        let Some(region) = state.region.as_ref().filter(|_| state.listed.is_null()) else {
            return false;
        };
        // SAFETY: the region is that long, and what was never handed out is not looked at by anybody but as bytes.
        let bytes = unsafe { std::slice::from_raw_parts(region.start.as_ptr(), state.cursor.next) };
        let (bytes, cursor) = (bytes.into(), state.cursor.clone());
        state.images.push(Image { bytes, cursor, counted: state.memory.used() });
        true
    }

    /// Forgets all images but the first, and makes everything what it was then.
    pub fn strip(&self) {
        self.state().images.truncate(1);
        self.reset();
    }

    /// Whether there is something to return to.
    pub fn is_frozen(&self) -> bool {
        !self.state().images.is_empty()
    }

    /// Makes everything what it was when it was frozen; whatever points to anything newer dangles from then on.
    pub fn reset(&self) {
        let state = self.state();
        state.clear();
        state.thawed = false;
        if let (Some(region), Some(image)) = (&state.region, state.images.last()) {
            // SAFETY: the image is a copy of that many bytes from the start of the region, which is larger.
            unsafe { ptr::copy_nonoverlapping(image.bytes.as_ptr(), region.start.as_ptr(), image.bytes.len()) };
            state.cursor.next = image.cursor.next;
            state.cursor.free.copy_from_slice(&*image.cursor.free);
        }
    }

    /// Counts against another run's memory from now on, what is there already included. False: that is more than it has.
    pub fn bill(&self, memory: Arc<Memory>) -> bool {
        let state = self.state();
        let fits = memory.take(state.images.last().map_or(0, |image| image.counted));
        state.memory = memory;
        fits
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        self.state().clear();
    }
}

impl State {
    /// Gives back all blocks outside of the region.
    fn clear(&mut self) {
        let mut listed = std::mem::replace(&mut self.listed, ptr::null_mut());
        while !listed.is_null() {
            // SAFETY: what is in the list is a block, and ours.
            let Listed { before, size, .. } = unsafe { listed.read() };
            if let Some(layout) = outside(size) {
                // SAFETY: it was allocated with this layout.
                unsafe { dealloc(listed.cast(), layout) };
            }
            listed = before;
        }
    }

    fn allocate(&mut self, size: usize, zeroed: bool) -> *mut u8 {
        let Some(cost) = cost(size) else {
            return ptr::null_mut();
        };
        if !self.memory.take(cost) {
            return ptr::null_mut();
        }
        if let Some(block) = self.within(size) {
            if zeroed {
                // SAFETY: the block has at least `size` bytes, which are nobody's.
                unsafe { block.as_ptr().write_bytes(0, size) };
            }
            return block.as_ptr();
        }
        let block = self.beyond(size, zeroed);
        if block.is_null() {
            self.memory.give(cost);
        }
        block
    }

    /// A block of the region, if it has one.
    fn within(&mut self, size: usize) -> Option<NonNull<u8>> {
        let region = self.region.as_ref()?;
        let whole = (size + HEADER).next_multiple_of(STEP);
        let class = whole / STEP;
        let again = self.cursor.free.get(class).copied().unwrap_or(0) as usize;
        let offset = if again != 0 {
            // SAFETY: a block that was given back holds the offset of the next one, in its first bytes.
            self.cursor.free[class] = unsafe { region.at(again + HEADER).cast::<u32>().read() };
            again
        } else {
            let unused = self.cursor.next;
            let most = match self.images.last() {
                Some(_) if !self.thawed && whole > SHARED => 0,
                Some(image) if !self.thawed => region.layout.size().min(image.cursor.next + BEYOND),
                _ => region.layout.size(),
            };
            if most.saturating_sub(unused) < whole {
                return None;
            }
            self.cursor.next += whole;
            unused
        };
        // SAFETY: the block lies within the region and is nobody's.
        unsafe {
            region.at(offset).cast::<usize>().write(size);
            Some(NonNull::new_unchecked(region.at(offset + HEADER)))
        }
    }

    /// A block from the program's allocator.
    fn beyond(&mut self, size: usize, zeroed: bool) -> *mut u8 {
        let Some(layout) = outside(size) else {
            return ptr::null_mut();
        };
        // SAFETY: no layout of `outside` is empty.
        let listed = unsafe { if zeroed { alloc_zeroed(layout) } else { alloc(layout) } }.cast::<Listed>();
        if listed.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: the block begins with room for this.
        unsafe { listed.write(Listed { before: ptr::null_mut(), after: ptr::null_mut(), size }) };
        self.list(listed);
        // SAFETY: within the block.
        unsafe { listed.cast::<u8>().add(LINKS + HEADER) }
    }

    fn list(&mut self, listed: *mut Listed) {
        // SAFETY: both are blocks of the list, or about to be.
        unsafe {
            (*listed).before = self.listed;
            (*listed).after = ptr::null_mut();
            if !self.listed.is_null() {
                (*self.listed).after = listed;
            }
        }
        self.listed = listed;
    }

    fn unlist(&mut self, listed: *mut Listed) {
        // SAFETY: the block is in the list, and so are its neighbours.
        unsafe {
            let Listed { before, after, .. } = *listed;
            if !before.is_null() {
                (*before).after = after;
            }
            if after.is_null() {
                self.listed = before;
            } else {
                (*after).before = before;
            }
        }
    }

    /// The offset of a block, if it lies in the region.
    fn offset(&self, block: *mut u8) -> Option<usize> {
        let region = self.region.as_ref()?;
        let offset = (block as usize).wrapping_sub(region.start.as_ptr() as usize);
        (offset < region.layout.size()).then(|| offset - HEADER)
    }

    /// # Safety
    /// The block is one that this heap handed out and did not take back.
    unsafe fn take_back(&mut self, block: *mut u8) {
        // SAFETY: as promised.
        let size = unsafe { size_of(block) };
        self.memory.give(cost(size).unwrap_or(0));
        match self.offset(block) {
            Some(offset) => {
                let class = (size + HEADER).div_ceil(STEP);
                if let Some(free) = self.cursor.free.get_mut(class) {
                    // SAFETY: the block is nobody's from now on.
                    unsafe { block.cast::<u32>().write(*free) };
                    *free = offset as u32;
                }
            }
            None => {
                // SAFETY: in front of a block outside of the region there are its links.
                let listed = unsafe { block.sub(LINKS + HEADER) }.cast::<Listed>();
                self.unlist(listed);
                if let Some(layout) = outside(size) {
                    // SAFETY: it was allocated with this layout.
                    unsafe { dealloc(listed.cast(), layout) };
                }
            }
        }
    }

    /// # Safety
    /// As for [`Self::take_back`].
    unsafe fn resize(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as promised.
        let held = unsafe { size_of(block) };
        let whole = |size: usize| (size + HEADER).next_multiple_of(STEP);
        match self.offset(block) {
            Some(_) if size <= SHARED && whole(size) == whole(held) => {
                let (before, after) = (cost(held).unwrap_or(0), cost(size).unwrap_or(0));
                if after > before && !self.memory.take(after - before) {
                    return ptr::null_mut();
                }
                self.memory.give(before.saturating_sub(after));
                // SAFETY: in front of every block there is its size.
                unsafe { block.sub(HEADER).cast::<usize>().write(size) };
                block
            }
            None if size > SHARED || self.region.is_none() => {
                let (Some(before), Some(after)) = (cost(held), cost(size)) else {
                    return ptr::null_mut();
                };
                let (Some(old), Some(new)) = (outside(held), outside(size)) else {
                    return ptr::null_mut();
                };
                let more = after.saturating_sub(before);
                if more > 0 && !self.memory.take(more) {
                    return ptr::null_mut();
                }
                // SAFETY: in front of a block outside of the region there are its links; it has the layout `old`.
                let moved = unsafe {
                    let listed = block.sub(LINKS + HEADER).cast::<Listed>();
                    self.unlist(listed);
                    let moved = realloc(listed.cast(), old, new.size()).cast::<Listed>();
                    self.list(if moved.is_null() { listed } else { moved });
                    moved
                };
                if moved.is_null() {
                    self.memory.give(more);
                    return ptr::null_mut();
                }
                self.memory.give(before.saturating_sub(after));
                // SAFETY: a block with room for its links.
                unsafe {
                    (*moved).size = size;
                    moved.cast::<u8>().add(LINKS + HEADER)
                }
            }
            _ => {
                let moved = self.allocate(size, false);
                if !moved.is_null() {
                    // SAFETY: both have that many bytes, and are different blocks.
                    unsafe {
                        ptr::copy_nonoverlapping(block, moved, held.min(size));
                        self.take_back(block);
                    }
                }
                moved
            }
        }
    }
}

impl Region {
    fn new(bytes: usize) -> Option<Self> {
        // With more alignment the C library would write all the zeros; so it takes fresh pages, which are zeros.
        let layout = Layout::from_size_align(bytes, ALIGN).ok()?;
        // SAFETY: the layout is not empty.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Self { start, layout })
    }

    /// # Safety
    /// The offset is within the region.
    unsafe fn at(&self, offset: usize) -> *mut u8 {
        // SAFETY: as promised.
        unsafe { self.start.as_ptr().add(offset) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

/// The layout of a block outside of the region; `None` for sizes that no machine has.
fn outside(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(LINKS + HEADER)?, ALIGN).ok()
}

/// What an allocation of this size counts; `None` for sizes that no machine has.
fn cost(size: usize) -> Option<u64> {
    let rounded = size.checked_next_multiple_of(ALIGN).filter(|size| isize::try_from(*size).is_ok())?;
    u64::try_from(rounded).ok()?.checked_add(OVERHEAD)
}

/// # Safety
/// The block was handed out by a heap.
unsafe fn size_of(block: *mut u8) -> usize {
    // SAFETY: in front of every block there is its size.
    unsafe { block.sub(HEADER).cast::<usize>().read() }
}

/// The heap as QuickJS asks for it.
pub(super) struct Blocks(pub Rc<Heap>);

// SAFETY: what is handed out is aligned and as large as asked for, belongs to nobody else, and stays where it is until
// it is given back or resized; the size in front of a block is what `usable_size` tells.
unsafe impl Allocator for Blocks {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        self.0.state().allocate(size, false)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        match count.checked_mul(size) {
            Some(total) => self.0.state().allocate(total, true),
            None => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        // SAFETY: the caller gives a block of this heap.
        unsafe { self.0.state().take_back(block) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller gives a block of this heap.
        unsafe { self.0.state().resize(block, size) }
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        // SAFETY: the caller gives a block of a heap.
        unsafe { size_of(block) }
    }
}

#[cfg(test)]
mod tests;

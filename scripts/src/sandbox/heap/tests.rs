//! What is taken is given back, and a reset leaves nothing of what came after the image.

use rquickjs::{Context, Runtime};

use super::*;

const REGION: usize = 1 << 20;

fn context(heap: &Rc<Heap>) -> (Context, Runtime) {
    let runtime = Runtime::new_with_alloc(Blocks(Rc::clone(heap))).unwrap();
    (Context::full(&runtime).unwrap(), runtime)
}

const CODE: &str = "let text = ''; for (let i = 0; i < 1000; i++) text += 'ab' + i;
    [1, 2, 3].concat(new Array(500).fill(text)).length + [...Array(3000)].map((_, i) => ({ i })).length";

fn check_whatever_is_taken_is_given_back(region_bytes: usize) {
    let memory = Memory::new(4 << 20);
    let heap = Heap::new(Arc::clone(&memory), region_bytes).unwrap();
    let (context, runtime) = context(&heap);
    let before = memory.used();
    assert!(before > 10_000, "{before}");
    assert_eq!(context.with(|ctx| ctx.eval::<u32, _>(CODE)).unwrap(), 3503);
    assert!(!memory.refused());
    drop((context, runtime));
    assert_eq!(memory.used(), 0);
    assert!(heap.state().listed.is_null());
}

#[test]
fn whatever_is_taken_is_given_back() {
    check_whatever_is_taken_is_given_back(0);
    check_whatever_is_taken_is_given_back(64 << 10);
    check_whatever_is_taken_is_given_back(REGION);
}

#[test]
fn a_reset_makes_every_byte_what_it_was() {
    let heap = Heap::new(Memory::new(u64::MAX), REGION).unwrap();
    let (context, runtime) = context(&heap);
    context.with(|ctx| ctx.eval::<(), _>("globalThis.here = 1")).unwrap();
    assert!(heap.freeze());
    let bytes = |heap: &Heap| {
        let State { region, images, .. } = heap.state();
        let (region, image) = (region.as_ref().unwrap(), images.last().unwrap());
        // SAFETY: the region is that long.
        (
            unsafe { std::slice::from_raw_parts(region.start.as_ptr(), image.bytes.len()) } == &*image.bytes,
            image.counted,
        )
    };
    let mess = "here += 1; Array.prototype.map = null; globalThis.there = new Uint8Array(3 << 20).fill(7);
        Object.defineProperty(Object.prototype, 'x', { get() { throw 1 } }); here";
    for _ in 0..3 {
        let memory = Memory::new(8 << 20);
        assert!(heap.bill(Arc::clone(&memory)));
        assert_eq!(memory.used(), bytes(&heap).1);
        assert_eq!(context.with(|ctx| ctx.eval::<u32, _>(mess)).unwrap(), 2);
        assert!(!bytes(&heap).0, "nothing was changed");
        heap.reset();
        assert!(bytes(&heap).0);
        assert_eq!(context.with(|ctx| ctx.eval::<u32, _>(CODE)).unwrap(), 3503);
        heap.reset();
    }
    // Another image on top, with what is too large for a run's part of the region.
    let before = bytes(&heap).1;
    heap.thaw();
    context.with(|ctx| ctx.eval::<(), _>("globalThis.loaded = 'x'.repeat(300_000); here = 10")).unwrap();
    assert!(heap.freeze() && heap.state().listed.is_null());
    assert!(bytes(&heap).1 > before + 300_000);
    assert_eq!(context.with(|ctx| ctx.eval::<u32, _>(mess)).unwrap(), 11);
    heap.reset();
    assert!(bytes(&heap).0);
    assert_eq!(context.with(|ctx| ctx.eval::<u32, _>("here + loaded.length")).unwrap(), 300_010);
    heap.strip();
    assert!(bytes(&heap).0 && bytes(&heap).1 == before);
    assert_eq!(context.with(|ctx| ctx.eval::<String, _>("here + typeof loaded")).unwrap(), "1undefined");
    heap.reset();

    let own = Memory::new(u64::MAX);
    assert!(heap.bill(Arc::clone(&own)));
    drop((context, runtime));
    assert_eq!(own.used(), 0);
}

#[test]
fn nothing_goes_beyond_the_limit() {
    let memory = Memory::new(1 << 20);
    let heap = Heap::new(Arc::clone(&memory), REGION).unwrap();
    let (context, _runtime) = context(&heap);
    let failed = context.with(|ctx| ctx.eval::<(), _>("new Uint8Array(1 << 20)").is_err());
    assert!(failed && memory.refused() && memory.used() < 1 << 20);
    assert!(memory.take((1 << 20) - memory.used()) && !memory.take(1));
    assert!(heap.freeze());
    assert!(!heap.bill(Memory::new(1000)), "the image alone is more");
}

#[test]
fn blocks_keep_their_bytes_when_they_grow_and_shrink() {
    let heap = Heap::new(Memory::new(u64::MAX), 256 << 10).unwrap();
    let mut blocks = Blocks(Rc::clone(&heap));
    for round in 0..2 {
        let mut held: Vec<(*mut u8, usize, u8)> = Vec::new();
        for (index, size) in [1, 7, 56, 57, 600, 4096, 8192, 8193, 70_000, 300_000].into_iter().enumerate() {
            let block = blocks.alloc(size);
            // SAFETY: a block of that size.
            unsafe { block.write_bytes(index as u8 + 1, size) };
            held.push((block, size, index as u8 + 1));
        }
        for (block, size, byte) in &mut held {
            for next in [*size * 3, *size / 2 + 1, 9_000, *size] {
                let kept = next.min(*size);
                // SAFETY: a block of this heap, written that far.
                unsafe {
                    *block = blocks.realloc(*block, next);
                    assert!(std::slice::from_raw_parts(*block, kept).iter().all(|held| held == byte), "{size} {next}");
                    block.write_bytes(*byte, next);
                }
                *size = next;
            }
        }
        let zeroed = blocks.calloc(100, 600);
        // SAFETY: a block of that size.
        assert!(unsafe { std::slice::from_raw_parts(zeroed, 60_000) }.iter().all(|byte| *byte == 0));
        held.push((zeroed, 60_000, 0));
        for (block, ..) in held {
            // SAFETY: a block of this heap.
            unsafe { blocks.dealloc(block) };
        }
        assert_eq!(heap.state().memory.used(), 0, "{round}");
        assert!(heap.state().listed.is_null());
    }
}

#[test]
fn a_size_that_no_machine_has_is_refused() {
    assert_eq!(cost(usize::MAX), None);
    assert_eq!(cost(isize::MAX as usize), None);
    assert_eq!(cost(1), Some(8 + OVERHEAD));
    let heap = Heap::new(Memory::new(u64::MAX), 0).unwrap();
    assert!(Blocks(Rc::clone(&heap)).alloc(isize::MAX as usize - 8).is_null());
    assert!(Blocks(heap).calloc(usize::MAX, 2).is_null());
}

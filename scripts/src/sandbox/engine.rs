//! QuickJS with the prelude, ready for a run; and, once made, ready for one run after another.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::{Context, Ctx, Function, Object, Persistent, Result, Runtime};

use super::desk::Desk;
use super::heap::{Blocks, Heap};
use super::host::Host;
use super::memory::Memory;
use super::modules::{Builtins, Require};
use super::program::Program;
use super::stack;
use crate::builtins::{builtin, install};

/// Memory for what is there before a run, which the run pays for when it begins. What is not used takes none.
const REGION_BYTES: usize = 2 << 20;
/// The same with room for a bundle.
const HOLDING_BYTES: usize = 8 << 20;
/// A heap below this part of its limit is not searched for cycles: most runs end before there are any to speak of.
const UNCOLLECTED: u64 = 4;

/// A runtime and a context in which no script has run.
pub(crate) struct Engine {
    // Values of the runtime go first.
    pub(super) api: Persistent<Object<'static>>,
    loaded: RefCell<Option<Loaded>>,
    may_hold: bool,
    #[expect(dead_code, reason = "the loader of modules has only a weak reference to it")]
    require: Rc<Require>,
    pub(super) context: Context,
    pub(super) runtime: Runtime,
    pub(super) desk: Rc<Desk>,
    /// How many references to the desk there are in the image: whatever of the host a script holds has one more.
    desks: usize,
    heap: Rc<Heap>,
}

/// A large bundle that is part of the image.
struct Loaded {
    program: u64,
    wrapper: Persistent<Function<'static>>,
}

impl Engine {
    /// An engine for one run, which pays for it from the start.
    pub fn once(memory: Arc<Memory>) -> Result<Self> {
        Self::new(memory, 0, false)
    }

    /// An engine for many runs: what it is now, it is again after each of them. It may hold a bundle.
    pub fn lasting(holds: bool) -> Result<Self> {
        let region_bytes = if holds { HOLDING_BYTES } else { REGION_BYTES };
        let mut engine = Self::new(Memory::new(region_bytes as u64), region_bytes, holds)?;
        engine.context.with(|ctx| {
            let api = engine.api.clone().restore(&ctx)?;
            api.get::<_, Function<'_>>("ready")?.call::<_, ()>(())
        })?;
        engine.runtime.run_gc();
        engine.desks = Rc::strong_count(&engine.desk);
        if engine.heap.freeze() { Ok(engine) } else { Err(rquickjs::Error::Allocation) }
    }

    fn new(memory: Arc<Memory>, region_bytes: usize, may_hold: bool) -> Result<Self> {
        let heap = Heap::new(memory, region_bytes).ok_or(rquickjs::Error::Allocation)?;
        let desk = Rc::<Desk>::default();
        let runtime = Runtime::new_with_alloc(Blocks(Rc::clone(&heap)))?;
        // Until a run begins, which says what it may use.
        runtime.set_gc_threshold(usize::MAX);
        let ticking = Rc::clone(&desk);
        runtime.set_interrupt_handler(Some(Box::new(move || ticking.tick())));
        let require = Rc::new(Require::new());
        let builtins = Builtins(Rc::downgrade(&require));
        runtime.set_loader(builtins.clone(), builtins);
        let context = Context::full(&runtime)?;
        let (api, rejection) = context.with(|ctx| {
            let object = install(&ctx, &desk)?;
            let core = builtin(ctx.clone(), "core".into())?;
            let api: Object<'_> = Function::from_value(core)?.call((object,))?;
            let rejection: Function<'_> = api.get("rejection")?;
            let serving: Function<'_> = api.get("require")?;
            require.get_or_init(|| Persistent::save(&ctx, serving));
            Result::Ok((Persistent::save(&ctx, api), Persistent::save(&ctx, rejection)))
        })?;
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, handled| {
            let told = rejection.clone().restore(&ctx).and_then(|tell| tell.call::<_, ()>((promise, reason, handled)));
            if told.is_err() {
                ctx.catch();
            }
        })));
        Ok(Self { api, loaded: RefCell::default(), may_hold, require, context, runtime, desks: 0, desk, heap })
    }

    /// A run begins, on this thread. False: it may not use as much as the engine itself does.
    pub(super) fn begin(&self, host: &Rc<Host>) -> bool {
        self.context.with(|ctx: Ctx<'_>| stack::begins_here(&ctx));
        self.runtime.set_max_stack_size(host.limits.stack_bytes as usize);
        self.runtime.set_gc_threshold(usize::try_from(host.limits.memory_bytes / UNCOLLECTED).unwrap_or(usize::MAX));
        self.desk.seat(Some(Rc::clone(host)));
        !self.lasts() || self.heap.bill(Arc::clone(&host.memory))
    }

    /// The bundle that is part of it, by its number.
    pub(super) fn holds(&self) -> Option<u64> {
        self.loaded.borrow().as_ref().map(|loaded| loaded.program)
    }

    /// Makes it hold no bundle. Between two runs.
    pub(super) fn unload(&self) {
        if self.loaded.take().is_some() {
            self.heap.strip();
        }
    }

    /// Makes a large bundle part of the image, as nothing of a script has run yet. The run has begun.
    pub(super) fn hold(&self, ctx: &Ctx<'_>, program: &Program) -> Result<()> {
        if !self.may_hold || self.holds().is_some() || !program.is_worth_holding() {
            return Ok(());
        }
        self.heap.thaw();
        let wrapper = program.wrapper(ctx)?.map(|wrapper| Persistent::save(ctx, wrapper));
        // What does not fit is loaded by every run.
        if self.heap.freeze() {
            *self.loaded.borrow_mut() = wrapper.map(|wrapper| Loaded { program: program.number, wrapper });
        }
        Ok(())
    }

    /// The bundle's wrapper, if it is part of the image.
    pub(super) fn held<'js>(&self, ctx: &Ctx<'js>, program: &Program) -> Result<Option<Function<'js>>> {
        let loaded = self.loaded.borrow();
        let held = loaded.as_ref().filter(|loaded| loaded.program == program.number);
        held.map(|loaded| loaded.wrapper.clone().restore(ctx)).transpose()
    }

    /// Whether it was made for more than one run.
    pub(super) fn lasts(&self) -> bool {
        self.heap.is_frozen()
    }

    /// The run is over: the engine becomes what it was before, if it can.
    pub(super) fn renew(self) -> Option<Self> {
        self.desk.seat(None);
        if !self.lasts() || Rc::strong_count(&self.desk) != self.desks {
            return None;
        }
        self.heap.reset();
        Some(self)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // What the heap owns may ask for the run while it is cleared away; the run is over all the same.
        self.desk.seat(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_used_again_unless_something_was_left_that_its_image_does_not_know() {
        let engine = Engine::lasting(true).unwrap();
        let memory = Memory::new(u64::MAX);
        assert!(engine.heap.bill(Arc::clone(&memory)));
        assert!(memory.used() < 512 << 10, "every run pays for {} bytes", memory.used());
        let engine = engine.renew().unwrap();
        engine.context.with(|ctx| {
            let desk = Rc::clone(&engine.desk);
            let owner = Function::new(ctx.clone(), move || desk.tick()).unwrap();
            ctx.globals().set("owner", owner).unwrap();
        });
        assert!(engine.renew().is_none());
        assert!(Engine::once(memory).unwrap().renew().is_none());
    }
}

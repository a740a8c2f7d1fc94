//! Engines that wait for their next run.

#![expect(unsafe_code, reason = "an engine is made on one thread and used on another")]

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rquickjs::Result;

use super::engine::Engine;
use super::memory::Memory;
use super::program::Program;

/// The most engines kept; each holds about as much memory as it is large, twice.
const MOST: usize = 32;
/// The most of them that hold a bundle: a few MB each, twice.
const HOLDING: usize = 8;

/// An engine in nobody's hands.
struct Idle(Engine);

// SAFETY: an engine is all that refers to what it consists of: the runtime, the context, and the counted references
// between them, its closures and its heap. While it is idle no thread does anything with it, and the lock orders what
// the last one did before what the next one does. QuickJS keeps nothing in thread-local storage, and where its stack
// begins is told at the start of each run.
unsafe impl Send for Idle {}

/// The engines of one runner.
#[derive(Default)]
pub(crate) struct Engines {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Idle>,
    /// Those that last, idle or not.
    lasting: usize,
}

/// An engine in the hands of a run; it goes back when this is dropped.
pub(super) struct Lent<'a> {
    engine: Option<Engine>,
    engines: &'a Engines,
}

impl Engines {
    /// None is kept: each run has a new one.
    pub fn none() -> Self {
        Self::default()
    }

    /// As many as a runner keeps, and one that is ready.
    pub fn ready() -> Self {
        let engines = Self { most: MOST, ..Self::default() };
        if let Ok(engine) = Engine::lasting(true) {
            let mut state = engines.state();
            state.idle.push(Idle(engine));
            state.lasting = 1;
        }
        engines
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine that was used last, as most of it is still in the processor's caches, and best one that holds the
    /// program; or a new one. One that is not to last is paid for by `memory` from the start.
    pub(super) fn take(&self, program: &Program, memory: &Arc<Memory>) -> Result<Lent<'_>> {
        let mut state = self.state();
        let idle = state.choose(program.number).map(|at| state.idle.remove(at));
        let lasts = idle.is_none() && state.lasting < self.most;
        let holds = state.lasting < HOLDING;
        state.lasting += usize::from(lasts);
        drop(state);
        let engine = match idle {
            Some(Idle(engine)) => {
                if engine.holds() != Some(program.number) {
                    engine.unload();
                }
                Ok(engine)
            }
            None if lasts => Engine::lasting(holds).inspect_err(|_| self.state().lasting -= 1),
            None => Engine::once(Arc::clone(memory)),
        };
        Ok(Lent { engine: Some(engine?), engines: self })
    }
}

impl State {
    /// One that holds the program, else one that holds none, else any; of those the one used last.
    fn choose(&self, program: u64) -> Option<usize> {
        let last = |fits: &dyn Fn(Option<u64>) -> bool| self.idle.iter().rposition(|Idle(engine)| fits(engine.holds()));
        last(&|held| held == Some(program)).or_else(|| last(&|held| held.is_none())).or_else(|| last(&|_| true))
    }
}

impl Deref for Lent<'_> {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        self.engine.as_ref().unwrap_or_else(|| unreachable!("it is there until the end"))
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(engine) = self.engine.take().filter(Engine::lasts) else {
            return;
        };
        // What a panic leaves behind is not looked at again.
        let again = if thread::panicking() { None } else { engine.renew() };
        let mut state = self.engines.state();
        match again {
            Some(again) => state.idle.push(Idle(again)),
            None => state.lasting -= 1,
        }
    }
}

//! The threads that run scripts: one per run under way, used again, never more than there are runs.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::sandbox::gives_way;

/// What a thread does for one run.
type Work = Box<dyn FnOnce() + Send>;

/// The threads; they end when this is dropped and what they do is done.
pub(super) struct Threads {
    shared: Arc<Shared>,
    stack_bytes: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    idle: usize,
    closed: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next thing to do; `None` when there will be nothing more.
    fn next(&self) -> Option<Work> {
        let mut state = self.state();
        loop {
            if let Some(work) = state.waiting.pop_front() {
                return Some(work);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

impl Threads {
    /// Threads with so large a stack, started as they are needed.
    pub fn new(stack_bytes: usize) -> Self {
        Self { shared: Arc::default(), stack_bytes }
    }

    /// Does `work` on a thread of its own; fails when none is idle and none can be started.
    pub fn start(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut state = self.shared.state();
        if state.waiting.len() >= state.idle {
            let shared = Arc::clone(&self.shared);
            let live = move || {
                while let Some(work) = shared.next() {
                    work();
                    if gives_way() {
                        return;
                    }
                }
            };
            thread::Builder::new().name("run".into()).stack_size(self.stack_bytes).spawn(live)?;
        }
        state.waiting.push_back(Box::new(work));
        drop(state);
        self.shared.changed.notify_one();
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::ThreadId;

    use super::*;

    #[test]
    fn each_work_under_way_has_a_thread_and_threads_are_used_again() {
        let threads = Threads::new(64 << 10);
        let (tell, told) = mpsc::channel::<ThreadId>();
        let begin = |until: mpsc::Receiver<()>| {
            let tell = tell.clone();
            let work = move || {
                tell.send(thread::current().id()).unwrap();
                // Ends when the other half is dropped.
                let _ended = until.recv();
            };
            threads.start(work).unwrap();
            told.recv().unwrap()
        };
        let (first, until) = mpsc::channel();
        let one = begin(until);
        let (second, until) = mpsc::channel();
        let two = begin(until);
        assert_ne!(one, two);
        drop(first);
        while threads.shared.state().idle == 0 {
            thread::yield_now();
        }
        let (third, until) = mpsc::channel();
        assert_eq!(begin(until), one);
        drop((second, third));
    }
}

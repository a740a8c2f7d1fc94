//! What the script's native operations and the loop around them share during one run.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::evaluation::Task;
use super::kept::Kept;
use super::link::Outbox;
use super::log::Allowance;
use super::memory::Memory;
use super::timers::Timers;
use super::trace::Trace;
use crate::clock;
use crate::protocol::{Answer, Call, FromRunner, Level, Limits, Line};

/// Why a run is stopped from outside of its script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Its time is up.
    Timeout,
    /// What the host keeps for it exceeds its memory.
    Memory,
    /// The engine said so, or is gone.
    Cancelled,
}

/// What ties a run to the thread that receives its messages: it may cancel the run, and counts its answers.
#[derive(Clone)]
pub(crate) struct Ties {
    pub cancelled: Arc<AtomicBool>,
    pub memory: Arc<Memory>,
}

impl Ties {
    /// Of a run that has used nothing of so many bytes.
    pub fn new(memory_bytes: u64) -> Self {
        Self { cancelled: Arc::default(), memory: Memory::new(memory_bytes) }
    }
}

/// Calls to the engine: what is on its way, what waits for a slot, and the bodies that came back.
#[derive(Default)]
struct Calls {
    made: u32,
    in_flight: u32,
    waiting: VecDeque<Call>,
    bodies: HashMap<u32, Rc<Vec<u8>>>,
}

/// One run's state outside of its JavaScript heap.
pub(crate) struct Host {
    pub id: u64,
    pub limits: Limits,
    pub trace: Arc<Trace>,
    /// What the run's heap and the host use.
    pub memory: Arc<Memory>,
    /// Whether calls reach the engine; while a draft is checked they do not.
    pub online: bool,
    started: Duration,
    deadline: Cell<Duration>,
    cancelled: Arc<AtomicBool>,
    outbox: Outbox,
    timers: RefCell<Timers>,
    log: RefCell<Allowance>,
    calls: RefCell<Calls>,
    pub(super) things: RefCell<Kept>,
    stop: Cell<Option<Stop>>,
    settled: Cell<bool>,
}

impl Host {
    /// `started` is when the request came, on the monotonic clock.
    pub fn new(id: u64, limits: Limits, task: &Task<'_>, ties: Ties, outbox: Outbox, started: Duration) -> Self {
        Self {
            id,
            limits,
            trace: Arc::clone(&task.program.trace),
            memory: ties.memory,
            online: task.input.is_some(),
            started,
            deadline: Cell::new(started + Duration::from_millis(limits.timeout_ms.into())),
            cancelled: ties.cancelled,
            outbox,
            timers: RefCell::default(),
            log: RefCell::new(Allowance::new(&limits)),
            calls: RefCell::default(),
            things: RefCell::default(),
            stop: Cell::new(None),
            settled: Cell::new(false),
        }
    }

    // ---- the run's end

    /// Looks whether the run must end: its time is up, it is cancelled, or it was stopped. True ends whatever runs.
    ///
    /// QuickJS asks every few thousand steps, and so does the loop. A native operation that takes long must ask as
    /// well, every few milliseconds of work, and on true give up at once with any error: no script can catch it.
    pub fn tick(&self) -> bool {
        if self.stop.get().is_none() {
            if self.cancelled.load(Ordering::Relaxed) {
                self.stop.set(Some(Stop::Cancelled));
            } else if clock::now() >= self.deadline.get() {
                self.stop.set(Some(Stop::Timeout));
            }
        }
        self.stop.get().is_some()
    }

    pub fn stopped(&self) -> Option<Stop> {
        self.stop.get()
    }

    pub fn stop(&self, why: Stop) {
        self.stop.set(self.stop.get().or(Some(why)));
    }

    pub fn deadline(&self) -> Duration {
        self.deadline.get()
    }

    pub fn settle(&self) {
        self.settled.set(true);
    }

    pub fn settled(&self) -> bool {
        self.settled.get()
    }

    // ---- logs

    pub fn log_open(&self) -> bool {
        self.log.borrow().is_open()
    }

    pub fn log(&self, level: Level, message: String) {
        let admitted = self.log.borrow_mut().admit(level, message, &self.limits);
        if let Some((level, message)) = admitted.line {
            self.send_line(level, message);
        }
        if let Some(marker) = admitted.marker {
            self.send_line(Level::Warn, marker);
        }
    }

    fn send_line(&self, level: Level, message: String) {
        if !self.online {
            return;
        }
        let at_ms = clock::millis(clock::now().saturating_sub(self.started));
        self.send(&FromRunner::Log { id: self.id, line: Line { at_ms, level, message } });
    }

    // ---- timers

    pub fn set_timer(&self, id: u32, after: Duration) {
        self.timers.borrow_mut().set(id, clock::now() + after);
    }

    pub fn clear_timer(&self, id: u32) {
        self.timers.borrow_mut().clear(id);
    }

    pub fn next_timer(&self) -> Option<Duration> {
        self.timers.borrow().next()
    }

    pub fn due_timer(&self) -> Option<u32> {
        self.timers.borrow_mut().take(clock::now())
    }

    // ---- calls

    /// Sends a call, or queues it when too many are on their way; gives its id.
    pub fn call(&self, op: String, args: String, body: Option<Vec<u8>>) -> u32 {
        let mut calls = self.calls.borrow_mut();
        calls.made += 1;
        let call = Call { id: self.id, call: calls.made, op, args, body };
        let id = call.call;
        if calls.in_flight < self.limits.calls_at_once.max(1) {
            calls.in_flight += 1;
            drop(calls);
            self.send(&FromRunner::Call(call));
        } else if self.charge(weight(&call)) {
            calls.waiting.push_back(call);
        }
        id
    }

    /// Takes note of an answer: keeps its body, and sends the next call that waits. False if nobody asked.
    ///
    /// The answer was charged when it came; what is not kept is released here.
    pub fn answered(&self, call: u32, answer: Option<&mut Answer>) -> bool {
        let mut calls = self.calls.borrow_mut();
        let expected = call > 0 && call <= calls.made && calls.in_flight > 0;
        if let Some(answer) = answer {
            self.release(answer.value.len() as u64);
            match answer.body.take() {
                Some(body) if expected => {
                    calls.bodies.insert(call, Rc::new(body));
                }
                Some(body) => self.release(body.len() as u64),
                None => {}
            }
        }
        if !expected {
            return false;
        }
        calls.in_flight -= 1;
        if let Some(next) = calls.waiting.pop_front() {
            self.release(weight(&next));
            calls.in_flight += 1;
            drop(calls);
            self.send(&FromRunner::Call(next));
        }
        true
    }

    /// The body that came with an answer.
    pub fn body(&self, call: u32) -> Rc<Vec<u8>> {
        self.calls.borrow().bodies.get(&call).cloned().unwrap_or_default()
    }

    pub fn calls_pending(&self) -> bool {
        self.calls.borrow().in_flight > 0
    }

    pub fn calls_made(&self) -> u32 {
        self.calls.borrow().made
    }

    // ---- memory

    /// Counts bytes that the host is about to keep for the script, beside the JavaScript heap and under the same
    /// limit. False, and the run is stopped, when there is no room: then do not allocate them.
    pub fn charge(&self, bytes: u64) -> bool {
        let fits = self.memory.take(bytes);
        if !fits {
            self.stop(Stop::Memory);
        }
        fits
    }

    /// The host does not keep them any more: the other half of [`Self::charge`].
    pub fn release(&self, bytes: u64) {
        self.memory.give(bytes);
    }

    fn send(&self, message: &FromRunner) {
        if self.outbox.send(message).is_err() {
            self.stop(Stop::Cancelled);
        }
    }
}

fn weight(call: &Call) -> u64 {
    (call.args.len() + call.body.as_ref().map_or(0, Vec::len)) as u64
}

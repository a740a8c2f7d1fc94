//! What the script's native operations and the loop around them share during one run.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use super::engine::Task;
use super::log::Allowance;
use super::resident::Resident;
use super::timers::Timers;
use super::trace::Trace;
use crate::clock;
use crate::frame;
use crate::protocol::{Answer, Call, FromRunner, Level, Limits, Line};

/// Why a run is stopped from outside of its script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Its time is up.
    Timeout,
    /// The bytes the host keeps for it exceed its memory.
    Memory,
    /// The engine is gone.
    Closed,
}

/// Calls to the engine: what is on its way, what waits for a slot, and the bodies that came back.
#[derive(Default)]
struct Calls {
    made: u32,
    in_flight: u32,
    waiting: VecDeque<Call>,
    bodies: HashMap<u32, Rc<Vec<u8>>>,
    /// Bytes in `waiting` and `bodies`.
    kept: u64,
}

/// One run's state outside of its JavaScript heap.
pub(crate) struct Host {
    pub id: u64,
    pub limits: Limits,
    pub trace: Trace,
    pub resident: Rc<Resident>,
    /// Whether calls reach the engine; while a draft is checked they do not.
    pub online: bool,
    started: Duration,
    deadline: Cell<Duration>,
    writer: RefCell<UnixStream>,
    timers: RefCell<Timers>,
    log: RefCell<Allowance>,
    calls: RefCell<Calls>,
    /// Bytes that native operations hold for the script.
    held: Cell<u64>,
    stop: Cell<Option<Stop>>,
    settled: Cell<bool>,
}

impl Host {
    pub fn new(id: u64, limits: Limits, task: &Task<'_>, resident: Rc<Resident>, writer: UnixStream) -> Self {
        let started = clock::now();
        resident.reset();
        Self {
            id,
            limits,
            trace: Trace::new(task.bundle),
            resident,
            online: task.input.is_some(),
            started,
            deadline: Cell::new(started + Duration::from_millis(limits.timeout_ms.into())),
            writer: RefCell::new(writer),
            timers: RefCell::default(),
            log: RefCell::new(Allowance::new(&limits)),
            calls: RefCell::default(),
            held: Cell::new(0),
            stop: Cell::new(None),
            settled: Cell::new(false),
        }
    }

    // ---- the run's end

    /// Called by the engine every few thousand steps and by the loop: true ends whatever runs.
    pub fn tick(&self) -> bool {
        self.resident.sample();
        if self.stop.get().is_none() && clock::now() >= self.deadline.get() {
            self.stop.set(Some(Stop::Timeout));
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
        } else {
            calls.kept += weight(&call);
            calls.waiting.push_back(call);
            self.weigh(calls.kept);
        }
        id
    }

    /// Takes note of an answer: keeps its body, and sends the next call that waits. False if nobody asked.
    pub fn answered(&self, call: u32, answer: Option<&mut Answer>) -> bool {
        let mut calls = self.calls.borrow_mut();
        if call == 0 || call > calls.made || calls.in_flight == 0 {
            return false;
        }
        calls.in_flight -= 1;
        if let Some(body) = answer.and_then(|answer| answer.body.take()) {
            calls.kept += body.len() as u64;
            calls.bodies.insert(call, Rc::new(body));
            self.weigh(calls.kept);
        }
        if let Some(next) = calls.waiting.pop_front() {
            calls.kept -= weight(&next);
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

    // ---- memory outside of the heap

    /// Counts bytes that the host is about to keep for the script, under the same limit as the JavaScript heap. False,
    /// and the run is stopped, when there is no room: then do not allocate them.
    pub(crate) fn charge(&self, bytes: u64) -> bool {
        let held = self.held.get().saturating_add(bytes);
        let fits = held.saturating_add(self.calls.borrow().kept) <= self.limits.memory_bytes;
        if fits {
            self.held.set(held);
        } else {
            self.stop(Stop::Memory);
        }
        fits
    }

    /// The host does not keep them any more: the other half of [`Self::charge`].
    pub(crate) fn release(&self, bytes: u64) {
        self.held.set(self.held.get().saturating_sub(bytes));
    }

    /// What the host keeps for a script counts as the script's memory.
    fn weigh(&self, kept: u64) {
        if kept.saturating_add(self.held.get()) > self.limits.memory_bytes {
            self.stop(Stop::Memory);
        }
    }

    fn send(&self, message: &FromRunner) {
        if frame::write(&mut *self.writer.borrow_mut(), message).is_err() {
            self.stop(Stop::Closed);
        }
    }
}

fn weight(call: &Call) -> u64 {
    (call.args.len() + call.body.as_ref().map_or(0, Vec::len)) as u64
}

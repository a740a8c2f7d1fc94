//! A thread that computes for long gives way to the others: short runs do not wait for long ones.

use std::cell::Cell;
use std::time::Duration;

use rustix::process::setpriority_process;

use crate::clock;

/// What most runs need of the CPU is far less.
const SHORT: Duration = Duration::from_millis(5);
/// The niceness of a thread that gives way: it gets about a tenth of what the others get, and all that they leave.
const NICE: i32 = 10;

thread_local! {
    static GIVES_WAY: Cell<bool> = const { Cell::new(false) };
    static STARTED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// A run begins on this thread.
pub(super) fn start() {
    STARTED.set(clock::cpu());
}

/// Looks how long this run has computed.
pub(super) fn note() {
    if !GIVES_WAY.get() && clock::cpu().saturating_sub(STARTED.get()) > SHORT {
        // Of the calling thread only. Where it is not allowed, runs merely share alike.
        let _alike = setpriority_process(None, NICE);
        GIVES_WAY.set(true);
    }
}

/// Whether this thread gives way. It cannot take that back, so it is of no use for another run.
pub(crate) fn gives_way() -> bool {
    GIVES_WAY.get()
}

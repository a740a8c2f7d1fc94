//! A thread that computes for long gives way to the others: short runs do not wait for long ones.
//!
//! The kernel tells it, by a timer that goes by the thread's own CPU clock: what computes for long may be native code of
//! QuickJS, which asks nobody meanwhile. The signal's handler then lowers the thread's priority.

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "timers and signals of the kernel")]
mod timer {
    use std::cell::Cell;
    use std::ptr::{null, null_mut};
    use std::sync::Once;

    use libc::{c_int, c_long, itimerspec, sigaction, sigevent, timespec};
    use rustix::process::setpriority_process;

    /// What most runs need of the CPU is far less, in nanoseconds. The kernel looks at each tick of its clock only.
    const SHORT_NS: c_long = 5_000_000;
    /// The niceness of a thread that gives way: it gets about a tenth of what the others get, and all that they leave.
    const NICE: i32 = 10;
    /// The signal: of time on the CPU, and nobody else's here.
    const SIGNAL: c_int = libc::SIGXCPU;

    thread_local! {
        static GIVES_WAY: Cell<bool> = const { Cell::new(false) };
        static TIMER: Option<Timer> = Timer::new();
    }

    /// A timer of this thread.
    struct Timer(c_int);

    impl Timer {
        /// `None` where the system refuses it: runs then merely share alike.
        fn new() -> Option<Self> {
            static HANDLER: Once = Once::new();
            HANDLER.call_once(|| {
                // SAFETY: plain numbers, for which zeros are fine; the handler does what handlers may.
                unsafe {
                    let mut action: sigaction = std::mem::zeroed();
                    action.sa_sigaction = give_way as extern "C" fn(c_int) as usize;
                    action.sa_flags = libc::SA_RESTART;
                    sigaction(SIGNAL, &raw const action, null_mut());
                }
            });
            // SAFETY: plain numbers; the kernel reads the event, and writes the id, of values that are there.
            unsafe {
                let mut event: sigevent = std::mem::zeroed();
                event.sigev_notify = libc::SIGEV_THREAD_ID;
                event.sigev_signo = SIGNAL;
                event.sigev_notify_thread_id = rustix::thread::gettid().as_raw_nonzero().get();
                let mut id: c_int = 0;
                let clock = libc::CLOCK_THREAD_CPUTIME_ID;
                let made = libc::syscall(libc::SYS_timer_create, clock, &raw const event, &raw mut id);
                (made == 0).then_some(Self(id))
            }
        }

        /// Goes off when this thread has computed for so long from now on.
        fn set(&self) {
            let never = timespec { tv_sec: 0, tv_nsec: 0 };
            let time = itimerspec { it_interval: never, it_value: timespec { tv_sec: 0, tv_nsec: SHORT_NS } };
            // SAFETY: the kernel reads a value that is there.
            unsafe { libc::syscall(libc::SYS_timer_settime, self.0, 0, &raw const time, null::<itimerspec>()) };
        }
    }

    impl Drop for Timer {
        fn drop(&mut self) {
            // SAFETY: the timer is this one's, and nobody uses it after this.
            unsafe { libc::syscall(libc::SYS_timer_delete, self.0) };
        }
    }

    /// On the thread whose time it is. Only of the calling thread; where it is not allowed, runs share alike.
    extern "C" fn give_way(_: c_int) {
        let _alike = setpriority_process(None, NICE);
        GIVES_WAY.set(true);
    }

    pub(super) fn start() {
        TIMER.with(|timer| {
            if let Some(timer) = timer {
                timer.set();
            }
        });
    }

    pub(super) fn gives_way() -> bool {
        GIVES_WAY.get()
    }
}

/// A run begins on this thread.
pub(super) fn start() {
    #[cfg(target_os = "linux")]
    timer::start();
}

/// Whether this thread gives way. It cannot take that back, so it is of no use for another run.
pub(crate) fn gives_way() -> bool {
    #[cfg(target_os = "linux")]
    return timer::gives_way();
    #[cfg(not(target_os = "linux"))]
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::hint::black_box;

    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn a_thread_that_asks_nobody_gives_way_and_others_do_not() {
        let nice = || getpriority_process(None).expect("it is known");
        let (usual, long) = (nice(), move || {
            start();
            // Nothing here asks whether it should.
            while !gives_way() {
                black_box(0);
            }
            nice()
        });
        let gave_way = std::thread::spawn(long).join().expect("it ends");
        assert!(gave_way > usual || usual >= 10, "{gave_way} after {usual}");
        std::thread::spawn(move || {
            start();
            assert!(!gives_way());
            assert_eq!(nice(), usual);
        })
        .join()
        .expect("it ends");
    }
}

//! The runner's clocks: this crate has no arrow to `schedules`, so this is its one place that reads them.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Time on a clock that only moves forward.
pub(crate) fn now() -> Duration {
    duration(clock_gettime(ClockId::Monotonic))
}

/// Time this thread has spent on the CPU.
pub(crate) fn cpu() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

fn duration(time: Timespec) -> Duration {
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Whole milliseconds, at most `u32::MAX`.
pub(crate) fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

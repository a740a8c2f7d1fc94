//! A wall clock that jumps, for one process: libfaketime, steered by a file.

use std::fs;
use std::path::{Path, PathBuf};

use super::installed;

/// The clock of the processes that are started with its environment.
#[derive(Debug)]
pub struct FakeClock {
    file: PathBuf,
    ahead_seconds: i64,
}

impl FakeClock {
    /// A clock that shows the machine's time; its file is kept in `folder`.
    pub fn new(folder: &Path) -> Self {
        let clock = Self { file: folder.join("clock"), ahead_seconds: 0 };
        clock.write();
        clock
    }

    /// What to start a process with. Only the wall clock is faked: what measures durations does not notice.
    ///
    /// The C library goes before the program's own allocator: jemalloc reads the clock as it starts, libfaketime
    /// allocates as it starts, and each would wait for the other.
    pub fn env(&self) -> [(&'static str, String); 4] {
        [
            ("LD_PRELOAD", format!("{}:libc.so.6", installed::libfaketime().display())),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    /// Moves the clock by this many seconds, forward or back; the next look at it sees that.
    pub fn jump(&mut self, seconds: i64) {
        self.ahead_seconds += seconds;
        self.write();
    }

    /// Removes what libfaketime shares between threads: a process that was killed leaves it behind, and another one may
    /// get its id, and find a lock that is held.
    pub fn forget(&self, process: u32) {
        for name in ["faketime_shm", "sem.faketime_sem"] {
            fs::remove_file(format!("/dev/shm/{name}_{process}")).ok();
        }
    }

    /// Renamed into place, so that nobody reads half a number.
    fn write(&self) {
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{:+}\n", self.ahead_seconds)).expect("the clock can be written");
        fs::rename(&next, &self.file).expect("the clock can be set");
    }
}

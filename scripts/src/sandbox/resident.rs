//! The process's resident memory: what tells a heap that ran full from a script that throws `null`.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Pages of the usual size; being wrong by a factor only blurs a heuristic.
const PAGE: u64 = 4096;

/// Watches the peak above what the process had before any script.
///
/// QuickJS throws `null` when not even an error object fits into its heap. By then the heap has been unwound, so only
/// the memory seen while it was full can tell.
pub(crate) struct Resident {
    file: Option<File>,
    idle: u64,
    peak: Cell<u64>,
}

impl Resident {
    /// Starts watching; the file stays open, so that a jail without file access does not matter.
    pub fn start() -> Self {
        let file = File::open("/proc/self/statm").ok();
        let watch = Self { file, idle: 0, peak: Cell::new(0) };
        let idle = watch.read();
        Self { idle, ..watch }
    }

    /// Forgets the peak of the run before.
    pub fn reset(&self) {
        self.peak.set(0);
    }

    /// Notes what is used now.
    pub fn sample(&self) {
        self.peak.set(self.peak.get().max(self.read()));
    }

    /// Whether the run's peak is above so many bytes; where the system does not tell, it is.
    pub fn above(&self, bytes: u64) -> bool {
        self.file.is_none() || self.peak.get().saturating_sub(self.idle) >= bytes
    }

    fn read(&self) -> u64 {
        let Some(file) = &self.file else {
            return 0;
        };
        let mut bytes = [0; 64];
        let length = file.read_at(&mut bytes, 0).unwrap_or(0);
        let text = std::str::from_utf8(&bytes[..length]).unwrap_or_default();
        let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        pages * PAGE
    }
}

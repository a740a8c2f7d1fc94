//! How much a run may log: lines and bytes, then one marker and nothing more.

use crate::protocol::{Level, Limits};

/// The rest of a run's allowance.
pub(crate) struct Allowance {
    lines: u32,
    bytes: u32,
    open: bool,
}

/// What becomes of a line.
pub(crate) struct Admitted {
    /// The line, perhaps cut short.
    pub line: Option<(Level, String)>,
    /// The marker, once.
    pub marker: Option<String>,
}

impl Allowance {
    pub fn new(limits: &Limits) -> Self {
        Self { lines: limits.log_lines, bytes: limits.log_bytes, open: true }
    }

    /// Whether anything is still recorded.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Charges a line.
    pub fn admit(&mut self, level: Level, mut message: String, limits: &Limits) -> Admitted {
        if !self.open {
            return Admitted { line: None, marker: None };
        }
        if self.lines == 0 {
            return self.close(None, format!("Log truncated: the run logged more than {} lines", limits.log_lines));
        }
        let room = self.bytes as usize;
        if message.len() > room {
            let cut = (0..=room).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
            message.truncate(cut);
            let line = (!message.is_empty()).then_some((level, message));
            return self.close(line, format!("Log truncated: the run logged more than {} bytes", limits.log_bytes));
        }
        self.lines -= 1;
        self.bytes -= u32::try_from(message.len()).unwrap_or(self.bytes);
        Admitted { line: Some((level, message)), marker: None }
    }

    fn close(&mut self, line: Option<(Level, String)>, marker: String) -> Admitted {
        self.open = false;
        Admitted { line, marker: Some(marker) }
    }
}

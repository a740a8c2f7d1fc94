//! How far the work has come: a bar where somebody looks, now and then a line where nobody does.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use schedules::Stopwatch;

use super::report::grouped;
use crate::cli::terminal;

/// The time between two lines.
const EVERY_MS: u64 = 5_000;
const TEMPLATE: &str = "{msg:>10} {bar:32} {human_pos} of {human_len}  {per_sec}  {eta} left";

/// The progress of one thing.
pub struct Bar {
    what: &'static str,
    bar: Option<ProgressBar>,
    begun_at: u64,
    at: u64,
    of: u64,
    watch: Stopwatch,
    said_ms: u64,
}

impl Bar {
    /// Shows that `what` is being done, and stands at `at`.
    pub fn new(what: &'static str, at: u64, of: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
            // What was done before does not count as fast.
            ProgressBar::new(of.max(at)).with_style(style).with_message(what).with_position(at)
        });
        Self { what, bar, begun_at: at, at, of: of.max(at), watch: Stopwatch::start(), said_ms: 0 }
    }

    /// Shows that it stands there.
    pub fn set(&mut self, at: u64) {
        self.at = at;
        // There may be more than was counted.
        self.of = self.of.max(at);
        if let Some(bar) = &self.bar {
            bar.set_length(self.of);
            bar.set_position(at);
            return;
        }
        let elapsed_ms = self.watch.elapsed_ms();
        if elapsed_ms >= self.said_ms + EVERY_MS {
            self.said_ms = elapsed_ms;
            terminal::say(&self.line(elapsed_ms));
        }
    }

    /// Shows that it is over.
    pub fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let seconds = self.watch.elapsed().as_secs_f64();
        terminal::say(&format!("{}: {} records in {seconds:.1} s", self.what, grouped(self.at - self.begun_at)));
    }

    fn line(&self, elapsed_ms: u64) -> String {
        let (at, of) = (grouped(self.at), grouped(self.of));
        let per_second = (self.at - self.begun_at) * 1_000 / elapsed_ms.max(1);
        let left = (self.of - self.at).checked_div(per_second);
        let left = left.map_or(String::new(), |seconds| format!(", {seconds} s left"));
        format!("{}: {at} of {of} records, {}/s{left}", self.what, grouped(per_second))
    }
}

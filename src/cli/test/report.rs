//! What `test` prints: a tree per file, why a test failed, a line at the end; or a line of JSON per test.

use scripts::protocol::{Level, Line, ScriptError};
use serde_json::json;

use crate::cli::terminal;

/// How one test ended.
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// What went wrong.
    pub error: Option<ScriptError>,
    /// What it logged.
    pub lines: Vec<Line>,
    /// How long it took.
    pub took_ms: u64,
}

/// Prints, and counts.
pub struct Report {
    as_json: bool,
    passed: usize,
    failed: usize,
}

impl Report {
    /// Nothing was run yet.
    pub fn new(as_json: bool) -> Self {
        Self { as_json, passed: 0, failed: 0 }
    }

    /// How many tests there were.
    pub fn tests(&self) -> usize {
        self.passed + self.failed
    }

    /// Whether any failed.
    pub fn failed(&self) -> bool {
        self.failed > 0
    }

    /// The tests of this file follow.
    pub fn file(&self, shown: &str) {
        if !self.as_json {
            terminal::out(&terminal::bold(shown));
        }
    }

    /// A test has ended.
    pub fn test(&mut self, file: &str, outcome: &Outcome) {
        match outcome.error {
            None => self.passed += 1,
            Some(_) => self.failed += 1,
        }
        terminal::out(&if self.as_json { as_json(file, outcome) } else { as_text(outcome) });
    }

    /// The last line.
    pub fn end(&self, took_ms: u64) {
        if self.as_json {
            return;
        }
        let passed = terminal::good(&format!("{} passed", self.passed));
        let failed = match self.failed {
            0 => String::new(),
            n => format!(", {}", terminal::bad(&format!("{n} failed"))),
        };
        terminal::out(&format!("\n{passed}{failed}  {}", terminal::dim(&format!("{took_ms} ms"))));
    }
}

fn as_json(file: &str, Outcome { name, error, lines, took_ms }: &Outcome) -> String {
    let outcome = if error.is_none() { "passed" } else { "failed" };
    let logs: Vec<_> = lines
        .iter()
        .map(|line| json!({ "atMs": line.at_ms, "level": level(line.level), "message": line.message }))
        .collect();
    json!({ "file": file, "test": name, "outcome": outcome, "durationMs": took_ms, "error": error, "logs": logs })
        .to_string()
}

fn as_text(Outcome { name, error, lines, took_ms }: &Outcome) -> String {
    let ms = terminal::dim(&format!("{took_ms} ms"));
    let Some(error) = error else {
        return format!("  {} {name}  {ms}", terminal::good("✓"));
    };
    let mut text = format!("  {} {name}  {ms}\n", terminal::bad("✗"));
    for line in lines {
        text += &indented(&terminal::log_line(line.at_ms.into(), level(line.level), &line.message));
    }
    text += &indented(&terminal::script_error(error));
    if let Some(stack) = &error.stack {
        text += &indented(&terminal::dim(stack));
    }
    if error.code == "never_settles" {
        text += &indented("timers wait once clock.set was called: let them fire with `await clock.advance(ms)`");
    }
    text
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("      {line}\n")).collect()
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

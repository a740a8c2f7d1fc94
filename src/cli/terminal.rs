//! What the terminal shows: data on stdout, talk on stderr, colours only where somebody looks.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use scripts::protocol::ScriptError;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const BLUE: Style = AnsiColor::Blue.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();
const MAGENTA: Style = AnsiColor::Magenta.on_default();

/// Prints a line of data to stdout. A reader that went away ends the process quietly, as `| head` expects.
pub fn out(line: &str) {
    finish(writeln!(anstream::stdout().lock(), "{line}"));
}

/// Prints a line of talk to stderr.
pub fn say(line: &str) {
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Prints what went wrong to stderr.
pub fn error(message: &str) {
    say(&format!("{RED}error{RED:#}: {message}"));
}

/// Prints the way out to stderr.
pub fn help(message: &str) {
    say(&format!("{CYAN} help{CYAN:#}: {message}"));
}

fn finish(written: io::Result<()>) {
    if let Err(error) = written {
        std::process::exit(i32::from(error.kind() != io::ErrorKind::BrokenPipe));
    }
}

/// In bold.
pub fn bold(text: &str) -> String {
    format!("{BOLD}{text}{BOLD:#}")
}

/// In grey.
pub fn dim(text: &str) -> String {
    format!("{DIM}{text}{DIM:#}")
}

/// In the colour of success.
pub fn good(text: &str) -> String {
    format!("{GREEN}{text}{GREEN:#}")
}

/// In the colour of a change.
pub fn changed(text: &str) -> String {
    format!("{YELLOW}{text}{YELLOW:#}")
}

/// In the colour of a failure.
pub fn bad(text: &str) -> String {
    format!("{RED}{text}{RED:#}")
}

/// A line of a run's log: time offset, level, text. Further lines of the text are indented below its first.
pub fn log_line(at_ms: u64, level: &str, message: &str) -> String {
    let style = match level {
        "boot" => BLUE,
        "info" => GREEN,
        "http" => MAGENTA,
        "warn" => YELLOW,
        "error" => RED,
        _ => DIM,
    };
    let text = message.replace('\n', "\n               ");
    if level == "end" {
        return format!("{DIM}{at_ms:>6}ms{DIM:#}  {BOLD}{text}{BOLD:#}");
    }
    let name = level.to_uppercase();
    format!("{DIM}{at_ms:>6}ms{DIM:#}  {style}{name:<5}{style:#} {text}")
}

/// What is wrong with a script: code, message, and the code around the place. The stack is in the run's log.
pub fn script_error(error: &ScriptError) -> String {
    let name = if error.name.is_empty() { String::new() } else { format!("{}: ", error.name) };
    let mut text = format!("{RED}{}{RED:#}: {BOLD}{name}{}{BOLD:#}", error.code, error.message);
    if let Some(place) = &error.at {
        text += &format!("\n {BLUE}-->{BLUE:#} {}:{}:{}\n", place.file, place.line, place.column);
        text += &frame(&place.frame);
    }
    text
}

/// A code frame: the marked line and its marker stand out, the rest steps back.
fn frame(plain: &str) -> String {
    let colour = |line: &str| {
        let marker = line.contains('^') && line.chars().all(|c| matches!(c, ' ' | '|' | '^' | '~' | '-' | '>' | '│'));
        match (marker, line.trim_start().starts_with('>')) {
            (true, _) => format!("{RED}{line}{RED:#}"),
            (_, true) => format!("{BOLD}{line}{BOLD:#}"),
            _ => format!("{DIM}{line}{DIM:#}"),
        }
    };
    plain.trim_end().lines().map(colour).collect::<Vec<_>>().join("\n")
}

/// A unified diff, line by line in its colour.
pub fn diff(plain: &str) -> String {
    let colour = |line: &str| match line.as_bytes().first() {
        Some(b'+') => format!("{GREEN}{line}{GREEN:#}"),
        Some(b'-') => format!("{RED}{line}{RED:#}"),
        Some(b'@') => format!("{CYAN}{line}{CYAN:#}"),
        _ => line.to_owned(),
    };
    plain.lines().map(|line| format!("    {}", colour(line))).collect::<Vec<_>>().join("\n")
}

/// Lines in a box.
pub fn boxed(lines: &[String]) -> String {
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let row = |line: &String| format!("│ {line}{} │", " ".repeat(width - line.chars().count()));
    let rows: Vec<String> = lines.iter().map(row).collect();
    let bar = "─".repeat(width + 2);
    format!("┌{bar}┐\n{}\n└{bar}┘", rows.join("\n"))
}

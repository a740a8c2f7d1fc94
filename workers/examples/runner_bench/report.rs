//! The table: to the terminal, and into docs/BENCHMARKS.md between its marks.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::Size;
use crate::figures::Figures;

const BEGIN: &str = "<!-- bench-scripts: begin -->";
const END: &str = "<!-- bench-scripts: end -->";

/// The table of medians, and the goals.
pub fn table(figures: &Figures, size: Size) -> String {
    let at = |name: &str| figures.median(name);
    let mut text = String::from(
        "| CPU time of one fresh run, µs (as a multiple of ours) | three-line handler | axios + lodash + moment, 400 kB |\n|---|--:|--:|\n",
    );
    let sides = [
        ("a run through a runner, both processes", "both"),
        ("of that, in the runner", "runner"),
        ("QuickJS alone: new runtime, full context, call", "floor"),
        ("isolated-vm: fresh isolate", "isolate"),
        ("isolated-vm: fresh isolate, V8's code cache", "cached"),
        ("Node: fresh worker thread", "worker"),
    ];
    for (what, side) in sides {
        let cell = |of: &str| match at(&format!("{side} {of}")) {
            us if us.is_nan() => String::new(),
            us => format!("{us:.0} ({:.2})", figures.ratio(&format!("{side} {of}"), &format!("both {of}"))),
        };
        let _ = writeln!(text, "| {what} | {} | {} |", cell("small"), cell("big"));
    }
    let _ = writeln!(text, "\n| | |\n|---|--:|");
    let mut line = |what: &str, value: String| {
        let _ = writeln!(text, "| {what} | {value} |");
    };
    line("three-line runs per second and processor", format!("{:.0}", at("rate small")));
    line("400 kB runs per second and processor", format!("{:.0}", at("rate big")));
    line(
        "one three-line run after the other: p50 / p99",
        format!("{:.2} / {:.2} ms", at("latency small p50"), at("latency small p99")),
    );
    line(
        "one 400 kB run after the other: p50 / p99",
        format!("{:.2} / {:.2} ms", at("latency big p50"), at("latency big p99")),
    );
    line(&format!("{} runs that each wait 50 ms: all together", size.waiting), format!("{:.0} ms", at("waiting ms")));
    line("memory for each of them", format!("{:.0} kB", at("waiting kB")));
    line(
        "memory of the runners then (address space)",
        format!("{:.0} MB ({:.0} MB)", at("waiting MB"), at("waiting address MB")),
    );
    line("100 short runs at once: p50 / p99", format!("{:.1} / {:.1} ms", at("alone p50"), at("alone p99")));
    line(
        "the same beside 3 hogs: p50 / p99",
        format!("{:.1} / {:.1} ms", at("beside hogs p50"), at("beside hogs p99")),
    );
    let _ = writeln!(text, "\n| goal | measured | |\n|---|--:|---|");
    let goals = [
        (
            "a run costs at most 1.5 times the floor, in the runner",
            figures.ratio("runner small", "floor small"),
            false,
            1.5,
        ),
        ("at least 10 times as cheap as isolated-vm", figures.ratio("isolate small", "both small"), true, 10.0),
        ("the 400 kB bundle at least 3.5 times as cheap", figures.ratio("isolate big", "both big"), true, 3.5),
        ("p99 of short runs beside 3 hogs below 60 ms", at("beside hogs p99"), false, 60.0),
    ];
    for (what, found, at_least, bound) in goals {
        let met = if at_least { found >= bound } else { found <= bound };
        let _ = writeln!(text, "| {what} | {found:.2} | {} |", if met { "met" } else { "**missed**" });
    }
    let _ = writeln!(text, "\nMedians of {} rounds of {} runs.", size.rounds, size.runs);
    text
}

/// Puts the table into the documentation.
pub fn write(table: &str) -> std::io::Result<()> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/BENCHMARKS.md");
    let text = std::fs::read_to_string(&path)?;
    let missing = || std::io::Error::other(format!("{BEGIN} … {END} is missing"));
    let (before, rest) = text.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    std::fs::write(&path, format!("{before}{BEGIN}\n{table}{END}{after}"))
}

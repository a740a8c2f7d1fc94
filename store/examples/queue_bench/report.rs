//! The table: to the terminal, and into docs/BENCHMARKS.md between its marks.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::figures::{Figures, Side};
use crate::server::SETTINGS;
use crate::size::Size;
use crate::{Outcome, SIDES, goals};

const BEGIN: &str = "<!-- bench-queue: begin -->";
const END: &str = "<!-- bench-queue: end -->";

/// The rows that count jobs a second; each has the server's CPU time per job beside it.
const RATES: [&str; 19] = [
    "enqueue, batches of 50",
    "enqueue, one by one",
    "claim 64 + settle 64, two callers",
    "drain",
    "whole life",
    "whole life, appendfsync everysec",
    "whole life, appendfsync always",
    "drain, runs recorded in SQLite",
    "drain, 1 integration",
    "drain, 10 integrations",
    "drain, 100 integrations",
    "drain, 1,000 integrations",
    "drain, concurrency 200",
    "drain, 1,000 named lanes",
    "drain, 1,000 lanes, 2 at once each",
    "8 claimers, without limits",
    "8 claimers, a limit by key",
    "enqueue keyed delayed, batches of 50",
    "bytes per pending job",
];

const WAITS: [&str; 2] = ["enqueue to start, 200 jobs/s", "start after due time"];

pub fn table(figures: &Figures, size: Size) -> String {
    let mut text = String::from(
        "| jobs/s (µs of Redis's CPU per job) | Tidegate | BullMQ | plain commands | Tidegate : BullMQ |\n",
    );
    text.push_str("|---|--:|--:|--:|--:|\n");
    for name in RATES {
        row(&mut text, name, |side| cell(figures, side, name), figures.ratio((Side::Ours, name), (Side::BullMq, name)));
    }
    for name in WAITS {
        let cell = |side| {
            let p50 = figures.median(side, &format!("{name} p50"))?;
            let p99 = figures.median(side, &format!("{name} p99"))?;
            Some(format!("{p50:.2} / {p99:.2} ms"))
        };
        let p99 = format!("{name} p99");
        row(&mut text, &format!("{name}: p50 / p99"), cell, figures.ratio((Side::Ours, &p99), (Side::BullMq, &p99)));
    }
    limits(&mut text, figures);
    let _ = writeln!(text, "\n| goal | measured | |\n|---|--:|---|");
    for goal in goals::check(figures) {
        let _ =
            writeln!(text, "| {} | {} | {} |", goal.what, goal.found, if goal.is_met { "met" } else { "**missed**" });
    }
    let _ = writeln!(
        text,
        "\nMedians of {} rounds; {} jobs of ours and {} of BullMQ's in a measurement, {} pending, {} coming due within {} s.",
        size.rounds,
        count(size.jobs as f64),
        count(size.bullmq_jobs as f64),
        count(size.pending as f64),
        count(size.coming as f64),
        size.coming_within_ms / 1_000,
    );
    text
}

fn row(text: &mut String, name: &str, cell: impl Fn(Side) -> Option<String>, ratio: Option<f64>) {
    let cells: Vec<_> = SIDES.iter().map(|side| cell(*side).unwrap_or_default()).collect();
    let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
    let _ = writeln!(text, "| {name} | {} | {ratio} |", cells.join(" | "));
}

fn cell(figures: &Figures, side: Side, name: &str) -> Option<String> {
    let value = count(figures.median(side, name)?);
    Some(match figures.median(side, &format!("{name} cpu")) {
        Some(us) => format!("{value} ({us:.1})"),
        None => value,
    })
}

/// What a decision costs: the time that a job takes more than without limits.
fn limits(text: &mut String, figures: &Figures) {
    let found = |name: &str| figures.median(Side::Ours, name);
    let (with, without) = ("8 claimers, a limit by key", "8 claimers, without limits");
    let costs = found(with).zip(found(without)).map(|(with, without)| 1e6 / with - 1e6 / without);
    let cpu = found(&format!("{with} cpu")).zip(found(&format!("{without} cpu"))).map(|(with, without)| with - without);
    if let Some((costs, cpu)) = costs.zip(cpu) {
        let cells = |side| (side == Side::Ours).then(|| format!("{costs:.1} µs ({cpu:.1})"));
        row(text, "a decision by one limit: time (CPU)", cells, None);
    }
    if let Some((over, of)) = found("over-admissions").zip(found("decisions")) {
        let cells = |side| (side == Side::Ours).then(|| format!("{over:.0} of {}", count(of)));
        row(text, "admitted too early", cells, None);
    }
}

/// A number with commas.
fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Puts the figures between the marks of docs/BENCHMARKS.md; where that is.
pub fn write(machine: &str, fastest: &str, table: &str) -> Outcome<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/BENCHMARKS.md");
    let page = std::fs::read_to_string(&path)?;
    let (before, rest) = page.split_once(BEGIN).ok_or("docs/BENCHMARKS.md has no mark where the figures begin")?;
    let (_, after) = rest.split_once(END).ok_or("docs/BENCHMARKS.md has no mark where the figures end")?;
    let machine = machine.replace('\n', "  \n").replace(SETTINGS, &format!("`{SETTINGS}`"));
    let figures = format!("{machine}  \nBullMQ's fastest: {fastest}.\n\n{table}");
    std::fs::write(&path, format!("{before}{BEGIN}\n{figures}{END}{after}"))?;
    Ok(path)
}

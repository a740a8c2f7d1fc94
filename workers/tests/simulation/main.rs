//! A seeded simulation: workers, schedulers, callers and an operator on the embedded engine, with a virtual clock, where
//! every call may come late, fail, lose its answer or be the last thing its process does, and the program may end at any
//! moment. A seed decides everything: `SEED=… cargo nextest run -p workers --test simulation seeds --no-capture` repeats
//! a run and prints each of its steps. `SIM_SEEDS` says how many seeds are run, `SIM_FROM` which is the first.

mod actors;
mod bugs;
mod ledger;
mod place;
mod report;
mod run;
mod sim;
mod weather;
mod witness;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bugs::Bug;
use run::{Report, run};

/// How many seeds are run if nobody says it.
const SEEDS: u64 = 40;
/// A planted bug is found within so many seeds.
const SEEDS_PER_BUG: u64 = 60;

/// What every so many runs must have seen: a simulation that no longer gets there proves nothing.
const REACHED: [&str; 41] = [
    "cancelled",
    "claim: closed",
    "claim: jobs",
    "claim: nothing",
    "claim: refused",
    "claim: start",
    "control: open",
    "control: paused",
    "discarded",
    "done",
    "enqueue: conflict",
    "enqueue: created",
    "enqueue: crowded",
    "enqueue: full",
    "enqueue: kept",
    "enqueue: pushed",
    "enqueue: rejected",
    "enqueue: repeated",
    "enqueue: replaced",
    "extend: all",
    "extend: some lost",
    "fire: lost",
    "fire: skipped",
    "fire: tick",
    "machine: slept",
    "process: died or stopped",
    "process: stopped",
    "program: ended",
    "pruned",
    "purged",
    "replayed",
    "rescheduled",
    "rescue: job",
    "revoked",
    "run",
    "run: lease lost",
    "settle: dead",
    "settle: poison",
    "settle: retry",
    "settle: return",
    "settle: stale",
];

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number: {text}")))
}

/// Runs seeds on all cores until one fails; a panic is a failure that has no trace.
fn run_all(seeds: std::ops::Range<u64>, bug: Option<Bug>) -> (Option<Report>, BTreeMap<&'static str, u64>) {
    let (next, failed, all) =
        (AtomicU64::new(seeds.start), AtomicBool::new(false), Mutex::new((None, BTreeMap::new())));
    let work = || {
        while !failed.load(Ordering::SeqCst) {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= seeds.end {
                return;
            }
            let report = catch_unwind(AssertUnwindSafe(|| run(seed, bug)))
                .unwrap_or_else(|_| panic!("the simulation itself broke: SEED={seed}"));
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            for (what, times) in &report.counts {
                *all.1.entry(*what).or_default() += times;
            }
            if report.broken.is_some() {
                failed.store(true, Ordering::SeqCst);
                all.0 = Some(report);
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn seeds_keep_what_is_promised() {
    if let Some(seed) = variable("SEED") {
        let report = run(seed, None);
        println!("{}", report.trace.join("\n"));
        return report::fail_if_broken(&report);
    }
    let (from, seeds) = (variable("SIM_FROM").unwrap_or(1), variable("SIM_SEEDS").unwrap_or(SEEDS));
    let (failed, counts) = run_all(from..from + seeds, None);
    if let Some(report) = failed {
        report::fail_if_broken(&report);
    }
    println!("{seeds} seeds from {from}: {counts:#?}");
    let missed: Vec<&str> = REACHED.into_iter().filter(|what| !counts.contains_key(what)).collect();
    assert!(seeds < SEEDS || missed.is_empty(), "in {seeds} seeds there was no {missed:?}");
}

#[test]
fn a_seed_repeats_itself() {
    for seed in [1, 2, 3] {
        let (first, second) = (run(seed, None), run(seed, None));
        let differ = first.trace.iter().zip(&second.trace).find(|(one, other)| one != other);
        assert_eq!(differ, None, "seed {seed}");
        assert_eq!(first.trace.len(), second.trace.len(), "seed {seed}");
    }
}

#[test]
fn the_simulation_finds_a_planted_bug() {
    for bug in Bug::ALL {
        let (failed, _) = run_all(1..1 + SEEDS_PER_BUG, Some(bug));
        let found = failed.and_then(|report| Some((report.seed, report.broken?)));
        let (seed, broken) = found.unwrap_or_else(|| panic!("{bug:?} was not found"));
        println!("{bug:?}: seed {seed}, {}: {}", broken.rule, broken.what);
    }
}

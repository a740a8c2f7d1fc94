//! The goals, and whether they are met.

use crate::figures::{
    Figures,
    Side::{BullMq, Floor, Ours},
};

pub struct Goal {
    pub what: &'static str,
    pub found: String,
    pub is_met: bool,
}

pub fn check(figures: &Figures) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut goal = |what, found: Option<f64>, unit: &str, decimals: usize, is_met: fn(f64) -> bool| {
        if let Some(found) = found {
            goals.push(Goal { what, found: format!("{found:.decimals$}{unit}"), is_met: is_met(found) });
        }
    };
    let drain = figures.ratio((Ours, "drain"), (BullMq, "drain"));
    goal("drain at least 10 times as fast as BullMQ", drain, "x", 1, |found| found >= 10.0);
    let floor = figures.ratio((Ours, "whole life"), (Floor, "whole life"));
    goal("whole lives at least 60 % of the floor's", floor.map(|ratio| ratio * 100.0), " %", 0, |found| found >= 60.0);
    let bytes = figures.ratio((Ours, "bytes per pending job"), (BullMq, "bytes per pending job"));
    goal("at most 0.6 of BullMQ's memory per pending job with a key", bytes, "x", 2, |found| found <= 0.6);
    let late = figures.median(Ours, "start after due time p99");
    goal("p99 of lateness below 5 ms beside a million pending jobs", late, " ms", 1, |found| found < 5.0);
    let many = figures.ratio((Ours, "drain, 1,000 integrations"), (Ours, "drain, 1 integration"));
    goal("1,000 integrations at least half as fast as one", many, "x", 2, |found| found >= 0.5);
    goal("no over-admission", figures.median(Ours, "over-admissions"), "", 0, |found| found == 0.0);
    goals
}

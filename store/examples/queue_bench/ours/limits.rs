//! Rate limits: what a decision costs, and whether any of them admits too much.
//!
//! Slices of jobs with limits and without alternate. Every key gets a job; some keys get ten more, most of which are
//! refused. The end of a lease, which the store computes from its own clock in the step that decides, tells when exactly
//! a job was admitted; the admissions of each key are then poured into a bucket here, in whole numbers.

use std::collections::HashMap;

use schedules::rate::{Algorithm, Limit, OnExceed, OnMissing, Rule};
use store::queue::{Claim, Control, Grant, IfExists, Leased, NewJob, Queue};
use store::redis::Redis;

use super::{BATCH, Ours, PRODUCERS, put};
use crate::Outcome;
use crate::figures::{Figures, Side};
use crate::jobs::{customer, integration, job};
use crate::server::Server;
use crate::worker::{LEASE_MS, removed};

const CLAIMERS: usize = 8;
/// Jobs after which a hot key gets one, and how many hot keys there are in a slice.
const HOT_EVERY: u64 = 5;
const RULE: Rule = Rule { limit: 3, interval_ms: 6_000, burst: None, algorithm: Algorithm::LeakyBucket };

/// When each customer's jobs were admitted, by the store's clock.
type Admissions = HashMap<String, Vec<i64>>;

impl Ours<'_> {
    pub async fn limits(&self, figures: &mut Figures) -> Outcome<()> {
        let queue = self.empty_queue().await?;
        let limit = Limit {
            rule: RULE,
            fields: vec!["id".into()],
            on_exceed: OnExceed::Reject,
            on_missing: OnMissing::Reject,
            limiter: None,
            back_pressure: false,
        };
        queue.control(integration(1), Control { limits: vec![limit], ..Control::default() }).await?;
        let mut admissions = Admissions::new();
        let (mut admitted, mut decided) = (0, 0);
        let keys = self.size.keys / self.size.slices;
        let jobs = keys + keys / HOT_EVERY;
        for slice in 0..self.size.slices {
            for (of, name) in [(0, "8 claimers, without limits"), (1, "8 claimers, a limit by key")] {
                put(&queue, jobs, BATCH, PRODUCERS, move |number| keyed(of, slice, keys, number)).await?;
                let mut found = Vec::new();
                let rate = self.rate(jobs, claim_all(&queue, self.server, jobs, &mut found)).await?;
                figures.add_rate(Side::Ours, name, rate);
                if of == 1 {
                    decided += found.len();
                    for (key, at) in found.into_iter().filter_map(|(key, at)| Some((key, at?))) {
                        admitted += 1;
                        admissions.entry(key).or_default().push(at);
                    }
                }
            }
        }
        let buckets = admissions.len();
        let over: u64 = admissions.into_values().map(over_admitted).sum();
        figures.add(Side::Ours, "over-admissions", over as f64);
        figures.add(Side::Ours, "decisions", decided as f64);
        let found = format!("{over} (of {decided} decisions, {admitted} admitted, {buckets} keys)");
        figures.say(Side::Ours, "admitted too early", &found);
        Ok(())
    }
}

/// A job of a key of its own, or of one of the slice's hot keys.
fn keyed(of: u64, slice: u64, keys: u64, number: u64) -> NewJob {
    let hot = (keys / 100).max(1);
    let of_slice = if number < keys { number } else { number % hot };
    let mut new = job(of, number);
    new.job.key = Some(customer(slice * keys + of_slice));
    new.if_exists = IfExists::Beside;
    new
}

/// Claims and settles all from eight callers; notes each job's key, and when it was admitted.
async fn claim_all(queue: &Redis, server: &Server, jobs: u64, found: &mut Vec<(String, Option<i64>)>) -> Outcome<()> {
    let callers = (0..CLAIMERS).map(|_| claim_until_empty(queue.clone(), server));
    for one in futures_util::future::try_join_all(callers).await? {
        found.extend(one);
    }
    if found.len() as u64 == jobs { Ok(()) } else { Err(format!("{} of {jobs} jobs were decided", found.len()).into()) }
}

async fn claim_until_empty(queue: Redis, server: &Server) -> Outcome<Vec<(String, Option<i64>)>> {
    let mut found = Vec::new();
    loop {
        let jobs = queue.claim(Claim { limit: 64, lease_ms: LEASE_MS }).await?.jobs;
        if jobs.is_empty() {
            return Ok(found);
        }
        let ends = lease_ends(server, &jobs).await?;
        for (leased, end) in jobs.iter().zip(ends) {
            let key = leased.job.key.as_ref().map_or(String::new(), |key| key.canonical().to_owned());
            found.push((key, (leased.grant == Grant::Start).then(|| end - i64::from(LEASE_MS))));
        }
        queue.settle(jobs.into_iter().map(removed).collect()).await?;
    }
}

/// When the leases end, by the store's clock.
async fn lease_ends(server: &Server, jobs: &[Leased]) -> Outcome<Vec<i64>> {
    let mut command = redis::cmd("ZMSCORE");
    command.arg("{tidegate:0}:l");
    for leased in jobs {
        command.arg([&leased.job.id.to_bytes()[..], &leased.lease.token.to_be_bytes()[..]].concat());
    }
    let ends: Vec<f64> = server.ask(&command).await?;
    #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds")]
    Ok(ends.into_iter().map(|end| end as i64).collect())
}

/// How many of these did not fit into the bucket when they were admitted. Its level is counted in such parts that
/// `interval_ms` of them are one job, and `limit` of them leak in a millisecond.
fn over_admitted(mut times: Vec<i64>) -> u64 {
    times.sort_unstable();
    let (limit, one) = (i64::from(RULE.limit), i64::try_from(RULE.interval_ms).unwrap_or(i64::MAX));
    let (mut level, mut last, mut over) = (0, 0, 0);
    for at in times {
        level = (level - (at - last) * limit).max(0);
        last = at;
        if level + one > limit * one {
            over += 1;
        }
        level += one;
    }
    over
}

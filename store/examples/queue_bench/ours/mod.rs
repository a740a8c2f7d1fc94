//! Our engine, measured through its contract.

mod kinds;
mod latency;
mod limits;
mod pending;
mod throughput;

use std::future::Future;

use schedules::Stopwatch;
use store::queue::{Claim, NewJob, Queue};
use store::redis::{Config, Options, Redis};

use crate::Outcome;
use crate::figures::Rate;
use crate::machine;
use crate::server::Server;
use crate::size::Size;
use crate::worker::{LEASE_MS, removed};

/// Jobs of one call, and callers, where jobs are put in by batches.
const BATCH: u64 = 50;
const PRODUCERS: u64 = 4;
/// Callers, where they are put in one by one.
const SINGLE: u64 = 64;

pub struct Ours<'a> {
    server: &'a Server,
    size: Size,
}

impl<'a> Ours<'a> {
    pub fn new(server: &'a Server, size: Size) -> Self {
        Self { server, size }
    }

    /// A handle to the queue on the server, which makes it if it is not there.
    async fn queue(&self) -> Outcome<Redis> {
        Ok(Redis::connect(Config::parse(&self.server.url())?, Options::default()).await?)
    }

    /// A handle to an empty queue.
    async fn empty_queue(&self) -> Outcome<Redis> {
        self.server.flush().await?;
        self.queue().await
    }

    /// How fast `work` brings `jobs` through, and what it costs.
    async fn rate(&self, jobs: u64, work: impl Future<Output = Outcome<()>>) -> Outcome<Rate> {
        let (usage, client) = (self.server.usage().await?, machine::cpu_us());
        let watch = Stopwatch::start();
        work.await?;
        let seconds = watch.elapsed().as_secs_f64();
        let client_us = machine::cpu_us().zip(client).map(|(after, before)| after - before);
        Ok(Rate { jobs: jobs as f64, seconds, server_us: self.server.used_us(usage).await?, client_us })
    }
}

/// Puts jobs in: `batch` in a call, from so many callers.
async fn put<F>(queue: &Redis, jobs: u64, batch: u64, callers: u64, make: F) -> Outcome<()>
where
    F: Fn(u64) -> NewJob + Copy + Send + 'static,
{
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let queue = queue.clone();
            tokio::spawn(async move {
                for from in (caller * batch..jobs).step_by(usize::try_from(callers * batch)?) {
                    queue.enqueue((from..jobs.min(from + batch)).map(make).collect()).await?;
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Claims 64 and settles them, over and over, until nothing is due.
async fn claim_and_settle(queue: Redis) -> Outcome<u64> {
    let mut count = 0;
    loop {
        let claimed = queue.claim(Claim { limit: 64, lease_ms: LEASE_MS }).await?;
        if claimed.jobs.is_empty() {
            return Ok(count);
        }
        count += claimed.jobs.len() as u64;
        queue.settle(claimed.jobs.into_iter().map(removed).collect()).await?;
    }
}

//! Jobs put in, taken out, and both at once.

use super::{BATCH, Ours, PRODUCERS, SINGLE, claim_and_settle, put};
use crate::Outcome;
use crate::figures::{Figures, Side};
use crate::jobs::job;
use crate::server::Fsync;
use crate::worker::{no_op, work_off};

impl Ours<'_> {
    pub async fn throughput(&self, figures: &mut Figures) -> Outcome<()> {
        let jobs = self.size.jobs;
        let queue = self.empty_queue().await?;
        let rate = self.rate(jobs, put(&queue, jobs, BATCH, PRODUCERS, |number| job(0, number))).await?;
        figures.add_rate(Side::Ours, "enqueue, batches of 50", rate);
        let rate = self.rate(jobs, work_off(queue, jobs, no_op(), None)).await?;
        figures.add_rate(Side::Ours, "drain", rate);

        let queue = self.empty_queue().await?;
        let rate = self.rate(jobs, put(&queue, jobs, 1, SINGLE, |number| job(0, number))).await?;
        figures.add_rate(Side::Ours, "enqueue, one by one", rate);
        let both = async {
            let (a, b) = (tokio::spawn(claim_and_settle(queue.clone())), tokio::spawn(claim_and_settle(queue.clone())));
            let settled = a.await?? + b.await??;
            if settled == jobs { Ok(()) } else { Err(format!("{settled} of {jobs} jobs were settled").into()) }
        };
        let rate = self.rate(jobs, both).await?;
        figures.add_rate(Side::Ours, "claim 64 + settle 64, two callers", rate);

        let queue = self.empty_queue().await?;
        figures.add_rate(Side::Ours, "whole life", self.whole_lives(queue, jobs).await?);
        Ok(())
    }

    /// Jobs are put in while a worker drains.
    async fn whole_lives(&self, queue: store::redis::Redis, jobs: u64) -> Outcome<crate::figures::Rate> {
        let together = async {
            let worker = tokio::spawn(work_off(queue.clone(), jobs, no_op(), None));
            put(&queue, jobs, BATCH, PRODUCERS, |number| job(0, number)).await?;
            worker.await?
        };
        self.rate(jobs, together).await
    }

    /// With an append-only file.
    pub async fn durable(&self, fsync: Fsync, figures: &mut Figures) -> Outcome<()> {
        let jobs = self.size.jobs / 3;
        for _ in 0..self.size.rounds {
            let queue = self.empty_queue().await?;
            let rate = self.whole_lives(queue, jobs).await?;
            figures.add_rate(Side::Ours, &format!("whole life, appendfsync {}", fsync.name()), rate);
        }
        Ok(())
    }
}

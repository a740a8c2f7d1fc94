//! A large number of pending jobs: their memory, and how late others start beside them.

use schedules::{Clock, SystemClock};
use store::queue::{NewJob, Queue};

use super::latency::{noted, noting};
use super::{BATCH, Ours, PRODUCERS, put};
use crate::Outcome;
use crate::figures::{Figures, Side};
use crate::jobs::{at, customer};
use crate::worker::work_off;

const DAY_MS: i64 = 86_400_000;
const LEAD_MS: i64 = 2_000;

impl Ours<'_> {
    pub async fn fill(&self, figures: &mut Figures) -> Outcome<()> {
        let jobs = self.size.pending;
        let queue = self.queue().await?;
        let before = self.server.used_memory().await?;
        let rate = self.rate(jobs, put(&queue, jobs, BATCH, PRODUCERS, keyed)).await?;
        figures.add_rate(Side::Ours, "enqueue keyed delayed, batches of 50", rate);
        let bytes = (self.server.used_memory().await? - before) / jobs as f64;
        figures.add(Side::Ours, "bytes per pending job", bytes);
        figures.say(Side::Ours, "bytes per pending job", &format!("{bytes:.0}"));
        Ok(())
    }

    pub async fn late(&self, figures: &mut Figures) -> Outcome<()> {
        let (jobs, within) = (self.size.coming, self.size.coming_within_ms);
        let queue = self.queue().await?;
        let (handler, waits) = noting();
        let worker = tokio::spawn(work_off(queue.clone(), jobs, handler, None));
        let start = SystemClock.now().after(LEAD_MS);
        let coming = |number: u64| {
            let due = start.after(i64::try_from(number * within / jobs).unwrap_or(0));
            at(due, 1, number, due.0.unsigned_abs() * 1_000)
        };
        for from in (0..jobs).step_by(500) {
            queue.enqueue((from..jobs.min(from + 500)).map(coming).collect()).await?;
        }
        worker.await??;
        figures.add_waits(Side::Ours, "start after due time", noted(&waits));
        Ok(())
    }
}

fn keyed(number: u64) -> NewJob {
    let due = SystemClock.now().after(DAY_MS + i64::try_from(number).unwrap_or(0));
    let mut new = at(due, 0, number, 0);
    new.job.key = Some(customer(number));
    new
}

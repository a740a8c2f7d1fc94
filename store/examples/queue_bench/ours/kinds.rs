//! Drains of other kinds of work: many integrations, named lanes, a limit on concurrency, the history on disk.

use store::catalog::Catalog;
use store::queue::{Control, NewJob, Queue};

use super::{BATCH, Ours, PRODUCERS, put};
use crate::Outcome;
use crate::figures::{Figures, Side};
use crate::jobs::{customer, integration, job};
use crate::worker::{no_op, work_off};

impl Ours<'_> {
    pub async fn kinds(&self, figures: &mut Figures) -> Outcome<()> {
        let none = Control::default();
        self.drain("drain, 1 integration", |number| job(0, number), &none, figures).await?;
        self.drain("drain, 10 integrations", |number| job(number % 10, number), &none, figures).await?;
        self.drain("drain, 100 integrations", |number| job(number % 100, number), &none, figures).await?;
        self.drain("drain, 1,000 integrations", |number| job(number % 1_000, number), &none, figures).await?;
        let cap = Control { concurrency: Some(200), ..Control::default() };
        self.drain("drain, concurrency 200", |number| job(0, number), &cap, figures).await?;
        self.drain("drain, 1,000 named lanes", in_lane, &none, figures).await?;
        let lane_cap = Control { lane_concurrency: Some(2), ..Control::default() };
        self.drain("drain, 1,000 lanes, 2 at once each", in_lane, &lane_cap, figures).await
    }

    async fn drain<F>(&self, name: &str, make: F, control: &Control, figures: &mut Figures) -> Outcome<()>
    where
        F: Fn(u64) -> NewJob + Copy + Send + 'static,
    {
        let jobs = self.size.jobs;
        let queue = self.empty_queue().await?;
        queue.control(integration(0), control.clone()).await?;
        put(&queue, jobs, BATCH, PRODUCERS, make).await?;
        let rate = self.rate(jobs, work_off(queue, jobs, no_op(), None)).await?;
        figures.add_rate(Side::Ours, name, rate);
        Ok(())
    }

    /// Every job's run is a row of the catalog before the job is settled.
    pub async fn history(&self, figures: &mut Figures) -> Outcome<()> {
        let jobs = self.size.jobs / 3;
        let queue = self.empty_queue().await?;
        let folder = tempfile::TempDir::new_in(self.server.folder.path())?;
        let catalog = Catalog::open(&folder.path().join("catalog.db")).await?;
        put(&queue, jobs, BATCH, PRODUCERS, |number| job(0, number)).await?;
        let rate = self.rate(jobs, work_off(queue, jobs, no_op(), Some(catalog.clone()))).await?;
        figures.add_rate(Side::Ours, "drain, runs recorded in SQLite", rate);
        catalog.close().await;
        Ok(())
    }
}

fn in_lane(number: u64) -> NewJob {
    let mut new = job(0, number);
    new.job.lane = Some(customer(number % 1_000).canonical().into());
    new
}

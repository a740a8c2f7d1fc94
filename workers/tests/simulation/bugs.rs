//! The engine as the simulation calls it: each call blocks until it is answered, and may be wrong in a planted way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use store::embedded::Embedded;
use store::queue::{
    Cancelled, Claim, Claimed, Control, Enqueued, Fired, Firing, IfExists, Inspect, Lease, Leased, NewJob, Queue,
    Selector, Settled, Settlement,
};
use store::{IntegrationId, JobId, Result};

use crate::sim::block_on;

/// What is wrong with an engine; each must be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// An outcome is written whatever the lease.
    SettlesWithoutLease,
    /// Ticks are queued whatever the cursor.
    FiresWithoutCursor,
    /// A pause holds nothing.
    IgnoresPauses,
    /// Any number of jobs run at once.
    IgnoresConcurrency,
    /// Any number of jobs start in an interval.
    IgnoresLimits,
    /// A repeated call is a new one.
    ForgetsIdempotency,
    /// A key names no job.
    IgnoresKeys,
    /// Some jobs are acknowledged and not queued.
    LosesJobs,
    /// What is cancelled comes back.
    CancelsForAMoment,
    /// Leases that were renewed were not.
    RenewsNothing,
    /// Lost leases are not counted.
    ForgivesLostLeases,
    /// Who waits for work is not told of it.
    LosesWakeUps,
    /// A pending job is handed out, whenever it is due.
    StartsEarly,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::SettlesWithoutLease,
        Self::FiresWithoutCursor,
        Self::IgnoresPauses,
        Self::IgnoresConcurrency,
        Self::IgnoresLimits,
        Self::ForgetsIdempotency,
        Self::IgnoresKeys,
        Self::LosesJobs,
        Self::CancelsForAMoment,
        Self::RenewsNothing,
        Self::ForgivesLostLeases,
        Self::LosesWakeUps,
        Self::StartsEarly,
    ];
}

/// A handle to the engine; each has its own memory of what its last claim saw.
#[derive(Clone)]
pub struct Planted {
    /// The engine.
    pub engine: Embedded,
    bug: Option<Bug>,
    /// What the wrong engines must know: the lease of each job, and a number of jobs.
    memory: Arc<Mutex<(BTreeMap<JobId, Lease>, u32)>>,
}

impl Planted {
    /// The engine with a bug, or as it is.
    pub fn new(engine: Embedded, bug: Option<Bug>) -> Self {
        Self { engine, bug, memory: Arc::default() }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn remember(&self, leased: &[Leased]) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.0.extend(leased.iter().map(|leased| (leased.job.id, leased.lease)));
    }

    fn lease_of(&self, lease: Lease) -> Lease {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).0.get(&lease.job).copied().unwrap_or(lease)
    }

    /// Whether it is the turn of this one among twenty.
    fn twentieth(&self) -> bool {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.1 += 1;
        memory.1.is_multiple_of(20)
    }

    pub fn enqueue(&self, mut jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        for new in &mut jobs {
            match self.bug {
                Some(Bug::ForgetsIdempotency) => new.idempotency = None,
                Some(Bug::IgnoresKeys) => new.if_exists = IfExists::Beside,
                Some(Bug::StartsEarly) => new.job.due = new.job.due.after(-1_500),
                _ => {}
            }
        }
        if self.has(Bug::LosesJobs) && self.twentieth() {
            return Ok(jobs.iter().map(|_| Enqueued::Created).collect());
        }
        block_on(self.engine.enqueue(jobs))
    }

    /// Several calls that are under way together, in their order.
    pub fn enqueue_together(&self, calls: &[Vec<NewJob>]) -> Vec<Result<Vec<Enqueued>>> {
        if self.bug.is_some() {
            return calls.iter().map(|jobs| self.enqueue(jobs.clone())).collect();
        }
        block_on(join_all(calls.iter().map(|jobs| self.engine.enqueue(jobs.clone()))))
    }

    pub fn claim(&self, claim: Claim) -> Result<Claimed> {
        let mut claimed = block_on(self.engine.claim(claim))?;
        self.remember(&claimed.jobs);
        if self.has(Bug::StartsEarly) {
            claimed.jobs.iter_mut().for_each(|leased| leased.job.due = leased.job.due.after(1_500));
        }
        Ok(claimed)
    }

    pub fn settle(&self, mut settlements: Vec<Settlement>) -> Result<Vec<Settled>> {
        if self.has(Bug::SettlesWithoutLease) {
            settlements.iter_mut().for_each(|it| it.lease = self.lease_of(it.lease));
        }
        block_on(self.engine.settle(settlements))
    }

    pub fn extend(&self, leases: Vec<Lease>, lease_ms: u32) -> Result<Vec<Lease>> {
        let lease_ms = if self.has(Bug::RenewsNothing) { lease_ms / 3 } else { lease_ms };
        block_on(self.engine.extend(leases, lease_ms))
    }

    pub fn rescue(&self, limit: usize, lease_ms: u32) -> Result<Vec<Leased>> {
        let mut rescued = block_on(self.engine.rescue(limit, lease_ms))?;
        self.remember(&rescued);
        if self.has(Bug::ForgivesLostLeases) {
            rescued.iter_mut().for_each(|leased| leased.lost = leased.lost.min(1));
        }
        Ok(rescued)
    }

    pub fn cancel(&self, integration: IntegrationId, selector: Selector) -> Result<Cancelled> {
        let cancelled = block_on(self.engine.cancel(integration, selector))?;
        if self.has(Bug::CancelsForAMoment) {
            let again =
                |job: &store::queue::Job| NewJob { job: job.clone(), if_exists: IfExists::Beside, idempotency: None };
            block_on(self.engine.enqueue(cancelled.jobs.iter().map(again).collect()))?;
        }
        Ok(cancelled)
    }

    pub fn fire(&self, mut firing: Firing) -> Result<Fired> {
        if self.has(Bug::FiresWithoutCursor) {
            firing.from = block_on(self.engine.cursors(vec![firing.schedule]))?.pop().flatten();
        }
        block_on(self.engine.fire(firing))
    }

    pub fn control(&self, integration: IntegrationId, mut control: Control) -> Result<()> {
        match self.bug {
            Some(Bug::IgnoresPauses) => control.paused = false,
            Some(Bug::IgnoresConcurrency) => control.concurrency = None,
            Some(Bug::IgnoresLimits) => control.limits.clear(),
            _ => {}
        }
        block_on(self.engine.control(integration, control))
    }

    /// What a claim did not see; or nothing, ever.
    pub async fn changed(&self) {
        if self.has(Bug::LosesWakeUps) {
            return std::future::pending().await;
        }
        self.engine.wait(None).await;
    }
}

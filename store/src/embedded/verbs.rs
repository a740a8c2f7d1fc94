//! The contract's verbs and questions, each sent to where it is answered.

use std::time::Duration;

use schedules::Millis;
use schedules::rate::{LimiterId, Rule};

use super::cancel::{self, Target};
use super::enqueue::{self, Backlog};
use super::{
    Embedded, adjust, check, claim, control, counts, discard, export, extend, find, fire, import, levels, list, outbox,
    prune, purge, replay, reschedule, rescue, settle, standing, survey,
};
use crate::limits::at_most;
use crate::queue::{
    Adjustment, BucketView, Cancelled, Claim, Claimed, Control, Counts, Cursor, Edit, Enqueued, Fired, Firing, Inspect,
    JobFilter, JobView, Lease, Leased, MAX_BATCH, MAX_IDS, MAX_LIMITS, MAX_PAGE, Mark, Move, NewJob, Page, PageRequest,
    Pruned, Pruning, Queue, Record, ScheduleRef, Selector, Settled, Settlement, Standing, Survey, TickRecord, Transfer,
    Violation,
};
use crate::{IntegrationId, JobId, Result};

/// How long [`Queue::wait_for_end`] takes: with one process, its callers hear of ends without the store.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

impl Queue for Embedded {
    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        at_most(MAX_BATCH, "the number of jobs", jobs.len())?;
        self.call(jobs.len(), move |step| enqueue::enqueue(step, &jobs, Backlog::Bounded)).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed> {
        at_most(MAX_BATCH, "the number of jobs", claim.limit)?;
        let (claimed, seen) = self.call(claim.limit, move |step| claim::claim(step, claim)).await?;
        self.saw(seen);
        Ok(claimed)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>> {
        at_most(MAX_BATCH, "the number of settlements", settlements.len())?;
        self.call(settlements.len(), move |step| settle::settle(step, &settlements)).await
    }

    async fn extend(&self, leases: Vec<Lease>, lease_ms: u32) -> Result<Vec<Lease>> {
        at_most(MAX_BATCH, "the number of leases", leases.len())?;
        self.call(leases.len(), move |step| extend::extend(step, &leases, lease_ms)).await
    }

    async fn rescue(&self, limit: usize, lease_ms: u32) -> Result<Vec<Leased>> {
        at_most(MAX_BATCH, "the number of jobs", limit)?;
        self.call(limit, move |step| rescue::rescue(step, limit, lease_ms)).await
    }

    async fn cancel(&self, integration: IntegrationId, selector: Selector) -> Result<Cancelled> {
        let (target, weight) = match selector {
            Selector::Key(key) => (Target::Key(key.identity()), 1),
            Selector::Job(job) => (Target::Job(job), 1),
            Selector::All => (Target::All, MAX_BATCH),
            Selector::Match(part) => {
                let target = self.ask(move |connection| cancel::candidates(connection, integration, &part)).await?;
                (target, MAX_BATCH)
            }
        };
        self.call(weight, move |step| cancel::cancel(step, integration, &target)).await
    }

    async fn reschedule(&self, moves: Vec<Move>) -> Result<Vec<bool>> {
        at_most(MAX_BATCH, "the number of jobs", moves.len())?;
        self.call(moves.len(), move |step| reschedule::reschedule(step, &moves)).await
    }

    async fn fire(&self, firing: Firing) -> Result<Fired> {
        at_most(MAX_BATCH, "the number of ticks", firing.ticks.len())?;
        self.call(firing.ticks.len(), move |step| fire::fire(step, &firing)).await
    }

    async fn clear_outbox(&self, records: Vec<TickRecord>) -> Result<()> {
        at_most(MAX_BATCH, "the number of records", records.len())?;
        self.call(records.len(), move |step| outbox::clear(step, &records)).await
    }

    async fn forget_schedules(&self, schedules: Vec<ScheduleRef>) -> Result<()> {
        at_most(MAX_BATCH, "the number of schedules", schedules.len())?;
        self.call(schedules.len(), move |step| fire::forget(step, &schedules)).await
    }

    async fn control(&self, integration: IntegrationId, control: Control) -> Result<()> {
        at_most(MAX_LIMITS, "the number of rate limits", control.limits.len())?;
        self.call(1, move |step| control::control(step, integration, &control)).await
    }

    async fn adjust(&self, integration: IntegrationId, bucket: String, adjustment: Adjustment) -> Result<()> {
        self.call(1, move |step| adjust::adjust(step, integration, &bucket, adjustment)).await
    }

    async fn purge_limiter(&self, limiter: LimiterId) -> Result<()> {
        self.call(MAX_BATCH, move |step| purge::purge_limiter(step, limiter)).await
    }

    async fn replay(&self, job: JobId, due: Millis, edit: Edit) -> Result<bool> {
        self.call(1, move |step| replay::replay(step, job, due, &edit)).await
    }

    async fn discard(&self, jobs: Vec<JobId>) -> Result<u64> {
        at_most(MAX_BATCH, "the number of jobs", jobs.len())?;
        self.call(jobs.len(), move |step| discard::discard(step, &jobs)).await
    }

    async fn purge(&self, integration: IntegrationId) -> Result<()> {
        self.call(MAX_BATCH, move |step| purge::purge(step, integration)).await
    }

    async fn prune(&self, pruning: Pruning) -> Result<Pruned> {
        self.call(MAX_BATCH, move |step| prune::prune(step, &pruning)).await
    }

    async fn wait(&self, until: Option<Millis>) {
        self.wait_for_change(until).await;
    }

    async fn wait_for_end(&self, _: JobId) {
        tokio::time::sleep(LONGEST_SLEEP).await;
    }

    async fn now(&self) -> Result<Millis> {
        Ok(self.time())
    }
}

impl Inspect for Embedded {
    async fn get(&self, job: JobId) -> Result<Option<JobView>> {
        self.ask(move |connection| find::get(connection, job)).await
    }

    async fn find(&self, integration: IntegrationId, selector: Selector, limit: usize) -> Result<Vec<JobView>> {
        at_most(MAX_BATCH, "the number of jobs", limit)?;
        self.ask(move |connection| find::find(connection, integration, &selector, limit)).await
    }

    async fn list(&self, filter: JobFilter, page: PageRequest<JobId>) -> Result<Page<JobView>> {
        at_most(MAX_PAGE, "the number of items", page.first)?;
        self.ask(move |connection| list::list(connection, &filter, page)).await
    }

    async fn ids(&self, filter: JobFilter, limit: usize) -> Result<Vec<JobId>> {
        at_most(MAX_IDS, "the number of ids", limit)?;
        self.ask(move |connection| list::ids(connection, &filter, limit)).await
    }

    async fn counts(&self) -> Result<Vec<(IntegrationId, Counts)>> {
        let now = self.time();
        self.ask(move |connection| counts::counts(connection, now)).await
    }

    async fn cursors(&self, schedules: Vec<ScheduleRef>) -> Result<Vec<Option<Cursor>>> {
        at_most(MAX_BATCH, "the number of schedules", schedules.len())?;
        self.ask(move |connection| schedules.iter().map(|it| fire::cursor(connection, *it)).collect()).await
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<TickRecord>> {
        at_most(MAX_BATCH, "the number of records", limit)?;
        self.ask(move |connection| outbox::some(connection, limit)).await
    }

    async fn check(&self) -> Result<Vec<Violation>> {
        let mut found = self.ask(check::file).await?;
        found.extend(self.call(1, |step| check::books(step)).await?);
        Ok(found)
    }

    async fn bucket(&self, integration: IntegrationId, name: String, rule: Rule) -> Result<BucketView> {
        let now = self.time();
        self.ask(move |connection| levels::one(connection, integration, &name, (rule, now))).await
    }

    async fn buckets(
        &self,
        integration: IntegrationId,
        rule_name: String,
        rule: Rule,
        most: usize,
    ) -> Result<Vec<BucketView>> {
        let now = self.time();
        self.ask(move |connection| levels::of_rule(connection, integration, &rule_name, (rule, now, most))).await
    }

    async fn standing(&self, job: JobId, buckets: Vec<String>) -> Result<Option<Standing>> {
        let now = self.time();
        self.ask(move |connection| standing::standing(connection, job, &buckets, now)).await
    }

    async fn control_of(&self, integration: IntegrationId) -> Result<Control> {
        self.ask(move |connection| control::control_of(connection, integration)).await
    }
}

impl Transfer for Embedded {
    async fn survey(&self) -> Result<Survey> {
        let now = self.time();
        self.ask(move |connection| survey::survey(connection, now)).await
    }

    async fn export(&self, after: Option<Mark>, limit: usize) -> Result<(Vec<Record>, Option<Mark>)> {
        at_most(MAX_BATCH, "the number of records", limit)?;
        let now = self.time();
        self.ask(move |connection| export::export(connection, after.as_ref(), limit, now)).await
    }

    async fn import(&self, records: Vec<Record>) -> Result<u64> {
        at_most(MAX_BATCH, "the number of records", records.len())?;
        self.call(records.len(), move |step| import::import(step, &records)).await
    }

    fn counters(&self) -> u64 {
        1
    }

    fn needs_unique_arrivals(&self) -> bool {
        true
    }
}

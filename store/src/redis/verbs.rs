//! The contract's verbs and questions, each sent to where it is answered.

use std::time::Duration;

use schedules::Millis;
use schedules::rate::{LimiterId, Rule};

use super::handle::{LONGEST_WAIT, Redis};
use crate::limits::at_most;
use crate::queue::{
    Adjustment, BucketView, Cancelled, Claim, Claimed, Control, Counts, Cursor, Edit, Enqueued, Fired, Firing, Inspect,
    JobFilter, JobView, Lease, Leased, MAX_BATCH, MAX_IDS, MAX_PAGE, Mark, Move, NewJob, Page, PageRequest, Pruned,
    Pruning, Queue, Record, ScheduleRef, Selector, Settled, Settlement, Standing, Survey, TickRecord, Transfer,
    Violation,
};
use crate::{IntegrationId, JobId, Result};

impl Queue for Redis {
    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        at_most(MAX_BATCH, "the number of jobs", jobs.len())?;
        self.put(jobs).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed> {
        at_most(MAX_BATCH, "the number of jobs", claim.limit)?;
        self.take(claim).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>> {
        at_most(MAX_BATCH, "the number of settlements", settlements.len())?;
        self.write(&settlements).await
    }

    async fn extend(&self, leases: Vec<Lease>, lease_ms: u32) -> Result<Vec<Lease>> {
        at_most(MAX_BATCH, "the number of leases", leases.len())?;
        self.prolong(&leases, lease_ms).await
    }

    async fn rescue(&self, limit: usize, lease_ms: u32) -> Result<Vec<Leased>> {
        at_most(MAX_BATCH, "the number of jobs", limit)?;
        self.take_over(limit, lease_ms).await
    }

    async fn cancel(&self, integration: IntegrationId, selector: Selector) -> Result<Cancelled> {
        self.take_out(integration, selector).await
    }

    async fn reschedule(&self, moves: Vec<Move>) -> Result<Vec<bool>> {
        at_most(MAX_BATCH, "the number of jobs", moves.len())?;
        self.move_all(&moves).await
    }

    async fn fire(&self, firing: Firing) -> Result<Fired> {
        at_most(MAX_BATCH, "the number of ticks", firing.ticks.len())?;
        self.fire_ticks(&firing).await
    }

    async fn clear_outbox(&self, records: Vec<TickRecord>) -> Result<()> {
        at_most(MAX_BATCH, "the number of records", records.len())?;
        self.forget_records(&records).await
    }

    async fn forget_schedules(&self, schedules: Vec<ScheduleRef>) -> Result<()> {
        at_most(MAX_BATCH, "the number of schedules", schedules.len())?;
        self.forget_places(&schedules).await
    }

    async fn control(&self, integration: IntegrationId, control: Control) -> Result<()> {
        self.set_control(integration, &control).await
    }

    async fn adjust(&self, integration: IntegrationId, bucket: String, adjustment: Adjustment) -> Result<()> {
        self.adjust_bucket(integration, &bucket, adjustment).await
    }

    async fn purge_limiter(&self, limiter: LimiterId) -> Result<()> {
        self.forget_limiter(limiter).await
    }

    async fn replay(&self, job: JobId, due: Millis, edit: Edit) -> Result<bool> {
        self.start_over(job, due, &edit).await
    }

    async fn discard(&self, jobs: Vec<JobId>) -> Result<u64> {
        at_most(MAX_BATCH, "the number of jobs", jobs.len())?;
        self.forget_dead(&jobs).await
    }

    async fn purge(&self, integration: IntegrationId) -> Result<()> {
        self.forget_integration(integration).await
    }

    async fn prune(&self, pruning: Pruning) -> Result<Pruned> {
        self.forget_old(&pruning).await
    }

    async fn wait(&self, until: Option<Millis>) {
        let left_ms = match (until, self.about_now()) {
            (Some(until), Some(now)) => until.since(now),
            _ => i64::MAX,
        };
        if left_ms > 0 {
            let at_most = Duration::from_millis(left_ms.unsigned_abs()).min(LONGEST_WAIT);
            self.shared.wake.changed_since(self.seen(), at_most).await;
        }
    }

    async fn wait_for_end(&self, job: JobId) {
        self.shared.wake.ended(job, LONGEST_WAIT).await;
    }

    async fn now(&self) -> Result<Millis> {
        self.time().await
    }
}

impl Inspect for Redis {
    async fn get(&self, job: JobId) -> Result<Option<JobView>> {
        Ok(self.views(&[job]).await?.pop())
    }

    async fn find(&self, integration: IntegrationId, selector: Selector, limit: usize) -> Result<Vec<JobView>> {
        at_most(MAX_BATCH, "the number of jobs", limit)?;
        self.find_pending(integration, selector, limit).await
    }

    async fn list(&self, filter: JobFilter, page: PageRequest<JobId>) -> Result<Page<JobView>> {
        at_most(MAX_PAGE, "the number of items", page.first)?;
        self.page(&filter, page).await
    }

    async fn ids(&self, filter: JobFilter, limit: usize) -> Result<Vec<JobId>> {
        at_most(MAX_IDS, "the number of ids", limit)?;
        self.newest(&filter, limit).await
    }

    async fn counts(&self) -> Result<Vec<(IntegrationId, Counts)>> {
        self.count().await
    }

    async fn cursors(&self, schedules: Vec<ScheduleRef>) -> Result<Vec<Option<Cursor>>> {
        at_most(MAX_BATCH, "the number of schedules", schedules.len())?;
        self.read_cursors(&schedules).await
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<TickRecord>> {
        at_most(MAX_BATCH, "the number of records", limit)?;
        self.some_records(limit).await
    }

    async fn check(&self) -> Result<Vec<Violation>> {
        self.contradictions().await
    }

    async fn bucket(&self, integration: IntegrationId, name: String, rule: Rule) -> Result<BucketView> {
        self.view_bucket(integration, name, rule).await
    }

    async fn buckets(
        &self,
        integration: IntegrationId,
        rule_name: String,
        rule: Rule,
        most: usize,
    ) -> Result<Vec<BucketView>> {
        self.view_buckets(integration, &rule_name, rule, most).await
    }

    async fn standing(&self, job: JobId, buckets: Vec<String>) -> Result<Option<Standing>> {
        self.standing_of(job, &buckets).await
    }

    async fn control_of(&self, integration: IntegrationId) -> Result<Control> {
        self.read_control(integration).await
    }
}

impl Transfer for Redis {
    async fn survey(&self) -> Result<Survey> {
        self.count_all().await
    }

    async fn export(&self, after: Option<Mark>, limit: usize) -> Result<(Vec<Record>, Option<Mark>)> {
        at_most(MAX_BATCH, "the number of records", limit)?;
        self.tell(after.as_ref(), limit.max(1)).await
    }

    async fn import(&self, records: Vec<Record>) -> Result<u64> {
        at_most(MAX_BATCH, "the number of records", records.len())?;
        self.take_in(&records).await
    }

    fn counters(&self) -> u64 {
        self.partitions() as u64
    }

    fn needs_unique_arrivals(&self) -> bool {
        false
    }
}

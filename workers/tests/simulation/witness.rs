//! Stands beside the engine and tells the ledger, and the trace, of every call that the engine has answered.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use schedules::Millis;
use schedules::rate::{LimiterId, Rule};
use store::queue::{
    Adjustment, BucketView, Cancelled, Claim, Claimed, Control, Counts, Cursor, Edit, Enqueued, Fired, Firing, Grant,
    Inspect, JobFilter, JobView, Lease, Leased, Move, NewJob, Page, PageRequest, Pruned, Pruning, Queue, ScheduleRef,
    Selector, Settled, Settlement, Standing, State, TickRecord, Violation,
};
use store::{Error, IntegrationId, JobId, Result};
use workers::settings::Schedule;

use crate::bugs::Planted;
use crate::ledger::{Broken, Check, Ledger};
use crate::sim::{Sim, block_on};

/// The ledger, and the first rule that was broken.
#[derive(Clone)]
pub struct Books(Arc<Mutex<(Ledger, Option<Broken>)>>);

impl Books {
    /// Of an empty queue that holds at most so many jobs.
    pub fn new(max_jobs: u64) -> Self {
        Self(Arc::new(Mutex::new((Ledger::new(max_jobs), None))))
    }

    /// Looks into the ledger.
    pub fn with<T>(&self, look: impl FnOnce(&mut Ledger) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Remembers what a check found, if it is the first.
    pub fn check(&self, check: impl FnOnce(&mut Ledger) -> Check) {
        let mut books = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(broken) = check(&mut books.0) {
            books.1.get_or_insert(broken);
        }
    }

    /// The first rule that was broken.
    pub fn broken(&self) -> Option<Broken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

/// Counts those who wait for work; cheap to clone.
#[derive(Clone, Default)]
pub struct Waiting(Arc<AtomicU32>);

impl Waiting {
    /// Whether anybody does.
    pub fn is_anybody(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }

    fn one_more(&self) -> OneMore {
        self.0.fetch_add(1, Ordering::SeqCst);
        OneMore(self.clone())
    }
}

/// One who waits, until it is dropped.
struct OneMore(Waiting);

impl Drop for OneMore {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The engine, watched.
pub struct Witness {
    pub engine: Planted,
    pub books: Books,
    pub sim: Sim,
    /// Who calls.
    pub who: String,
    /// The schedules whose rules the ticks must keep; an operator may leave ticks out.
    pub schedules: Vec<(IntegrationId, Schedule)>,
    pub waiting: Waiting,
}

impl Witness {
    /// Tells of an answer: to the ledger by `check`, to the trace in words.
    fn saw<T>(
        &self,
        answer: &Result<T>,
        say: impl FnOnce(&mut Ledger, &T) -> String,
        check: impl FnOnce(&mut Ledger, Millis) -> Check,
    ) {
        let now = self.sim.now();
        self.books.check(|ledger| {
            let line = match answer {
                Ok(answer) => say(ledger, answer),
                Err(error) => error.to_string(),
            };
            self.sim.note(&self.who, &line);
            check(ledger, now)
        });
    }

    /// Puts jobs in by several calls that are under way together, as those of many callers are: the engine may apply
    /// them in one step.
    pub fn enqueue_together(&self, calls: &[Vec<NewJob>]) -> Vec<Result<Vec<Enqueued>>> {
        let answers = self.engine.enqueue_together(calls);
        for (jobs, answer) in calls.iter().zip(&answers) {
            self.saw(answer, |ledger, it| put_in(ledger, jobs, it), |ledger, now| ledger.enqueue(now, jobs, answer));
        }
        answers
    }

    /// All jobs in the queue, or those in one state.
    pub fn list_all(&self, state: Option<State>) -> Vec<JobView> {
        let filter = JobFilter { state, ..JobFilter::default() };
        let mut all: Vec<JobView> = Vec::new();
        loop {
            let page = PageRequest { first: 100, after: all.last().map(|view| view.job.id), before: None };
            let page = block_on(self.engine.engine.list(filter.clone(), page)).expect("list answers");
            all.extend(page.items);
            if !page.has_next {
                return all;
            }
        }
    }
}

fn names(ledger: &mut Ledger, jobs: impl IntoIterator<Item = JobId>) -> String {
    let names: Vec<String> = jobs.into_iter().map(|job| ledger.name(job)).collect();
    if names.is_empty() { "nothing".into() } else { names.join(" ") }
}

fn put_in(ledger: &mut Ledger, jobs: &[NewJob], answers: &[Enqueued]) -> String {
    let one = |(new, answer): (&NewJob, &Enqueued)| {
        let old = match answer {
            Enqueued::Replaced { old: job }
            | Enqueued::Kept { existing: job, .. }
            | Enqueued::Pushed { existing: job, .. }
            | Enqueued::Rejected { existing: job }
            | Enqueued::Repeated { first: job, .. } => format!(" {}", ledger.name(*job)),
            _ => String::new(),
        };
        format!("{} due {} {}{old}", ledger.name(new.job.id), short(Some(new.job.due)), word(answer))
    };
    let words: Vec<String> = jobs.iter().zip(answers).map(one).collect();
    format!("enqueue: {}", words.join(", "))
}

/// The name of a variant.
fn word(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}

fn leased(ledger: &mut Ledger, leased: &[Leased]) -> String {
    let one = |it: &Leased| {
        let grant = match it.grant {
            Grant::Start => String::new(),
            Grant::Refused(_) => " refused".into(),
            Grant::Closed => " closed".into(),
        };
        format!("{}{grant} (attempt {}, {} lost)", ledger.name(it.job.id), it.attempt, it.lost)
    };
    let words: Vec<String> = leased.iter().map(one).collect();
    if words.is_empty() { "nothing".into() } else { words.join(", ") }
}

fn short(at: Option<Millis>) -> String {
    at.map_or("never".into(), |at| {
        let ms = at.since(store::conformance::START);
        format!("{}.{:03}", ms / 1_000, ms % 1_000)
    })
}

impl Queue for Witness {
    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        let answer = self.engine.enqueue(jobs.clone());
        self.saw(&answer, |ledger, it| put_in(ledger, &jobs, it), |ledger, now| ledger.enqueue(now, &jobs, &answer));
        answer
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed> {
        let answer = self.engine.claim(claim);
        let say = |ledger: &mut Ledger, claimed: &Claimed| {
            format!("claim {}: {}; next due {}", claim.limit, leased(ledger, &claimed.jobs), short(claimed.next_due))
        };
        self.saw(&answer, say, |ledger, now| ledger.claim(now, claim, &answer));
        answer
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>> {
        let answer = self.engine.settle(settlements.clone());
        let say = |ledger: &mut Ledger, answers: &Vec<Settled>| {
            let one = |(it, answer): (&Settlement, &Settled)| {
                format!("{} {} {answer:?}", ledger.name(it.lease.job), word(&it.next))
            };
            let words: Vec<String> = settlements.iter().zip(answers).map(one).collect();
            format!("settle: {}", words.join(", "))
        };
        self.saw(&answer, say, |ledger, now| ledger.settle(now, &settlements, &answer));
        answer
    }

    async fn extend(&self, leases: Vec<Lease>, lease_ms: u32) -> Result<Vec<Lease>> {
        let answer = self.engine.extend(leases.clone(), lease_ms);
        let say = |ledger: &mut Ledger, lost: &Vec<Lease>| {
            let all = names(ledger, leases.iter().map(|lease| lease.job));
            format!("extend {all}: lost {}", names(ledger, lost.iter().map(|lease| lease.job)))
        };
        self.saw(&answer, say, |ledger, now| ledger.extend(now, &leases, lease_ms, &answer));
        answer
    }

    async fn rescue(&self, limit: usize, lease_ms: u32) -> Result<Vec<Leased>> {
        let answer = self.engine.rescue(limit, lease_ms);
        let say = |ledger: &mut Ledger, rescued: &Vec<Leased>| format!("rescue: {}", leased(ledger, rescued));
        self.saw(&answer, say, |ledger, now| ledger.rescue(now, limit, lease_ms, &answer));
        answer
    }

    async fn cancel(&self, integration: IntegrationId, selector: Selector) -> Result<Cancelled> {
        let answer = self.engine.cancel(integration, selector.clone());
        let say = |ledger: &mut Ledger, cancelled: &Cancelled| {
            format!("cancel: {}", names(ledger, cancelled.jobs.iter().map(|job| job.id)))
        };
        self.saw(&answer, say, |ledger, _| ledger.cancel(integration, &selector, &answer));
        answer
    }

    async fn reschedule(&self, moves: Vec<Move>) -> Result<Vec<bool>> {
        let answer = block_on(self.engine.engine.reschedule(moves.clone()));
        let say = |ledger: &mut Ledger, answers: &Vec<bool>| {
            let due = moves.first().map(|first| first.due);
            format!("reschedule {} to {}: {answers:?}", names(ledger, moves.iter().map(|it| it.job)), short(due))
        };
        self.saw(&answer, say, |ledger, _| ledger.reschedule(&moves, &answer));
        answer
    }

    async fn fire(&self, firing: Firing) -> Result<Fired> {
        let answer = self.engine.fire(firing.clone());
        let settings =
            self.schedules.iter().find(|(of, _)| *of == firing.schedule.integration).map(|(_, settings)| settings);
        let say = |ledger: &mut Ledger, fired: &Fired| {
            let ticks = names(ledger, firing.ticks.iter().map(|new| new.job.id));
            let (from, to) = (short(firing.from.map(|from| from.nominal)), short(Some(firing.to)));
            match fired {
                Fired::Queued { revoked } => {
                    let revoked = names(ledger, revoked.iter().map(|job| job.id));
                    format!("fire {from} to {to}: {ticks}; revoked {revoked}")
                }
                Fired::Skipped => format!("fire {from} to {to}: {ticks} skipped"),
                Fired::Lost { cursor } => {
                    let at = short(cursor.map(|cursor| cursor.nominal));
                    format!("fire {from} to {to}: lost, the cursor is at {at}")
                }
            }
        };
        self.saw(&answer, say, |ledger, _| ledger.fire(&firing, settings, &answer));
        answer
    }

    async fn clear_outbox(&self, records: Vec<TickRecord>) -> Result<()> {
        block_on(self.engine.engine.clear_outbox(records))
    }

    async fn forget_schedules(&self, schedules: Vec<ScheduleRef>) -> Result<()> {
        block_on(self.engine.engine.forget_schedules(schedules))
    }

    async fn control(&self, integration: IntegrationId, control: Control) -> Result<()> {
        let answer = self.engine.control(integration, control.clone());
        let say = |_: &mut Ledger, (): &()| format!("control {integration}: {control:?}");
        self.saw(&answer, say, |ledger, _| ledger.control(integration, &control, &answer));
        answer
    }

    /// The operators of this world leave single keys alone.
    async fn adjust(&self, integration: IntegrationId, bucket: String, adjustment: Adjustment) -> Result<()> {
        block_on(self.engine.engine.adjust(integration, bucket, adjustment))
    }

    async fn purge_limiter(&self, limiter: LimiterId) -> Result<()> {
        block_on(self.engine.engine.purge_limiter(limiter))
    }

    async fn replay(&self, job: JobId, due: Millis, edit: Edit) -> Result<bool> {
        let answer = block_on(self.engine.engine.replay(job, due, edit.clone()));
        let say = |ledger: &mut Ledger, answer: &bool| format!("replay {}: {answer}", ledger.name(job));
        self.saw(&answer, say, |ledger, _| ledger.replay(job, due, &edit, &answer));
        answer
    }

    async fn discard(&self, jobs: Vec<JobId>) -> Result<u64> {
        let answer = block_on(self.engine.engine.discard(jobs.clone()));
        let say = |ledger: &mut Ledger, answer: &u64| format!("discard {}: {answer}", names(ledger, jobs.clone()));
        self.saw(&answer, say, |ledger, _| ledger.discard(&jobs, &answer));
        answer
    }

    async fn purge(&self, integration: IntegrationId) -> Result<()> {
        let answer = block_on(self.engine.engine.purge(integration));
        self.saw(&answer, |_, ()| format!("purge {integration}"), |ledger, _| ledger.purge(integration, &answer));
        answer
    }

    async fn prune(&self, pruning: Pruning) -> Result<Pruned> {
        let answer = block_on(self.engine.engine.prune(pruning));
        let dead: BTreeSet<JobId> = self.list_all(Some(State::Dead)).iter().map(|view| view.job.id).collect();
        let say = |_: &mut Ledger, pruned: &Pruned| format!("prune: {pruned:?}");
        self.saw(&answer, say, |ledger, now| ledger.prune(now, pruning, &answer, &dead));
        answer
    }

    /// Only changes end it: time is the business of the caller.
    async fn wait(&self, _: Option<Millis>) {
        let _waiting = self.waiting.one_more();
        self.engine.changed().await;
    }

    async fn wait_for_end(&self, _: JobId) {
        self.engine.changed().await;
    }

    async fn now(&self) -> Result<Millis> {
        Ok(self.sim.now())
    }
}

impl Inspect for Witness {
    async fn get(&self, job: JobId) -> Result<Option<JobView>> {
        block_on(self.engine.engine.get(job))
    }

    async fn find(&self, integration: IntegrationId, selector: Selector, limit: usize) -> Result<Vec<JobView>> {
        let answer = block_on(self.engine.engine.find(integration, selector.clone(), limit));
        if let Ok(found) = &answer {
            self.books.check(|ledger| ledger.found(integration, &selector, limit, found));
        }
        answer
    }

    async fn list(&self, filter: JobFilter, page: PageRequest<JobId>) -> Result<Page<JobView>> {
        block_on(self.engine.engine.list(filter, page))
    }

    async fn ids(&self, filter: JobFilter, limit: usize) -> Result<Vec<JobId>> {
        block_on(self.engine.engine.ids(filter, limit))
    }

    async fn counts(&self) -> Result<Vec<(IntegrationId, Counts)>> {
        block_on(self.engine.engine.counts())
    }

    async fn cursors(&self, schedules: Vec<ScheduleRef>) -> Result<Vec<Option<Cursor>>> {
        let answer = block_on(self.engine.engine.cursors(schedules.clone()));
        let expected: Vec<Option<Cursor>> =
            self.books.with(|ledger| schedules.iter().map(|of| ledger.cursor(of.integration)).collect());
        match &answer {
            Ok(cursors) if *cursors == expected => {}
            other => {
                let what = format!("{other:?}, not {expected:?}");
                self.books.check(|_| Err(Broken { rule: "wrong_cursor", what }));
            }
        }
        answer
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<TickRecord>> {
        block_on(self.engine.engine.outbox(limit))
    }

    async fn check(&self) -> Result<Vec<Violation>> {
        block_on(self.engine.engine.check())
    }

    async fn bucket(&self, integration: IntegrationId, name: String, rule: Rule) -> Result<BucketView> {
        block_on(self.engine.engine.bucket(integration, name, rule))
    }

    async fn buckets(
        &self,
        integration: IntegrationId,
        rule_name: String,
        rule: Rule,
        most: usize,
    ) -> Result<Vec<BucketView>> {
        block_on(self.engine.engine.buckets(integration, rule_name, rule, most))
    }

    async fn standing(&self, job: JobId, buckets: Vec<String>) -> Result<Option<Standing>> {
        block_on(self.engine.engine.standing(job, buckets))
    }

    async fn control_of(&self, integration: IntegrationId) -> Result<Control> {
        block_on(self.engine.engine.control_of(integration))
    }
}

/// Whether the caller may try again.
pub fn may_try_again(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_))
}

//! Random sequences of calls and clock moves: the engine and the model must answer alike and hold the same.

use proptest::prelude::*;
use proptest::sample::Index;
use schedules::{Millis, WindowSpec};
use store::JobId;
use store::conformance::{Fresh, START, Sample, at, integration, job, key, schedule};
use store::queue::{
    Adjustment, Cause, Claim, Control, Cursor, Debounce, Edit, Fired, Firing, IfBusy, IfExists, Inspect, JobFilter,
    JobView, Lease, MAX_BATCH, Move, NewJob, Next, PageRequest, Pruning, Queue, ScheduleRef, Selector, Settlement,
    State, Tick, TickRecord, Verdict,
};

use crate::calls::{Call, Choice, INTEGRATIONS, Kind, SCHEDULES, Sketch, a_key, call};
use crate::embedded::fresh;
use crate::model::Model;

/// After so many claims at one time an engine must have handed out what it has.
const MANY_CLAIMS: usize = 1_000;

/// The engine beside the model.
struct Pair<Q> {
    engine: Fresh<Q>,
    model: Model,
    /// Every job that was ever made, and every lease ever given.
    made: Vec<NewJob>,
    leases: Vec<Lease>,
}

impl<Q: Queue + Inspect> Pair<Q> {
    fn new(engine: Fresh<Q>) -> Self {
        Self { engine, model: Model::new(START), made: Vec::new(), leases: Vec::new() }
    }

    fn make(&mut self, sketch: &Sketch) -> NewJob {
        let mut new = job(sketch.of).due(sketch.due).priority(sketch.priority);
        new.job.key = sketch.key.map(a_key).map(key);
        new.if_exists = sketch.if_exists;
        new.job.debounce = (sketch.if_exists == IfExists::Debounce)
            .then(|| Debounce { latest: at(sketch.due + i64::from(sketch.priority) * 5), pushes: 0 });
        new.job.closes = sketch.closes.map(at);
        new.job.weight = sketch.weight;
        if let Some(number) = sketch.lane {
            new = new.lane(&number.to_string());
        }
        new.job.cause = if sketch.tick { Cause::Schedule } else { Cause::Manual };
        if let Some((name, request, ms)) = sketch.idempotency {
            new = new.idempotent(&name.to_string(), request, ms);
        }
        self.made.push(new.clone());
        new
    }

    fn job_id(&self, index: &Index) -> JobId {
        if self.made.is_empty() { job(1).job.id } else { index.get(&self.made).job.id }
    }

    fn lease(&self, index: &Index) -> Lease {
        // Mostly leases that may still be held.
        let recent = &self.leases[self.leases.len().saturating_sub(8)..];
        if recent.is_empty() { Lease { job: job(1).job.id, token: 1 } } else { *index.get(recent) }
    }

    fn selector(&self, choice: &Choice) -> Selector {
        match choice {
            Choice::Key(number) => Selector::Key(key(a_key(*number))),
            Choice::Match(number) => Selector::Match(key(a_key(*number))),
            Choice::Job(index) => Selector::Job(self.job_id(index)),
            Choice::All => Selector::All,
        }
    }

    async fn apply(&mut self, call: &Call) {
        match call {
            Call::Enqueue(_) | Call::Again(_) | Call::Fire { .. } => self.apply_new(call).await,
            Call::Claim(_) | Call::ClaimAll | Call::Settle(_) | Call::Extend(_) | Call::Rescue(_) => {
                self.apply_leases(call).await
            }
            Call::Cancel(..) | Call::Find(..) | Call::Reschedule(_) => self.apply_pending(call).await,
            _ => self.apply_rest(call).await,
        }
    }

    async fn apply_new(&mut self, call: &Call) {
        match call {
            Call::Enqueue(sketches) => {
                let jobs: Vec<_> = sketches.iter().map(|sketch| self.make(sketch)).collect();
                let wanted = self.model.enqueue(&jobs);
                assert_eq!(self.engine.queue.enqueue(jobs).await.expect("enqueue answers"), wanted);
            }
            Call::Again(index) if !self.made.is_empty() => {
                let jobs = vec![index.get(&self.made).clone()];
                let wanted = self.model.enqueue(&jobs);
                assert_eq!(self.engine.queue.enqueue(jobs).await.expect("enqueue answers"), wanted);
            }
            Call::Fire { of, schedule, from_cursor, ticks, if_busy } => {
                let of = schedule_of(*of, *schedule);
                let cursor = self.model.cursors.get(&of).copied();
                let mut ticks: Vec<_> = (0..*ticks).map(|_| self.make(&Sketch::tick())).collect();
                for tick in &mut ticks {
                    tick.job.integration = of.integration;
                    let nominal = self.model.now;
                    tick.job.tick = Some(Tick { schedule: of.schedule, nominal, previous: None, upcoming: None });
                }
                let from = if *from_cursor { cursor } else { Some(Cursor::at(at(-777))) };
                let to = cursor.map_or(START, |cursor| cursor.nominal).after(1);
                let firing = Firing {
                    if_busy: *if_busy,
                    seen: Some(self.model.now).filter(|_| *if_busy == IfBusy::Wait),
                    records: vec![record(of, to, Verdict::Fired)],
                    records_if_skipped: ticks.iter().map(|tick| overlapped(of, to, tick.job.id)).collect(),
                    ticks,
                    ..Firing::new(of, from, to)
                };
                let wanted = self.model.fire(&firing);
                let mut fired = self.engine.queue.fire(firing).await.expect("fire answers");
                if let Fired::Queued { revoked } = &mut fired {
                    revoked.sort_by_key(|job| job.id);
                }
                assert_eq!(fired, wanted);
            }
            _ => {}
        }
    }

    async fn apply_leases(&mut self, call: &Call) {
        let (queue, lease_ms) = (&self.engine.queue, 25);
        match call {
            Call::Claim(limit) => {
                self.claim(*limit, lease_ms).await;
            }
            Call::ClaimAll => {
                self.claim(MAX_BATCH, lease_ms).await;
            }
            Call::Rescue(limit) => {
                let rescued = queue.rescue(*limit, lease_ms).await.expect("rescue answers");
                self.model.rescued(*limit, lease_ms, &rescued);
                self.leases.extend(rescued.iter().map(|it| it.lease));
            }
            Call::Settle(sketches) => {
                let settlements: Vec<_> = sketches
                    .iter()
                    .map(|(index, kind, ms, closes)| Settlement {
                        lease: self.lease(index),
                        next: next(kind, *ms, *closes),
                    })
                    .collect();
                let wanted = self.model.settle(&settlements);
                assert_eq!(queue.settle(settlements).await.expect("settle answers"), wanted);
            }
            Call::Extend(indices) => {
                let leases: Vec<_> = indices.iter().map(|index| self.lease(index)).collect();
                let wanted = self.model.extend(&leases, lease_ms);
                assert_eq!(queue.extend(leases, lease_ms).await.expect("extend answers"), wanted);
            }
            _ => {}
        }
    }

    async fn apply_pending(&mut self, call: &Call) {
        let queue = &self.engine.queue;
        match call {
            Call::Cancel(of, choice) => {
                let selector = self.selector(choice);
                let wanted = self.model.cancel(integration(*of), &selector);
                let mut cancelled = queue.cancel(integration(*of), selector).await.expect("cancel answers");
                cancelled.jobs.sort_by_key(|job| job.id);
                assert_eq!((cancelled.jobs, cancelled.more), (wanted, false));
            }
            Call::Find(of, choice) => {
                let selector = self.selector(choice);
                let wanted = self.model.find(integration(*of), &selector);
                assert_eq!(queue.find(integration(*of), selector, MAX_BATCH).await.expect("find answers"), wanted);
            }
            Call::Reschedule(sketches) => {
                let moves: Vec<_> = sketches
                    .iter()
                    .map(|(index, ms, closes, window)| Move {
                        job: self.job_id(index),
                        due: at(*ms),
                        closes: closes.map(at),
                        window: window.then(|| WindowSpec { day: Some("monday".into()), ..WindowSpec::default() }),
                    })
                    .collect();
                let wanted = self.model.reschedule(&moves);
                assert_eq!(queue.reschedule(moves).await.expect("reschedule answers"), wanted);
            }
            _ => {}
        }
    }

    async fn apply_rest(&mut self, call: &Call) {
        let queue = &self.engine.queue;
        match call {
            Call::Control(of, sketch) => {
                let control = sketch.control();
                self.model.controls.insert(integration(*of), control.clone());
                queue.control(integration(*of), control).await.expect("control answers");
            }
            Call::Adjust(of, place, number, adjustment) => {
                let of = integration(*of);
                if let Some(name) = self.model.bucket_name(of, *place, &key(a_key(*number))) {
                    self.model.adjust(of, &name, *adjustment);
                    queue.adjust(of, name, *adjustment).await.expect("adjust answers");
                }
            }
            Call::Replay(index, ms, edits) => {
                let id = self.job_id(index);
                let payload = edits.then(|| ms.to_string().into());
                let edit = Edit { payload, release: edits.then(|| (*ms > 0).then_some(2)) };
                let wanted = self.model.replay(id, at(*ms), &edit);
                assert_eq!(queue.replay(id, at(*ms), edit).await.expect("replay answers"), wanted);
            }
            Call::Discard(indices) => {
                let ids: Vec<_> = indices.iter().map(|index| self.job_id(index)).collect();
                let wanted = self.model.discard(&ids);
                assert_eq!(queue.discard(ids).await.expect("discard answers"), wanted);
            }
            Call::Purge(of) => {
                self.model.purge(integration(*of));
                queue.purge(integration(*of)).await.expect("purge answers");
            }
            Call::ClearOutbox(limit) => {
                let records = queue.outbox(*limit).await.expect("outbox answers");
                assert!(records.len() <= *limit && records.len() == self.model.outbox.len().min(*limit));
                self.model.clear_outbox(&records);
                queue.clear_outbox(records).await.expect("clear_outbox answers");
            }
            Call::Prune(before, keep) => {
                let pruning = Pruning { dead_before: at(*before), dead_keep: *keep, limit: 10_000 };
                let wanted = self.model.prune(&pruning);
                assert_eq!(queue.prune(pruning).await.expect("prune answers"), wanted);
            }
            Call::Clock(ms) => {
                self.engine.clock.advance(*ms);
                self.model.now = self.model.now.after(*ms);
            }
            _ => {}
        }
    }

    /// Claims until the limit is reached or nothing more is to be had at this time; the answer is how many there were.
    async fn claim(&mut self, limit: usize, lease_ms: u32) -> usize {
        let mut taken = 0;
        for _ in 0..MANY_CLAIMS {
            let claim = Claim { limit: limit - taken, lease_ms };
            let claimed = self.engine.queue.claim(claim).await.expect("claim answers");
            taken += claimed.jobs.len();
            self.leases.extend(claimed.jobs.iter().map(|it| it.lease));
            if self.model.claimed(claim.limit, lease_ms, &claimed) || taken == limit {
                return taken;
            }
        }
        panic!("every claim says that more can be claimed at once");
    }

    /// Sets everything free but the limits, and works it all off: no job is forgotten.
    async fn work_off(&mut self) {
        let lease_ms = 1_000_000;
        for of in (1..=INTEGRATIONS).map(integration) {
            let limits = self.model.controls.get(&of).map(|control| control.limits.clone()).unwrap_or_default();
            let control = Control { limits, ..Control::default() };
            self.model.controls.insert(of, control.clone());
            self.engine.queue.control(of, control).await.expect("control answers");
        }
        for (of, name) in self.model.holds.keys().cloned().collect::<Vec<_>>() {
            for adjustment in [Adjustment::Resume, Adjustment::Reset] {
                self.model.adjust(of, &name, adjustment);
                self.engine.queue.adjust(of, name.clone(), adjustment).await.expect("adjust answers");
            }
        }
        for _ in 0..MANY_CLAIMS {
            self.claim(MAX_BATCH, lease_ms).await;
            self.settle_all().await;
            self.compare().await;
            let Some(due) = self.model.jobs.iter().map(|it| it.view.job.due).max() else { return };
            // Long after each limit has room for one more.
            self.model.now = self.model.now.max(due).after(60);
            self.engine.clock.set(self.model.now);
        }
        panic!("jobs are left for ever: {:?}", self.model.jobs);
    }

    /// Removes what is running, and forgets what is dead.
    async fn settle_all(&mut self) {
        let queue = &self.engine.queue;
        let settlements: Vec<_> =
            self.model.leases().into_iter().map(|lease| Settlement { lease, next: Next::Remove }).collect();
        let wanted = self.model.settle(&settlements);
        assert_eq!(queue.settle(settlements).await.expect("settle answers"), wanted);
        let dead: Vec<_> = self.model.jobs.iter().filter(|it| it.view.state == State::Dead).collect();
        let dead: Vec<_> = dead.into_iter().map(|it| it.view.job.id).collect();
        let wanted = self.model.discard(&dead);
        assert_eq!(queue.discard(dead).await.expect("discard answers"), wanted);
    }

    /// Everything that can be asked is as the model has it, and contradicts nothing.
    async fn compare(&mut self) {
        let queue = &self.engine.queue;
        let found = everything(queue).await;
        self.model.follow_lines(&found);
        let mut wanted: Vec<_> = self.model.jobs.iter().map(|it| it.view.clone()).collect();
        wanted.sort_by_key(|view| std::cmp::Reverse(view.job.id));
        assert_eq!(found, wanted);
        assert_eq!(queue.check().await.expect("check answers"), []);
        assert_eq!(queue.counts().await.expect("counts answers"), self.model.counts());
        let schedules: Vec<_> =
            (1..=INTEGRATIONS).flat_map(|of| (0..=SCHEDULES).map(move |number| schedule_of(of, number))).collect();
        let cursors: Vec<_> = schedules.iter().map(|of| self.model.cursors.get(of).copied()).collect();
        assert_eq!(queue.cursors(schedules).await.expect("cursors answers"), cursors);
        let mut outbox = queue.outbox(MAX_BATCH).await.expect("outbox answers");
        outbox.sort_by_key(TickRecord::name);
        assert_eq!(outbox, self.model.outbox.values().copied().collect::<Vec<_>>());
        for of in (1..=INTEGRATIONS).map(integration) {
            let control = self.model.controls.get(&of).cloned();
            assert_eq!(queue.control_of(of).await.expect("control_of answers"), control.unwrap_or_default());
        }
    }
}

/// One of the schedules of an integration; the first is that of its settings.
fn schedule_of(of: u16, number: u16) -> ScheduleRef {
    if number == 0 { integration(of).into() } else { schedule(of, number) }
}

fn record(schedule: ScheduleRef, nominal: Millis, verdict: Verdict) -> TickRecord {
    TickRecord {
        schedule,
        first: nominal,
        last: nominal,
        count: Some(1),
        verdict,
        job: None,
        cause: None,
        effective: None,
        revision: 1,
        recorded: nominal,
    }
}

fn overlapped(schedule: ScheduleRef, nominal: Millis, job: JobId) -> TickRecord {
    TickRecord { job: Some(job), ..record(schedule, nominal, Verdict::Overlap) }
}

fn next(kind: &Kind, ms: i64, closes: Option<i64>) -> Next {
    let (due, closes) = (at(ms), closes.map(at));
    match kind {
        Kind::Remove => Next::Remove,
        Kind::Retry => Next::Retry { due, closes, error: ms.to_string().into() },
        Kind::Return => Next::Return { due, closes },
        Kind::Bury => Next::Bury { error: ms.to_string().into() },
    }
}

/// All jobs, page by page.
async fn everything(queue: &impl Inspect) -> Vec<JobView> {
    let mut all: Vec<JobView> = Vec::new();
    loop {
        let after = all.last().map(|view| view.job.id);
        let page = PageRequest { first: 7, after, before: None };
        let page = queue.list(JobFilter::default(), page).await.expect("list answers");
        assert_eq!(page.has_previous, !all.is_empty());
        all.extend(page.items);
        if !page.has_next {
            assert_eq!(page.total, all.len() as u64);
            return all;
        }
    }
}

/// Asks an engine and the model the same.
pub async fn sequences_hold<Q: Queue + Inspect>(fresh: impl AsyncFn() -> Fresh<Q>, calls: &[Call]) {
    let mut pair = Pair::new(fresh().await);
    for call in calls {
        pair.apply(call).await;
        pair.compare().await;
    }
    pair.work_off().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_does_as_the_model_does(calls in proptest::collection::vec(call(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(sequences_hold(fresh, &calls));
    }
}

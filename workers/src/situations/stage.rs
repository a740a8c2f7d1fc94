//! Where a situation happens: the real queue, the duty that fires schedules and the worker's decisions, on a clock that
//! goes from one instant at which something may happen to the next. Only the runs are told how they end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use schedules::{Clock, ManualClock, Millis};
use store::catalog::Outcome;
use store::queue::{Claim, Leased, Next, Queue, Settlement};
use store::{IntegrationId, JobId};

use super::Start;
use crate::invoke::{self, How, Target};
use crate::limits::{self, Change};
use crate::simulate::{Call, Course, Name, Verb};
use crate::worker::leases::Held;
use crate::worker::plan::{Plan, plan};
use crate::worker::record::{Outgoing, job_ended};
use crate::worker::{self, back_pressure};
use crate::{Entry, Services, Version, authoring, duties};

/// As many jobs as a worker claims at once.
const BATCH: usize = 64;
/// Longer than any situation.
const LEASE_MS: u32 = u32::MAX;

struct Run {
    leased: Leased,
    held: Held,
    entry: Arc<Entry>,
    version: Arc<Version>,
    course: Course,
}

/// A server whose time is ours, with a worker that knows how runs end.
pub struct Stage {
    services: Services,
    clock: Arc<ManualClock>,
    run_ms: u64,
    /// How the runs of jobs go, and of which call they are, from 1.
    foretold: HashMap<JobId, (u64, Arc<[Course]>)>,
    running: BTreeMap<(Millis, u64), Run>,
    begun: u64,
    starts: Vec<(JobId, Start)>,
    next_tick: Option<Millis>,
}

impl Stage {
    /// One where each run takes `run_ms` unless a call says otherwise.
    ///
    /// # Panics
    ///
    /// As everything here does, when a store fails.
    pub async fn open(services: Services, clock: Arc<ManualClock>, run_ms: u64) -> Self {
        duties::agree(services.clone()).await.expect("the queue is told");
        let next_tick = duties::fire::run(services.clone()).await.expect("the cursors are set");
        let (foretold, running, starts) = (HashMap::new(), BTreeMap::new(), Vec::new());
        Self { services, clock, run_ms, foretold, running, begun: 0, starts, next_tick }
    }

    /// Lets everything happen until then; of that instant runs end and ticks are fired, but workers have not looked yet.
    pub async fn until(&mut self, end: Millis) {
        while self.clock.now() < end {
            let now = self.clock.now();
            let next_due = self.work(now).await;
            let next_end = self.running.keys().next().map(|(at, _)| *at);
            let next = [self.next_tick, next_due, next_end].into_iter().flatten().min().unwrap_or(end);
            self.clock.set(next.clamp(now.after(1), end));
            self.finish(self.clock.now()).await;
            self.fire().await;
        }
    }

    async fn fire(&mut self) {
        self.next_tick = duties::fire::run(self.services.clone()).await.expect("fired");
    }

    /// A call was made, and is answered with this job: its runs go as the call says.
    pub async fn made(&mut self, place: usize, call: &Call, job: Option<JobId>) {
        if let Some(job) = job {
            self.foretold.insert(job, (place as u64 + 1, call.runs.clone()));
        }
        self.fire().await;
    }

    /// Makes a call, not over HTTP; the job that it is answered with, unless that was kept.
    pub async fn make(&mut self, place: usize, call: &Call) -> Option<JobId> {
        let job = self.answered(call).await;
        self.made(place, call, job).await;
        job
    }

    async fn answered(&self, call: &Call) -> Option<JobId> {
        let (services, body, name) = (&self.services, call.body.clone(), call.integration.as_str());
        let target: Target = name.parse().expect("a name");
        match call.verb {
            Verb::Schedule => {
                let made = invoke::schedule(services, &target, body, None).await.ok()?;
                return Some(made.job).filter(|_| made.kept != Some(true));
            }
            Verb::Execute => {
                let how = How { respond_async: true, ..How::default() };
                drop(invoke::execute(services, &target, body, how).await);
            }
            Verb::Reschedule => drop(invoke::reschedule(services, &target, body).await),
            Verb::Cancel => drop(invoke::cancel(services, &target, body).await),
            Verb::Pause => drop(authoring::pause(services, name, String::new()).await.expect("paused")),
            Verb::Resume => drop(authoring::resume(services, name).await.expect("resumed")),
            Verb::PauseKey => self.turn(call, Change::Pause).await,
            Verb::ResumeKey => self.turn(call, Change::Resume).await,
            Verb::ResetKey => self.turn(call, Change::Reset).await,
        }
        None
    }

    async fn turn(&self, call: &Call, change: Change) {
        let rule = call.body["rule"].as_u64().and_then(|rule| usize::try_from(rule).ok()).expect("a rule");
        let key = Some(&call.body["key"]).filter(|key| key.is_object());
        let key = key.map(|key| schedules::Key::parse(key).expect("a key"));
        limits::adjust(&self.services, &call.integration, rule, (key.as_ref(), change)).await.expect("turned");
    }

    /// Every attempt that started so far.
    pub fn starts(&self) -> BTreeSet<Start> {
        self.starts.iter().map(|(_, start)| start.clone()).collect()
    }

    /// When the attempts of a job started.
    pub fn starts_of(&self, job: JobId) -> Vec<Millis> {
        self.starts.iter().filter(|(of, _)| *of == job).map(|(_, start)| start.at).collect()
    }

    /// The id of an integration.
    pub fn id_of(&self, name: &str) -> Option<IntegrationId> {
        self.services.directory.by_name(name).map(|entry| entry.id)
    }

    /// Claims as a worker does, as long as there is room and something to claim; when there will be more.
    async fn work(&mut self, now: Millis) -> Option<Millis> {
        loop {
            let free = self.services.options.concurrency.saturating_sub(self.running.len());
            if free == 0 {
                return None;
            }
            let claim = Claim { limit: free.min(BATCH), lease_ms: LEASE_MS };
            let claimed = self.services.queue.claim(claim).await.expect("claimed");
            let (begun, handed_out) = (self.begun, claimed.jobs.len() as u64);
            for leased in claimed.jobs {
                self.take(now, leased).await;
            }
            self.services.recorder.flush().await;
            // What went back to the queue is due at another time, of which the claim did not know.
            let all_started = self.begun - begun == handed_out;
            if all_started && claimed.next_due.is_none_or(|due| due > now) {
                return claimed.next_due;
            }
        }
    }

    async fn take(&mut self, now: Millis, leased: Leased) {
        let held = self.services.leases.hold(leased.lease);
        let end = |record, next, last| {
            let settlement = Some(Settlement { lease: leased.lease, next });
            Outgoing { record, settlement, last, tick: None }
        };
        let outgoing = match plan(&self.services, &leased, now).await {
            Plan::Run(entry, version) => return self.start(now, (leased, held), entry, version),
            Plan::Later(opening) => end(None, Next::Return { due: opening.due, closes: opening.closes }, false),
            Plan::Drop(record) => end(Some(*record), Next::Remove, true),
            Plan::Bury(error) => end(None, Next::Bury { error: error.into() }, true),
        };
        self.services.recorder.write(outgoing).await;
    }

    fn start(&mut self, now: Millis, (leased, held): (Leased, Held), entry: Arc<Entry>, version: Arc<Version>) {
        let (job, attempt) = (&leased.job, leased.attempt);
        let (call, courses) = self.foretold.get(&job.id).cloned().unwrap_or_default();
        let name = match (&job.tick, &job.key) {
            (Some(tick), _) => Name::Tick(tick.nominal),
            (None, Some(key)) => Name::Key(key.canonical().into()),
            (None, None) => Name::Call(call),
        };
        self.starts.push((job.id, Start { at: now, integration: entry.name.to_string(), name, attempt }));
        let course = Course::of(&courses, attempt);
        let end = now.after(course.ms(&version.settings, self.run_ms).cast_signed());
        self.begun += 1;
        self.running.insert((end, self.begun), Run { leased, held, entry, version, course });
    }

    /// Ends the runs whose time has come.
    async fn finish(&mut self, now: Millis) {
        while let Some(first) = self.running.first_entry().filter(|first| first.key().0 <= now) {
            let Run { leased, held, entry, version, course } = first.remove();
            let job = &leased.job;
            if let Some(pause_ms) = course.retry_after_ms {
                back_pressure::apply(&self.services, &entry, job, (now, pause_ms)).await;
            }
            // The middle of the jitter, as a simulation has it.
            let verdict = worker::verdict(job, leased.attempt, course.ending(), &version.settings.retry, now, 0.5);
            let (next, last) = worker::next(job, verdict, "{}".into());
            let record = last.then(|| job_ended(&entry, job, course.ending().outcome(), now));
            let record = record.filter(|record| record.outcome != Outcome::Cancelled);
            let settlement = Some(Settlement { lease: held.lease, next });
            self.services.recorder.write(Outgoing { record, settlement, last, tick: None }).await;
        }
        self.services.recorder.flush().await;
    }
}

//! Writes outcomes down, in batches: first the history, then the queue, then everybody hears of it. A job leaves the
//! queue only when its outcome is recorded.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use schedules::Millis;
use store::catalog::{Catalog, Outcome, RunRecord};
use store::queue::{Cause, Job, Next, Queue, Settled, Settlement};
use store::{Engine, JobId, RunId, ScheduleId};
use tokio::sync::{mpsc, oneshot};

use super::leases::Leases;
use crate::timetable::count_ends;
use crate::{Entry, Event, Events, Live};

const BATCH: usize = 256;
const BACKLOG: usize = 1_024;
/// How often a failing store is tried again at shutdown and in between: 50 ms doubling to 5 s, about ten minutes.
const TRIES: usize = 128;

/// One thing to write down.
pub(crate) struct Outgoing {
    /// For the history.
    pub record: Option<RunRecord>,
    /// For the queue.
    pub settlement: Option<Settlement>,
    /// Whether nothing more comes of the job.
    pub last: bool,
    /// The schedule that counts how its tick ended.
    pub tick: Option<ScheduleId>,
}

enum Message {
    Write(Box<Outgoing>),
    Flush(oneshot::Sender<()>),
}

/// The way to the writer; cheap to clone.
#[derive(Clone)]
pub(crate) struct Recorder(mpsc::Sender<Message>);

struct Writer {
    catalog: Catalog,
    queue: Engine,
    events: Events,
    live: Live,
    leases: Leases,
}

impl Recorder {
    /// Starts the writer; it ends when the last handle is dropped.
    pub(crate) fn start(catalog: Catalog, queue: Engine, events: Events, live: Live, leases: Leases) -> Self {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        tokio::spawn(Writer { catalog, queue, events, live, leases }.run(receiver));
        Self(sender)
    }

    /// Writes an attempt and what becomes of its job.
    pub(crate) async fn write(&self, outgoing: Outgoing) {
        if self.0.send(Message::Write(Box::new(outgoing))).await.is_err() {
            tracing::error!("the recorder has ended: an outcome is not written, its job will run again");
        }
    }

    /// Writes the end of a job that has no lease.
    pub(crate) async fn record(&self, record: RunRecord) {
        self.write(Outgoing { record: Some(record), settlement: None, last: true, tick: None }).await;
    }

    /// Resolves when everything given so far is written.
    pub(crate) async fn flush(&self) {
        let (sender, done) = oneshot::channel();
        if self.0.send(Message::Flush(sender)).await.is_ok() {
            let _ended = done.await;
        }
    }
}

impl Writer {
    async fn run(self, mut messages: mpsc::Receiver<Message>) {
        let mut batch = Vec::with_capacity(BATCH);
        while messages.recv_many(&mut batch, BATCH).await > 0 {
            let mut flushed = Vec::new();
            let mut outgoing = Vec::with_capacity(batch.len());
            for message in batch.drain(..) {
                match message {
                    Message::Write(one) => outgoing.push(*one),
                    Message::Flush(done) => flushed.push(done),
                }
            }
            self.write(outgoing).await;
            for done in flushed {
                let _gone = done.send(());
            }
        }
    }

    async fn write(&self, outgoing: Vec<Outgoing>) {
        let records: Vec<RunRecord> = outgoing.iter().filter_map(|one| one.record.clone()).collect();
        let settlements: Vec<Settlement> = outgoing.iter().filter_map(|one| one.settlement.clone()).collect();
        if !records.is_empty() {
            let write = || self.catalog.record(records.clone());
            if let Err(error) = persist(write, "recording runs").await {
                tracing::error!(%error, runs = records.len(), "runs are not recorded; their jobs stay in the queue");
                return self.give_up(&outgoing);
            }
        }
        let mut settled = Vec::new();
        if !settlements.is_empty() {
            settled = match persist(|| self.queue.settle(settlements.clone()), "settling jobs").await {
                Ok(settled) => settled,
                Err(error) => {
                    tracing::error!(%error, jobs = settlements.len(), "jobs are not settled; they will run again");
                    return self.give_up(&outgoing);
                }
            };
        }
        let mut settled = settled.into_iter();
        let stale: Vec<bool> =
            outgoing.iter().map(|one| one.settlement.is_some() && settled.next() == Some(Settled::Stale)).collect();
        self.count_ends(&outgoing, &stale).await;
        for (one, stale) in outgoing.into_iter().zip(stale) {
            self.announce(one, stale);
        }
    }

    /// Lets schedules know how their ticks ended. One that is lost here is not counted: it changes no run.
    async fn count_ends(&self, outgoing: &[Outgoing], stale: &[bool]) {
        let end = |(one, stale): (&Outgoing, &bool)| {
            let record = one.record.as_ref().filter(|_| one.last && !stale)?;
            Some((one.tick?, record.outcome == Outcome::Succeeded))
        };
        let ends: Vec<(ScheduleId, bool)> = outgoing.iter().zip(stale).filter_map(end).collect();
        let now = outgoing.iter().filter_map(|one| one.record.as_ref()).map(|record| record.finished).max();
        if let Err(error) = count_ends(&self.catalog, &ends, now.unwrap_or(Millis(0))).await {
            tracing::warn!(%error, ticks = ends.len(), "schedules do not know how their ticks ended");
        }
    }

    /// Lets the leases run out, so that the jobs are rescued and run again; their runs are not running any more.
    fn give_up(&self, outgoing: &[Outgoing]) {
        for one in outgoing {
            if let Some(settlement) = &one.settlement {
                self.leases.release(settlement.lease);
            }
            if let Some(record) = &one.record {
                self.live.forget(record.id);
            }
        }
    }

    fn announce(&self, one: Outgoing, stale: bool) {
        let name: Option<Arc<str>> = one.record.as_ref().map(|record| record.integration_name.as_str().into());
        if let Some(settlement) = one.settlement {
            self.leases.release(settlement.lease);
            if let Some(integration) = name.clone() {
                match settlement.next {
                    _ if stale => self.events.emit(Event::LeaseLost { integration }),
                    Next::Retry { .. } => self.events.emit(Event::JobRetried { integration }),
                    Next::Bury { .. } => self.events.emit(Event::JobDied { integration }),
                    Next::Remove | Next::Return { .. } => {}
                }
            }
        }
        let (Some(record), Some(integration)) = (one.record, name) else {
            return;
        };
        let ran_ms = record.finished.since(record.started.unwrap_or(record.finished));
        self.events.emit(Event::RunFinished {
            integration,
            cause: record.cause,
            outcome: record.outcome,
            started: record.started.is_some(),
            run_ms: u64::try_from(ran_ms).unwrap_or(0),
        });
        self.live.finish(Arc::new(record), one.last);
    }
}

/// Tries a write again while the store is unavailable; leases are renewed meanwhile, so nothing else takes the jobs.
async fn persist<T, F, Fut>(write: F, what: &'static str) -> store::Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = store::Result<T>>,
{
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(TRIES);
    write
        .retry(pauses)
        .when(|error| matches!(error, store::Error::Unavailable(_)))
        .notify(|error, pause| tracing::warn!(%error, ?pause, "{what} failed; trying again"))
        .await
}

/// The record of a job that ended without a run.
pub(crate) fn ended_without_run(
    entry: &Entry,
    job: JobId,
    cause: Cause,
    outcome: Outcome,
    (queued, due): (Millis, Millis),
    now: Millis,
) -> RunRecord {
    RunRecord {
        id: RunId::new(now),
        job,
        integration: entry.id,
        workspace: entry.workspace.to_string(),
        integration_name: entry.name.to_string(),
        release: None,
        cause,
        attempt: 0,
        outcome,
        queued,
        due,
        started: None,
        finished: now,
        key: None,
        result: None,
        error: None,
        logs: Vec::new(),
    }
}

/// The record of a whole job that ended without a run.
pub(crate) fn job_ended(entry: &Entry, job: &Job, outcome: Outcome, now: Millis) -> RunRecord {
    RunRecord {
        key: job.key.as_ref().map(|key| key.canonical().to_owned()),
        ..ended_without_run(entry, job.id, job.cause, outcome, (job.created, job.due), now)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::catalog::Trigger;
    use ulid::Ulid;

    use super::*;
    use crate::live::Running;
    use crate::world::{NOW, World};

    #[tokio::test]
    async fn a_run_that_cannot_be_recorded_is_not_running_for_ever() {
        let world = World::open().await;
        let entry = world.released("hello", Trigger::Experience, &json!({})).await;
        let services = &world.services;
        let job = JobId(Ulid::from_parts(1, 1));
        let record = ended_without_run(&entry, job, Cause::Execute, Outcome::Succeeded, (NOW, NOW), NOW);
        services.live.start(Running {
            run: record.id,
            job,
            integration: entry.id,
            integration_name: entry.name.clone(),
            release: None,
            cause: record.cause,
            attempt: 1,
            queued: NOW,
            due: NOW,
            started: NOW,
        });
        let writer = Writer {
            catalog: services.catalog.clone(),
            queue: services.queue.clone(),
            events: services.events.clone(),
            live: services.live.clone(),
            leases: services.leases.clone(),
        };
        writer.give_up(&[Outgoing { record: Some(record), settlement: None, last: true, tick: None }]);
        assert!(services.live.all().is_empty());
    }
}

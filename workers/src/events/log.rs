//! Writing into the event log: what many calls bring at one time is written in one change.

use schedules::Millis;
use store::catalog::{Catalog, LoggedEvent};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::DUPLICATE_MS;
use crate::{Error, Result};

/// Calls that are written together, at most.
const CALLS: usize = 64;
/// Events of one change.
const BATCH: usize = 500;
/// How many events a slow listener may be behind before it misses some.
const BACKLOG: usize = 1_024;

struct Call {
    events: Vec<LoggedEvent>,
    done: oneshot::Sender<Result<Vec<bool>>>,
}

/// The way to the log; cheap to clone.
#[derive(Clone)]
pub(crate) struct EventLog {
    calls: mpsc::Sender<Call>,
    listeners: broadcast::Sender<std::sync::Arc<LoggedEvent>>,
}

impl EventLog {
    /// Starts the writer; it ends when the last handle is dropped.
    pub fn start(catalog: Catalog) -> Self {
        let (calls, receiver) = mpsc::channel(CALLS);
        let listeners = broadcast::channel(BACKLOG).0;
        tokio::spawn(run(catalog, receiver));
        Self { calls, listeners }
    }

    /// Writes events; `false` for one that is in the log already. Those who listen hear of the others.
    pub async fn write(&self, events: Vec<LoggedEvent>) -> Result<Vec<bool>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let (done, written) = oneshot::channel();
        let copies = if self.listeners.receiver_count() > 0 { events.clone() } else { Vec::new() };
        let ended = || Error::Unavailable("the event log does not answer".into());
        self.calls.send(Call { events, done }).await.map_err(|_| ended())?;
        let new = written.await.map_err(|_| ended())??;
        for (event, _) in copies.into_iter().zip(&new).filter(|(_, new)| **new) {
            let _nobody_listens = self.listeners.send(event.into());
        }
        Ok(new)
    }

    /// Every event that this process writes from now on.
    pub fn follow(&self) -> broadcast::Receiver<std::sync::Arc<LoggedEvent>> {
        self.listeners.subscribe()
    }
}

async fn run(catalog: Catalog, mut calls: mpsc::Receiver<Call>) {
    let mut batch = Vec::with_capacity(CALLS);
    while calls.recv_many(&mut batch, CALLS).await > 0 {
        let sizes: Vec<usize> = batch.iter().map(|call| call.events.len()).collect();
        let events: Vec<LoggedEvent> = batch.iter_mut().flat_map(|call| std::mem::take(&mut call.events)).collect();
        let written = write(&catalog, &events).await;
        let mut new = written.as_ref().map(|new| new.iter().copied()).ok();
        for (call, size) in batch.drain(..).zip(sizes) {
            let answer = match (&mut new, &written) {
                (Some(new), _) => Ok(new.by_ref().take(size).collect()),
                (None, error) => {
                    let message = error.as_ref().err().map(ToString::to_string).unwrap_or_default();
                    Err(Error::Unavailable(message))
                }
            };
            let _gone = call.done.send(answer);
        }
    }
}

async fn write(catalog: &Catalog, events: &[LoggedEvent]) -> store::Result<Vec<bool>> {
    let mut new = Vec::with_capacity(events.len());
    for events in events.chunks(BATCH) {
        let since = events.iter().map(|event| event.received).max().unwrap_or(Millis(0)).after(-DUPLICATE_MS);
        new.extend(catalog.log_events(events, since).await?);
    }
    Ok(new)
}

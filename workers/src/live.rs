//! The runs that are running now: who they are, their lines so far, and what follows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schedules::Millis;
use store::catalog::{LogLine, ReleaseNumber, RunRecord};
use store::queue::Cause;
use store::{IntegrationId, JobId, RunId};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::oneshot;

/// How many updates a slow listener may be behind before it misses some.
const BACKLOG: usize = 4_096;

/// A run that has started and not ended.
#[derive(Clone, Debug)]
pub struct Running {
    /// Its id.
    pub run: RunId,
    /// Whose attempt.
    pub job: JobId,
    /// The integration.
    pub integration: IntegrationId,
    /// Its name.
    pub integration_name: Arc<str>,
    /// The release; `None` for previews.
    pub release: Option<ReleaseNumber>,
    /// Why it runs.
    pub cause: Cause,
    /// Which attempt.
    pub attempt: u32,
    /// When the job was accepted.
    pub queued: Millis,
    /// When it was due.
    pub due: Millis,
    /// When the attempt started.
    pub started: Millis,
}

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum Update {
    /// A run started.
    Started(Arc<Running>),
    /// A line of its log.
    Line {
        /// The run.
        run: RunId,
        /// The integration's name.
        integration_name: Arc<str>,
        /// The line.
        line: LogLine,
    },
    /// It ended; the outcome is recorded. Jobs that end without a run are heard here only.
    Finished(Arc<RunRecord>),
    /// It was given up without an outcome: its job went back to the queue, or belongs to another worker now.
    GivenUp {
        /// The run.
        run: RunId,
        /// The integration's name.
        integration_name: Arc<str>,
    },
}

impl Update {
    fn run(&self) -> RunId {
        match self {
            Self::Started(running) => running.run,
            Self::Line { run, .. } | Self::GivenUp { run, .. } => *run,
            Self::Finished(record) => record.id,
        }
    }
}

/// Listeners missed this many updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged(pub u64);

#[derive(Default)]
struct State {
    runs: HashMap<RunId, (Arc<Running>, Vec<LogLine>)>,
    waiting: HashMap<JobId, Vec<oneshot::Sender<Arc<RunRecord>>>>,
}

/// The running runs; cheap to clone.
#[derive(Clone)]
pub struct Live {
    // A std mutex: sections are short and nothing is awaited inside. Sending under the lock is what keeps a new
    // listener's copy of the lines and its updates free of gaps and duplicates.
    state: Arc<Mutex<State>>,
    updates: broadcast::Sender<Update>,
}

impl Default for Live {
    fn default() -> Self {
        Self { state: Arc::default(), updates: broadcast::channel(BACKLOG).0 }
    }
}

impl Live {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run starts.
    pub fn start(&self, running: Running) {
        let running = Arc::new(running);
        let mut state = self.state();
        state.runs.insert(running.run, (running.clone(), Vec::new()));
        let _nobody_listens = self.updates.send(Update::Started(running));
    }

    /// A run logs a line.
    pub fn line(&self, run: RunId, line: LogLine) {
        let mut state = self.state();
        let Some((running, lines)) = state.runs.get_mut(&run) else {
            return;
        };
        lines.push(line.clone());
        let integration_name = running.integration_name.clone();
        let _nobody_listens = self.updates.send(Update::Line { run, integration_name, line });
    }

    /// The lines of a run so far.
    pub fn lines(&self, run: RunId) -> Vec<LogLine> {
        self.state().runs.get(&run).map(|(_, lines)| lines.clone()).unwrap_or_default()
    }

    /// A run ended, or a job ended without one. `last`: nothing more comes of this job.
    pub fn finish(&self, record: Arc<RunRecord>, last: bool) {
        let mut state = self.state();
        state.runs.remove(&record.id);
        let waiting = if last { state.waiting.remove(&record.job) } else { None };
        let _nobody_listens = self.updates.send(Update::Finished(record.clone()));
        drop(state);
        for waiter in waiting.into_iter().flatten() {
            let _gone = waiter.send(record.clone());
        }
    }

    /// A run was given up without an outcome (lost lease, drain): it is not running any more.
    pub fn forget(&self, run: RunId) {
        let mut state = self.state();
        let Some((running, _)) = state.runs.remove(&run) else { return };
        let integration_name = running.integration_name.clone();
        let _nobody_listens = self.updates.send(Update::GivenUp { run, integration_name });
    }

    /// Resolves with the last record of `job`; register before the job is queued.
    pub fn wait_for(&self, job: JobId) -> Waiting {
        let (sender, receiver) = oneshot::channel();
        self.state().waiting.entry(job).or_default().push(sender);
        Waiting { job, receiver, live: self.clone() }
    }

    /// One running run.
    pub fn running(&self, run: RunId) -> Option<Arc<Running>> {
        self.state().runs.get(&run).map(|(running, _)| running.clone())
    }

    /// Every running run, oldest first.
    pub fn all(&self) -> Vec<Arc<Running>> {
        let mut all: Vec<_> = self.state().runs.values().map(|(running, _)| running.clone()).collect();
        all.sort_by_key(|running| running.run);
        all
    }

    /// The lines of a running run so far, then what follows until it ends; `None` when it is not running.
    pub fn follow(&self, run: RunId) -> Option<Follow> {
        let state = self.state();
        let (running, lines) = state.runs.get(&run)?;
        let integration_name = running.integration_name.clone();
        let past = lines.iter().rev().cloned();
        let past = past.map(|line| Update::Line { run, integration_name: integration_name.clone(), line }).collect();
        Some(Follow { run, past, updates: self.updates.subscribe(), ended: false, live: self.clone() })
    }

    /// Every update from now on.
    pub fn follow_all(&self) -> FollowAll {
        FollowAll(self.updates.subscribe())
    }
}

/// Waits for the end of a job.
pub struct Waiting {
    job: JobId,
    receiver: oneshot::Receiver<Arc<RunRecord>>,
    live: Live,
}

impl Waiting {
    /// The job's last record; `None` when the engine stops before.
    pub async fn record(&mut self) -> Option<Arc<RunRecord>> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.receiver.close();
        let mut state = self.live.state();
        if let Some(waiting) = state.waiting.get_mut(&self.job) {
            waiting.retain(|sender| !sender.is_closed());
            if waiting.is_empty() {
                state.waiting.remove(&self.job);
            }
        }
    }
}

/// One run's updates.
pub struct Follow {
    run: RunId,
    past: Vec<Update>,
    updates: broadcast::Receiver<Update>,
    ended: bool,
    live: Live,
}

impl Follow {
    /// The next update; `None` after the end, or when the end was missed: then the history has it.
    pub async fn next(&mut self) -> Option<Update> {
        if let Some(update) = self.past.pop() {
            return Some(update);
        }
        while !self.ended {
            match self.updates.recv().await {
                Ok(update) if update.run() == self.run => {
                    self.ended = matches!(update, Update::Finished(_) | Update::GivenUp { .. });
                    return Some(update);
                }
                Ok(_) => {}
                // The end may be among what was missed.
                Err(RecvError::Lagged(_)) => self.ended = self.live.running(self.run).is_none(),
                Err(RecvError::Closed) => self.ended = true,
            }
        }
        None
    }
}

/// All runs' updates.
pub struct FollowAll(broadcast::Receiver<Update>);

impl FollowAll {
    /// The next update, or how many were missed.
    pub async fn next(&mut self) -> Result<Update, Lagged> {
        match self.0.recv().await {
            Ok(update) => Ok(update),
            Err(RecvError::Lagged(n)) => Err(Lagged(n)),
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use store::catalog::Outcome;
    use ulid::Ulid;

    use super::*;

    fn running(n: u64) -> Running {
        Running {
            run: RunId(Ulid::from_parts(n, 0)),
            job: JobId(Ulid::from_parts(n, 1)),
            integration: IntegrationId(Ulid::from_parts(0, 0)),
            integration_name: "hello".into(),
            release: None,
            cause: Cause::Execute,
            attempt: 1,
            queued: Millis(0),
            due: Millis(0),
            started: Millis(0),
        }
    }

    fn record(running: &Running) -> Arc<RunRecord> {
        Arc::new(RunRecord {
            id: running.run,
            job: running.job,
            integration: running.integration,
            workspace: "default".into(),
            integration_name: "hello".into(),
            release: None,
            cause: Cause::Execute,
            attempt: 1,
            outcome: Outcome::Succeeded,
            queued: Millis(0),
            due: Millis(0),
            started: Some(Millis(0)),
            finished: Millis(1),
            key: None,
            result: None,
            error: None,
            logs: Vec::new(),
        })
    }

    fn line(n: u32) -> LogLine {
        LogLine { at_ms: n, level: "info".into(), message: n.to_string(), detail: None }
    }

    #[tokio::test]
    async fn a_follower_hears_the_lines_so_far_and_what_follows_once_each() {
        let live = Live::default();
        let run = running(1);
        live.start(run.clone());
        live.start(running(2));
        live.line(run.run, line(0));
        live.line(run.run, line(1));
        let mut follow = live.follow(run.run).expect("it runs");
        live.line(running(2).run, line(99));
        live.line(run.run, line(2));
        live.finish(record(&run), true);
        let mut heard = Vec::new();
        while let Some(update) = follow.next().await {
            match update {
                Update::Line { line, .. } => heard.push(line.at_ms),
                Update::Finished(record) => assert_eq!(record.id, run.run),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(heard, [0, 1, 2]);
        assert!(live.follow(run.run).is_none() && live.running(run.run).is_none());
    }

    #[tokio::test]
    async fn a_run_that_is_given_up_ends_for_its_follower() {
        let live = Live::default();
        let run = running(1);
        live.start(run.clone());
        let mut follow = live.follow(run.run).expect("it runs");
        live.forget(run.run);
        assert!(matches!(follow.next().await, Some(Update::GivenUp { run: id, .. }) if id == run.run));
        assert!(follow.next().await.is_none());
    }

    #[tokio::test]
    async fn a_caller_waits_for_the_last_record_of_its_job() {
        let live = Live::default();
        let run = running(1);
        let (mut waiting, gone) = (live.wait_for(run.job), live.wait_for(run.job));
        drop(gone);
        live.finish(record(&run), false);
        live.finish(record(&running(2)), true);
        let last = record(&run);
        live.finish(last.clone(), true);
        assert!(Arc::ptr_eq(&waiting.record().await.expect("a record"), &last));
        assert!(live.state().waiting.is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn a_follower_that_missed_the_end_ends() {
        let live = Live::default();
        let (run, other) = (running(1), running(2));
        live.start(run.clone());
        live.start(other.clone());
        let mut follow = live.follow(run.run).expect("it runs");
        live.finish(record(&run), true);
        for n in 0..=BACKLOG {
            live.line(other.run, line(u32::try_from(n).expect("small")));
        }
        live.forget(other.run);
        assert!(follow.next().await.is_none());
    }
}

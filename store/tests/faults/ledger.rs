//! Who was told what: the calls that were answered, and the runs that were made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use schedules::{Millis, Stopwatch};
use store::JobId;

/// One job's entries.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// When the call that made it was answered, since the ledger was opened.
    pub acknowledged: Option<Duration>,
    /// It was replaced, cancelled or taken out as somebody was told.
    pub is_gone: bool,
    /// The key that names it.
    pub key: Option<(u16, u32)>,
    /// How many runs were started.
    pub started: u32,
    /// How many of them were settled as the end of the job.
    pub settled: u32,
}

/// The ledger.
pub struct Ledger {
    watch: Stopwatch,
    entries: Mutex<BTreeMap<JobId, Entry>>,
    ticks: Mutex<BTreeMap<Millis, BTreeSet<JobId>>>,
}

impl Ledger {
    pub fn new() -> Self {
        Self { watch: Stopwatch::start(), entries: Mutex::default(), ticks: Mutex::default() }
    }

    pub fn elapsed(&self) -> Duration {
        self.watch.elapsed()
    }

    fn edit(&self, job: JobId, edit: impl FnOnce(&mut Entry)) {
        edit(self.entries.lock().unwrap_or_else(PoisonError::into_inner).entry(job).or_default());
    }

    pub fn acknowledged(&self, job: JobId, key: Option<(u16, u32)>) {
        let now = self.elapsed();
        self.edit(job, |entry| {
            entry.acknowledged = Some(now);
            entry.key = key;
        });
    }

    pub fn gone(&self, job: JobId) {
        self.edit(job, |entry| entry.is_gone = true);
    }

    pub fn started(&self, job: JobId) {
        self.edit(job, |entry| entry.started += 1);
    }

    pub fn settled(&self, job: JobId) {
        self.edit(job, |entry| entry.settled += 1);
    }

    /// A tick of the schedule ran.
    pub fn ticked(&self, nominal: Millis, job: JobId) {
        self.ticks.lock().unwrap_or_else(PoisonError::into_inner).entry(nominal).or_default().insert(job);
    }

    /// The jobs that were each tick: one, if all is well, however often it ran.
    pub fn ticks(&self) -> BTreeMap<Millis, BTreeSet<JobId>> {
        self.ticks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn entries(&self) -> BTreeMap<JobId, Entry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many jobs were acknowledged.
    pub fn acknowledgements(&self) -> usize {
        self.entries().values().filter(|entry| entry.acknowledged.is_some()).count()
    }

    /// How many runs were settled so far.
    pub fn settlements(&self) -> usize {
        self.entries().values().filter(|entry| entry.settled > 0).count()
    }

    /// Jobs that were acknowledged and never ran, with the time of the answer. One whose key was acknowledged again later
    /// was replaced: a call that is repeated because its answer was lost does not say so twice.
    pub fn lost(&self) -> BTreeMap<JobId, Duration> {
        let entries = self.entries();
        let is_replaced = |of: &Entry| {
            let later = |entry: &Entry| entry.key == of.key && entry.acknowledged > of.acknowledged;
            of.key.is_some() && entries.values().any(later)
        };
        let lost = |(job, entry): (&JobId, &Entry)| {
            let answered =
                entry.acknowledged.filter(|_| entry.started == 0 && !entry.is_gone && !is_replaced(entry))?;
            Some((*job, answered))
        };
        entries.iter().filter_map(lost).collect()
    }

    /// Jobs that ran more than once.
    pub fn repeated(&self) -> BTreeSet<JobId> {
        self.entries().into_iter().filter(|(_, entry)| entry.started > 1).map(|(job, _)| job).collect()
    }
}

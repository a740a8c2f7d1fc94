//! What calls about one key may be answered, while others claim: a call sees a job pending, or it sees that the job has
//! left. Whether that can be true is known when all claims are: then each observation is compared with what workers got.

use std::collections::HashMap;

use schedules::Millis;
use store::JobId;
use store::queue::{Debounce, Enqueued, IfExists, NewJob};

/// From before a call until after its answer, on the clock of the test: it counts calls.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub begin: u64,
    pub end: u64,
}

/// What a worker got, and what it made of it.
#[derive(Clone, Debug)]
pub struct Start {
    pub span: Span,
    pub payload: u64,
    pub due: Millis,
    /// The store's time, after the claim.
    pub now: Millis,
    /// When it was settled, and whether it came back.
    pub settled: Option<(Span, bool)>,
}

/// What all workers got.
pub type Log = HashMap<JobId, Vec<Start>>;

/// Payload and due time of a job, from this call on.
#[derive(Clone, Copy, Debug)]
struct Version {
    span: Span,
    payload: u64,
    due: Millis,
}

#[derive(Clone, Debug)]
struct Known {
    versions: Vec<Version>,
    debounce: Option<Debounce>,
    /// The call that took it out.
    ended: Option<Span>,
}

/// What a call saw of a job.
#[derive(Clone, Copy, Debug)]
enum Saw {
    /// It was pending.
    Pending,
    /// It was not pending under its key.
    Away,
    /// It was never started.
    Fresh,
    /// It was started before.
    Started,
    /// It was pending or running.
    There,
    /// It was not running.
    NotRunning,
}

/// The model of one key.
#[derive(Default)]
pub struct Model {
    jobs: HashMap<JobId, Known>,
    /// The job that has the key, as far as was seen.
    holder: Option<JobId>,
    /// Jobs that were seen to have left: a retry may bring them back.
    left: Vec<JobId>,
    seen: Vec<(JobId, Saw, Span)>,
    /// The last repeatable call, and its answer.
    pub repeatable: Option<(NewJob, Enqueued)>,
}

impl Model {
    /// A call was answered that put a job in.
    pub fn enqueued(&mut self, new: &NewJob, payload: u64, answer: &Enqueued, span: Span) {
        let id = new.job.id;
        match (answer, new.if_exists) {
            (Enqueued::Created, mode) => {
                self.nobody_pending(span);
                if mode == IfExists::Singleton {
                    let recent = self.left.iter().rev().take(4);
                    self.seen.extend(recent.map(|job| (*job, Saw::NotRunning, span)));
                }
                self.add(new, payload, span);
            }
            (Enqueued::Replaced { old }, IfExists::Replace) => self.replaced(*old, new, payload, span),
            (Enqueued::Replaced { old }, IfExists::Debounce) => {
                // One that is debounced and was never started is pushed.
                if self.known(*old).debounce.is_some() {
                    self.seen.push((*old, Saw::Started, span));
                }
                self.replaced(*old, new, payload, span);
            }
            (Enqueued::Pushed { existing, due, pushes }, IfExists::Debounce) => {
                self.pending(*existing, span);
                self.seen.push((*existing, Saw::Fresh, span));
                let known = self.known(*existing);
                let debounce = known.debounce.as_mut().expect("only a debounced job is pushed");
                debounce.pushes += 1;
                assert_eq!((*due, *pushes), (new.job.due.min(debounce.latest), debounce.pushes));
                known.versions.push(Version { span, payload, due: *due });
            }
            (Enqueued::Kept { existing, due }, IfExists::Keep) => self.kept(*existing, *due, span),
            (Enqueued::Kept { existing, .. }, IfExists::Singleton) => {
                self.known(*existing);
                self.seen.push((*existing, Saw::There, span));
            }
            (Enqueued::Rejected { existing }, IfExists::Reject) => self.pending(*existing, span),
            (answer, mode) => panic!("{mode:?} of {id} is answered with {answer:?}"),
        }
    }

    /// A call that is made again has the first answer, whatever has happened since.
    pub fn repeated(&self, answer: &Enqueued) {
        let (new, first) = self.repeatable.as_ref().expect("a call that can be repeated");
        let (job, at, was_replaced) = match first {
            Enqueued::Created => (new.job.id, new.job.due, false),
            Enqueued::Replaced { .. } => (new.job.id, new.job.due, true),
            Enqueued::Kept { existing, due } | Enqueued::Pushed { existing, due, .. } => (*existing, *due, false),
            other => panic!("{other:?} is not kept"),
        };
        assert_eq!(*answer, Enqueued::Repeated { first: job, due: at, replaced: was_replaced });
    }

    /// Jobs were taken out by the key alone, or by all that their keys contain.
    pub fn cancelled(&mut self, jobs: &[JobId], by_key: bool, span: Span) {
        assert!(!by_key || jobs.len() <= 1, "one job has a key");
        if self.holder.is_some_and(|holder| !jobs.contains(&holder)) {
            self.nobody_pending(span);
        }
        for job in jobs {
            self.seen.push((*job, Saw::Pending, span));
            self.end(*job, span);
        }
    }

    /// The pending job of the key was looked up.
    pub fn found(&mut self, found: Option<(JobId, u64, Millis)>, span: Span) {
        let Some((job, payload, due)) = found else { return self.nobody_pending(span) };
        self.pending(job, span);
        let last = *self.known(job).versions.last().expect("a version");
        assert_eq!(payload, last.payload, "job {job} has another payload");
        if due != last.due {
            // A retry has its due time from a worker.
            self.seen.push((job, Saw::Started, span));
        }
    }

    /// A job was moved, or could not be.
    pub fn moved(&mut self, job: JobId, due: Millis, done: bool, span: Span) {
        if !done {
            self.seen.push((job, Saw::Away, span));
            return self.leave(job);
        }
        self.seen.push((job, Saw::Pending, span));
        let known = self.known(job);
        let payload = known.versions.last().expect("a version").payload;
        known.versions.push(Version { span, payload, due });
    }

    /// The job that has the key, as far as was seen.
    pub fn holder(&self) -> Option<JobId> {
        self.holder
    }

    fn known(&mut self, job: JobId) -> &mut Known {
        let known = self.jobs.get_mut(&job).unwrap_or_else(|| panic!("job {job} is of another key"));
        assert!(known.ended.is_none(), "job {job} was taken out, and is there again");
        known
    }

    fn add(&mut self, new: &NewJob, payload: u64, span: Span) {
        let versions = vec![Version { span, payload, due: new.job.due }];
        self.jobs.insert(new.job.id, Known { versions, debounce: new.job.debounce, ended: None });
        self.holder = Some(new.job.id);
    }

    fn pending(&mut self, job: JobId, span: Span) {
        self.known(job);
        self.seen.push((job, Saw::Pending, span));
        if let Some(other) = self.holder.filter(|holder| *holder != job) {
            self.seen.push((other, Saw::Away, span));
            self.left.push(other);
        }
        self.holder = Some(job);
    }

    fn kept(&mut self, job: JobId, due: Millis, span: Span) {
        self.pending(job, span);
        let known = self.known(job);
        // A retry has its due time from a worker.
        if known.versions.last().is_some_and(|version| version.due != due) {
            self.seen.push((job, Saw::Started, span));
        }
    }

    fn replaced(&mut self, old: JobId, new: &NewJob, payload: u64, span: Span) {
        self.pending(old, span);
        self.end(old, span);
        self.add(new, payload, span);
    }

    fn end(&mut self, job: JobId, span: Span) {
        self.known(job).ended = Some(span);
        self.leave(job);
    }

    fn leave(&mut self, job: JobId) {
        if self.holder == Some(job) {
            self.holder = None;
        }
        if !self.left.contains(&job) {
            self.left.push(job);
        }
    }

    fn nobody_pending(&mut self, span: Span) {
        if let Some(holder) = self.holder {
            self.seen.push((holder, Saw::Away, span));
            self.leave(holder);
        }
    }

    /// Compares everything with what workers got; the divergences. Nothing is under way any more.
    pub fn divergences(&self, log: &Log) -> Vec<String> {
        let none = Vec::new();
        let starts = |job: &JobId| log.get(job).unwrap_or(&none);
        let mut found = Vec::new();
        for (job, saw, span) in &self.seen {
            if !can_be(*saw, *span, starts(job)) {
                found.push(format!("job {job}: {saw:?} within {span:?} cannot be: {:?}", starts(job)));
            }
        }
        for (job, known) in &self.jobs {
            found
                .extend(fate(known, starts(job)).map(|what| format!("job {job}: {what}: {known:?} {:?}", starts(job))));
        }
        found
    }
}

/// Whether a call within `span` can have seen this of a job that was started so.
fn can_be(saw: Saw, span: Span, starts: &[Start]) -> bool {
    let came_back = |start: &Start| start.settled.filter(|(_, back)| *back).map(|(at, _)| at);
    // Left for good, or running all the time.
    let was_out = |start: &Start| start.span.end < span.begin && came_back(start).is_none_or(|at| at.begin > span.end);
    let ran_throughout =
        |start: &Start| start.span.end < span.begin && start.settled.is_none_or(|(at, _)| at.begin > span.end);
    let is_gone = |start: &Start| start.settled.is_some_and(|(at, back)| !back && at.end < span.begin);
    match saw {
        Saw::Pending => !starts.iter().any(was_out),
        Saw::Away | Saw::Started => starts.iter().any(|start| start.span.begin < span.end),
        Saw::Fresh => !starts.iter().any(|start| start.span.end < span.begin),
        Saw::There => !starts.iter().any(is_gone),
        Saw::NotRunning => !starts.iter().any(ran_throughout),
    }
}

/// What is wrong with the starts of a job, if anything is.
fn fate(known: &Known, starts: &[Start]) -> Option<&'static str> {
    let of_version = |start: &Start| {
        let versions = || known.versions.iter().filter(|version| version.span.begin < start.span.end);
        let newest =
            versions().filter(|version| version.span.end < start.span.begin).map(|version| version.span.end).max();
        versions()
            .any(|version| version.payload == start.payload && newest.is_none_or(|newest| version.span.end >= newest))
    };
    if !starts.iter().all(of_version) {
        return Some("started with a payload that another call had replaced");
    }
    if starts.iter().any(|start| start.due > start.now) {
        return Some("started before it was due");
    }
    match (known.ended, starts.last()) {
        (Some(ended), Some(last)) if last.span.begin > ended.end => Some("started after it was taken out"),
        (Some(ended), Some(last)) if last.settled.is_none_or(|(at, back)| !back || at.begin > ended.end) => {
            Some("taken out while it ran, or after its end")
        }
        (Some(_), _) => None,
        (None, None) => Some("never started"),
        (None, Some(last)) if last.settled.is_none_or(|(_, back)| back) => Some("has no end"),
        (None, Some(_)) => None,
    }
}

//! A process that is killed at any moment loses nothing that it was told is done.
//!
//! The test runs itself again as a child that works on a queue. Before each call the child says what it is about to do,
//! after the answer that it is done; the parent kills it after a random number of lines, opens the queue and compares.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use schedules::{Clock, Millis, SystemClock};
use store::conformance::{Sample, job};
use store::embedded::{Embedded, Options};
use store::queue::{Claim, Inspect, JobFilter, NewJob, Next, PageRequest, Queue, Selector, Settlement, State};
use store::{JobId, Result};

const TEST: &str = "durability::a_kill_loses_nothing_that_was_answered";
const FOLDER: &str = "STORE_TEST_QUEUE_FOLDER";
const ROUNDS: usize = 20;

fn open(folder: &Path) -> Embedded {
    Embedded::open(&folder.join("queue.db"), Options::default(), Arc::new(SystemClock)).expect("the queue opens")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn a_kill_loses_nothing_that_was_answered() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        runtime().block_on(work(Path::new(&folder))).expect("the child works until it is killed");
        return;
    }
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut book = Book::default();
    let mut seen = 0;
    for round in 0..ROUNDS {
        let lines = run_and_kill(folder.path(), 1 + rand::random_range(0..400));
        seen += lines.len();
        lines.iter().for_each(|line| book.note(line));
        runtime().block_on(book.compare(folder.path(), round));
    }
    assert!(seen > ROUNDS, "the children worked");
    assert!(book.jobs.len() > ROUNDS, "jobs were made");
}

/// Starts the child, kills it after so many lines, and returns all complete lines it wrote.
fn run_and_kill(folder: &Path, lines: usize) -> Vec<String> {
    let program = std::env::current_exe().expect("this test's program");
    let mut child = Command::new(program)
        .args([TEST, "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let mut all = Vec::new();
    let mut killed = false;
    loop {
        let mut line = String::new();
        let read = output.read_line(&mut line).expect("its output is text");
        if read == 0 || !line.ends_with('\n') {
            break;
        }
        if let Some(said) = line.trim_end().strip_prefix("queue ") {
            all.push(said.to_owned());
        }
        if all.len() >= lines && !killed {
            child.kill().expect("it is running");
            killed = true;
        }
    }
    child.wait().expect("it ended");
    assert!(killed, "the child ended on its own after {all:?}");
    all
}

/// Writes a line at once and whole, so that a kill leaves no half of it unnoticed.
fn say(what: &str, id: JobId, number: i64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "queue {what} {id} {number}").and_then(|()| out.flush()).expect("the parent listens");
}

/// The child: makes, moves, claims and settles jobs for ever, four callers at a time.
async fn work(folder: &Path) -> Result<()> {
    let queue = open(folder);
    // The test harness has begun a line.
    println!();
    for leased in queue.rescue(1_000, 60_000).await? {
        say("try-removed", leased.job.id, 0);
        queue.settle(vec![Settlement { lease: leased.lease, next: Next::Remove }]).await?;
        say("removed", leased.job.id, 0);
    }
    let one = || async {
        loop {
            make(&queue).await?;
            claim(&queue).await?;
        }
    };
    let answers: (Result<()>, Result<()>, Result<()>, Result<()>) = tokio::join!(one(), one(), one(), one());
    answers.0
}

fn fresh_job(now: Millis) -> NewJob {
    let mut new = job(1);
    new.job.id = JobId::new(now);
    new.job.due = now;
    new.payload("[1,2,3]")
}

async fn make(queue: &Embedded) -> Result<()> {
    let now = SystemClock.now();
    let (ready, delayed, unwanted) = (fresh_job(now), fresh_job(now.after(3_600_000)), fresh_job(now.after(3_600_000)));
    for new in [&ready, &delayed, &unwanted] {
        say("try-pending", new.job.id, 0);
        queue.enqueue(vec![new.clone()]).await?;
        say("pending", new.job.id, 0);
    }
    say("try-removed", unwanted.job.id, 0);
    queue.cancel(unwanted.job.integration, Selector::Job(unwanted.job.id)).await?;
    say("removed", unwanted.job.id, 0);
    Ok(())
}

async fn claim(queue: &Embedded) -> Result<()> {
    let claimed = queue.claim(Claim { limit: 3, lease_ms: 60_000 }).await?;
    for (number, leased) in claimed.jobs.into_iter().enumerate() {
        let id = leased.job.id;
        say("running", id, i64::from(leased.attempt));
        let (what, next) = match number {
            0 => ("removed", Next::Remove),
            1 => ("dead", Next::Bury { error: "{}".into() }),
            _ => ("pending", Next::Retry { due: SystemClock.now().after(3_600_000), closes: None, error: "{}".into() }),
        };
        say(&format!("try-{what}"), id, i64::from(leased.attempt));
        queue.settle(vec![Settlement { lease: leased.lease, next }]).await?;
        say(what, id, i64::from(leased.attempt));
    }
    Ok(())
}

/// What the parent knows of one job.
#[derive(Debug, Default)]
struct Known {
    /// The last state that was answered; `None` before the first and after it was removed.
    state: Option<State>,
    /// The attempts that were answered.
    attempt: i64,
    /// What was under way, if something was.
    tried: Option<String>,
}

#[derive(Default)]
struct Book {
    jobs: BTreeMap<String, Known>,
}

impl Book {
    fn note(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (Some(what), Some(id), Some(attempt)) = (words.next(), words.next(), words.next()) else {
            panic!("the child wrote {line:?}")
        };
        let known = self.jobs.entry(id.to_owned()).or_default();
        if let Some(tried) = what.strip_prefix("try-") {
            known.tried = Some(tried.to_owned());
            return;
        }
        let attempt = attempt.parse().expect("a number");
        if attempt < known.attempt {
            // Another caller has claimed it before its maker came to say that it is there.
            return;
        }
        known.tried = None;
        known.attempt = attempt;
        known.state = match what {
            "pending" => Some(State::Pending),
            "running" => Some(State::Running),
            "dead" => Some(State::Dead),
            _ => None,
        };
    }

    /// Opens the queue and compares every job; what was under way may have happened or not, and is known from now on.
    async fn compare(&mut self, folder: &Path, round: usize) {
        let queue = open(folder);
        let mut found = BTreeMap::new();
        let mut after = None;
        loop {
            let page = PageRequest { first: 100, after, before: None };
            let page = queue.list(JobFilter::default(), page).await.expect("list answers");
            after = page.items.last().map(|view| view.job.id);
            found.extend(page.items.into_iter().map(|view| (view.job.id.to_string(), view)));
            if !page.has_next {
                break;
            }
        }
        for (id, known) in &mut self.jobs {
            let view = found.remove(id);
            let state = view.as_ref().map(|view| view.state);
            let may_be = match known.tried.take().as_deref() {
                Some("pending") => vec![known.state, Some(State::Pending), Some(State::Running)],
                Some("dead") => vec![known.state, Some(State::Dead)],
                Some(_) => vec![known.state, None],
                // A claim is not announced: its answer may have been on its way.
                None if known.state == Some(State::Pending) => vec![Some(State::Pending), Some(State::Running)],
                None => vec![known.state],
            };
            assert!(may_be.contains(&state), "round {round}: job {id} is {state:?}, not one of {may_be:?}");
            let attempt = view.map_or(known.attempt, |view| i64::from(view.attempt));
            assert!(attempt >= known.attempt, "round {round}: job {id} lost an attempt");
            (known.state, known.attempt) = (state, attempt);
        }
        assert!(found.is_empty(), "round {round}: jobs that nobody made: {found:?}");
    }
}

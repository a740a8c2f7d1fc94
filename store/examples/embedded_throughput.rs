//! Measures the embedded engine: whole lives of jobs per second, 64 callers and 2 claimers, on an empty queue and on one
//! that holds a million pending jobs. Arguments: jobs to measure (100000), pending jobs of the second round (1000000),
//! `full` (default) or `normal` for how far a commit goes. Writes into the current folder, since disks differ.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use schedules::{Key, Stopwatch, SystemClock};
use serde_json::json;
use store::embedded::{Embedded, Options, Sync};
use store::queue::{
    Cause, Claim, IfExists, Inspect, Job, JobFilter, Move, NewJob, Next, PageRequest, Queue, Selector, Settlement,
    State,
};
use store::{IntegrationId, JobId};
use tokio::sync::watch;

const CALLERS: u64 = 64;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    let sync = match std::env::args().nth(3).as_deref() {
        Some("normal") => Sync::Normal,
        _ => Sync::Full,
    };
    let options = Options { sync, ..Options::default() };
    let mut numbers = std::env::args().skip(1).take(2).map(|text| text.parse::<u64>());
    let jobs = numbers.next().transpose()?.unwrap_or(100_000);
    let pending = numbers.next().transpose()?.unwrap_or(1_000_000);
    let folder = tempfile::TempDir::new_in(std::env::current_dir()?)?;
    let queue = Embedded::open(&folder.path().join("queue.db"), options, Arc::new(SystemClock))?;
    measure(&queue, jobs, 0, 1).await?;
    measure(&queue, jobs, 0, 1_000).await?;
    fill(&queue, pending, folder.path()).await?;
    measure(&queue, jobs, pending, 1).await?;
    measure(&queue, jobs, pending, 1_000).await?;
    by_key(&queue, (jobs / 4).min(pending), pending).await?;
    questions(&queue).await?;
    let time = Stopwatch::start();
    drop(queue);
    println!("close: {:.2} s", time.elapsed().as_secs_f64());
    let time = Stopwatch::start();
    drop(Embedded::open(&folder.path().join("queue.db"), options, Arc::new(SystemClock))?);
    println!("open and close: {:.2} s", time.elapsed().as_secs_f64());
    Ok(())
}

fn integration(number: u64) -> IntegrationId {
    IntegrationId::from_bytes((u128::from(number) + (7 << 80)).to_be_bytes())
}

fn key(number: u64) -> Key {
    Key::parse(&json!({ "email": format!("{number}@example.com") })).unwrap_or_else(|error| panic!("{error}"))
}

async fn job(queue: &Embedded, of: u64) -> Outcome<NewJob> {
    let now = queue.now().await?;
    let job = Job {
        id: JobId::new(now),
        integration: integration(of),
        cause: Cause::Manual,
        release: None,
        payload: format!("\"{}\"", "x".repeat(198)).into(),
        key: None,
        due: now,
        closes: None,
        window: None,
        jitter_ms: 0,
        priority: 5,
        weight: 1,
        lane: None,
        awaited: false,
        tick: None,
        debounce: None,
        attempts: None,
        context: None,
        created: now,
    };
    Ok(NewJob { job, if_exists: IfExists::Replace, idempotency: None })
}

fn say(what: &str, pending: u64, jobs: u64, time: Stopwatch) {
    println!("pending {pending:>8}  {what:<52} {:>9.0}/s", jobs as f64 / time.elapsed().as_secs_f64());
}

/// Runs `work` from 64 callers, with the numbers from 0 to `jobs`.
async fn callers<F>(jobs: u64, work: impl Fn(u64) -> F + Clone) -> Outcome<()>
where
    F: Future<Output = Outcome<()>>,
{
    let next = AtomicU64::new(0);
    let all = (0..CALLERS).map(|_| async {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= jobs {
                return Outcome::Ok(());
            }
            work(number).await?;
        }
    });
    futures(all.collect()).await
}

/// Waits for all, polling them together.
async fn futures<F: Future<Output = Outcome<()>>>(all: Vec<F>) -> Outcome<()> {
    let mut all: Vec<_> = all.into_iter().map(|each| Some(Box::pin(each))).collect();
    std::future::poll_fn(move |context| {
        let mut open = false;
        for slot in &mut all {
            let Some(each) = slot else { continue };
            match each.as_mut().poll(context) {
                std::task::Poll::Ready(Ok(())) => *slot = None,
                std::task::Poll::Ready(Err(error)) => return std::task::Poll::Ready(Err(error)),
                std::task::Poll::Pending => open = true,
            }
        }
        if open { std::task::Poll::Pending } else { std::task::Poll::Ready(Ok(())) }
    })
    .await
}

/// Claims and settles until nothing is left to do.
async fn work_off(queue: Embedded, left: Arc<watch::Sender<i64>>) -> Result<(), store::Error> {
    let mut done = left.subscribe();
    while *left.borrow() > 0 {
        let claimed = queue.claim(Claim { limit: 64, lease_ms: 30_000 }).await?;
        if claimed.jobs.is_empty() {
            tokio::select! {
                () = queue.wait(claimed.next_due) => {}
                _ = done.wait_for(|left| *left <= 0) => {}
            }
            continue;
        }
        left.send_modify(|left| *left -= claimed.jobs.len() as i64);
        let settlements = claimed.jobs.iter().map(|it| Settlement { lease: it.lease, next: Next::Remove });
        queue.settle(settlements.collect()).await?;
    }
    Ok(())
}

fn to_do(jobs: u64) -> Arc<watch::Sender<i64>> {
    Arc::new(watch::channel(jobs as i64).0)
}

async fn measure(queue: &Embedded, jobs: u64, pending: u64, integrations: u64) -> Outcome<()> {
    let put = |number| async move {
        queue.enqueue(vec![job(queue, number % integrations).await?]).await?;
        Ok(())
    };
    let time = Stopwatch::start();
    callers(jobs, put).await?;
    say(&format!("{integrations} integrations: enqueue, {CALLERS} callers"), pending, jobs, time);
    let time = Stopwatch::start();
    work_off(queue.clone(), to_do(jobs)).await?;
    say(&format!("{integrations} integrations: claim 64 + settle 64, 1 worker"), pending, jobs, time);
    let time = Stopwatch::start();
    let left = to_do(jobs);
    let workers: Vec<_> = (0..2).map(|_| tokio::spawn(work_off(queue.clone(), Arc::clone(&left)))).collect();
    callers(jobs, put).await?;
    for worker in workers {
        worker.await??;
    }
    say(&format!("{integrations} integrations: whole life, {CALLERS} callers + 2"), pending, jobs, time);
    Ok(())
}

async fn fill(queue: &Embedded, pending: u64, folder: &Path) -> Outcome<()> {
    let time = Stopwatch::start();
    for batch in 0..pending / 1_000 {
        let mut jobs = Vec::with_capacity(1_000);
        for number in 0..1_000 {
            let number = batch * 1_000 + number;
            let mut new = job(queue, number % 100).await?;
            new.job.key = Some(key(number));
            let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 2_592_000_000;
            new.job.due = new.job.due.after(86_400_000 + spread as i64);
            jobs.push(new);
        }
        queue.enqueue(jobs).await?;
    }
    let bytes: u64 = std::fs::read_dir(folder)?.filter_map(|it| Some(it.ok()?.metadata().ok()?.len())).sum();
    say(&format!("fill, keyed ({} bytes a job on disk)", bytes / pending.max(1)), pending, pending, time);
    Ok(())
}

async fn by_key(queue: &Embedded, jobs: u64, pending: u64) -> Outcome<()> {
    let find = |number: u64| async move {
        let number = number * 7_919 % pending;
        let found = queue.find(integration(number % 100), Selector::Key(key(number)), 1).await?;
        let view = found.into_iter().next().ok_or("the key is pending")?;
        queue
            .reschedule(vec![Move { job: view.job.id, due: view.job.due.after(1), closes: None, window: None }])
            .await?;
        Outcome::Ok(())
    };
    let time = Stopwatch::start();
    callers(jobs, find).await?;
    say("find by key + reschedule", pending, jobs, time);
    let replace = |number: u64| async move {
        let number = number * 104_729 % pending;
        let mut new = job(queue, number % 100).await?;
        new.job.key = Some(key(number));
        new.job.due = new.job.due.after(86_400_000);
        queue.enqueue(vec![new]).await?;
        Outcome::Ok(())
    };
    let time = Stopwatch::start();
    callers(jobs, replace).await?;
    say("replace by key", pending, jobs, time);
    let cancel = |number: u64| async move {
        let number = number * 7_919 % pending;
        queue.cancel(integration(number % 100), Selector::Key(key(number))).await?;
        Outcome::Ok(())
    };
    let time = Stopwatch::start();
    callers(jobs, cancel).await?;
    say("cancel by key", pending, jobs, time);
    Ok(())
}

async fn questions(queue: &Embedded) -> Outcome<()> {
    let page = PageRequest { first: 20, after: None, before: None };
    for (what, of, state) in [
        ("list", None, None),
        ("list pending", None, Some(State::Pending)),
        ("list dead", None, Some(State::Dead)),
        ("list of one integration", Some(integration(7)), None),
    ] {
        let time = Stopwatch::start();
        queue.list(JobFilter { integration: of, state, selector: None }, page).await?;
        println!("{what}: {:.1} ms", time.elapsed().as_secs_f64() * 1e3);
    }
    let time = Stopwatch::start();
    queue.counts().await?;
    println!("counts: {:.1} ms", time.elapsed().as_secs_f64() * 1e3);
    let time = Stopwatch::start();
    let part = Key::parse(&json!({ "email": "707@example.com" }))?;
    let found = queue.find(integration(7), Selector::Match(part), 10).await?;
    println!("find by match: {:.1} ms ({} found)", time.elapsed().as_secs_f64() * 1e3, found.len());
    Ok(())
}

//! Gathers what is known of a job, in the queue or in the history.

use schedules::rate::{Bucket, Limit, State as Charged, names};
use schedules::{Key, Millis};
use store::JobId;
use store::catalog::{RunFilter, RunRecord};
use store::queue::{Control, Inspect, JobFilter, JobView, MAX_BATCH, PageRequest, Selector, Standing, State};

use super::gates::{Explanation, Pool, Situation, explain};
use super::limits::{AtRule, Rules};
use crate::settings::in_words;
use crate::{Error, Result, Services};

/// So many of the newest runs of an integration are looked through for a key whose job is gone.
const RUNS: usize = 200;

/// What was found.
#[derive(Clone, Debug)]
pub enum Found {
    /// The queue holds the job.
    Queued(Box<JobView>, Explanation),
    /// It has left the queue: its last run.
    Ended(Box<RunRecord>),
}

/// Explains a job.
pub async fn by_job(services: &Services, job: JobId) -> Result<Found> {
    // A retry may put it back between two looks: then the second finds it.
    for _ in 0..2 {
        if let Some(view) = services.queue.get(job).await?
            && let Some(explanation) = of(services, &view).await?
        {
            return Ok(Found::Queued(Box::new(view), explanation));
        }
        if let Some(run) = services.catalog.latest_run_of(job).await? {
            return Ok(Found::Ended(Box::new(run)));
        }
    }
    Err(Error::no_job(job))
}

/// Explains the job of a key: the pending one, or else one that runs or is dead, or else how the last one ended.
pub async fn by_key(services: &Services, name: &str, key: &Key) -> Result<Found> {
    let entry = services.directory.by_name(name).ok_or_else(|| Error::no_integration(name))?;
    let mut pending = services.queue.find(entry.id, Selector::Key(key.clone()), 1).await?;
    if pending.is_empty() {
        let filter = JobFilter { integration: Some(entry.id), state: None, selector: Some(Selector::Key(key.clone())) };
        pending = services.queue.list(filter, PageRequest { first: 1, after: None, before: None }).await?.items;
    }
    if let Some(view) = pending.pop() {
        return by_job(services, view.job.id).await;
    }
    let filter = RunFilter { integration: Some(entry.id), ..RunFilter::default() };
    let mut after = None;
    for _ in 0..RUNS.div_ceil(100) {
        let page = PageRequest { first: 100, after, before: None };
        let runs = services.catalog.list_runs(&services.options.workspace, filter.clone(), page).await?;
        after = runs.items.last().map(|run| run.id);
        if let Some(run) = runs.items.into_iter().find(|run| run.key.as_deref() == Some(key.canonical())) {
            return Ok(Found::Ended(Box::new(run)));
        }
        if !runs.has_next {
            break;
        }
    }
    Err(Error::no_job(format!(
        "with the key {} of {name}, in the queue or among its last {RUNS} runs",
        key.canonical()
    )))
}

/// Explains a job that the queue holds; `None` if it does not any more.
async fn of(services: &Services, view: &JobView) -> Result<Option<Explanation>> {
    if let Some(explanation) = at_rest(view) {
        return Ok(Some(explanation));
    }
    let control = services.queue.control_of(view.job.integration).await?;
    let applying = applying(&control, view.job.key.as_ref());
    let buckets = applying.iter().map(|(_, name)| name.clone()).collect();
    let Some(standing) = services.queue.standing(view.job.id, buckets).await? else { return Ok(None) };
    let entry = services.directory.by_id(view.job.integration);
    let name = entry.as_ref().map_or("its integration", |entry| &*entry.name);
    let pause = match &entry {
        Some(entry) if control.paused => {
            let integration = services.catalog.integration(&services.options.workspace, &entry.name).await?;
            integration.and_then(|integration| integration.pause).map(|pause| (pause.note, pause.at))
        }
        _ => None,
    };
    let mut rules = Rules { rules: Vec::new(), is_charged: view.charged };
    for ((place, bucket_name), (state, hold)) in applying.into_iter().zip(&standing.buckets) {
        let limit = &control.limits[place];
        let state = state.clone().unwrap_or_else(|| Charged::empty(limit.rule.algorithm));
        let bucket = Bucket { hold: *hold, weight: view.job.weight, ..Bucket::new(limit.rule, state) };
        let ahead = ahead(services, view, &standing, (limit, &bucket_name)).await?;
        rules.rules.push(AtRule {
            rule: place,
            words: in_words(limit),
            subject: limit.subject(view.job.key.as_ref()).unwrap_or_default(),
            bucket,
            on_exceed: limit.on_exceed,
            ahead,
            in_line: standing.line.as_ref().is_some_and(|line| line.bucket == bucket_name),
        });
    }
    let limit = services.options.concurrency as u64;
    // A worker that waits for jobs has taken the room for them already: what counts is what it was handed.
    let pool = Pool { limit, free: limit.saturating_sub(services.leases.all().len() as u64) };
    let retry_before = retry_before(services, view, &control).await?;
    let (control, standing) = (&control, &standing);
    Ok(Some(explain(&Situation { view, name, pause, control, standing, rules, retry_before, pool })))
}

/// The job of its lane whose retry it waits for. Jobs are found oldest first, and whatever is tried again is old.
async fn retry_before(services: &Services, view: &JobView, control: &Control) -> Result<Option<(JobId, Millis)>> {
    let Some(lane) = view.job.lane.as_deref().filter(|_| control.lane_fifo) else { return Ok(None) };
    let Ok(part) = Key::parse(&serde_json::from_str(lane).unwrap_or_default()) else { return Ok(None) };
    let found = services.queue.find(view.job.integration, Selector::Match(part), MAX_BATCH).await?;
    let retries = found.iter().filter(|other| other.attempt > 0 && other.job.lane.as_deref() == Some(lane));
    let first = retries.min_by_key(|other| (other.job.due, other.job.id)).map(|other| (other.job.id, other.job.due));
    Ok(first.filter(|(job, _)| *job != view.job.id))
}

/// A job that waits for nothing.
fn at_rest(view: &JobView) -> Option<Explanation> {
    let (state, reason) = match view.state {
        State::Pending => return None,
        State::Running => {
            let until = view.lease_until.map(schedules::Millis::to_rfc3339).unwrap_or_default();
            ("running", format!("attempt {} is running; its lease lasts until {until}", view.attempt))
        }
        State::Dead => {
            let error = view.error.as_deref().unwrap_or("unknown");
            ("dead", format!("attempt {} was the last one and failed: {error}", view.attempt))
        }
    };
    let reasons = vec![(state, reason)];
    Some(Explanation { state, reasons, gates: Vec::new(), held_by: None, earliest_start: None })
}

/// The rules that apply to a key: place, and name of the bucket.
fn applying(control: &Control, key: Option<&Key>) -> Vec<(usize, String)> {
    let limits = control.limits.iter().zip(names(&control.limits)).enumerate();
    limits.filter_map(|(place, (limit, name))| Some((place, format!("{name}{}", limit.subject(key)?)))).collect()
}

/// The weights of those who are charged to a bucket before a job: those before it in line; for one that is in no line, all
/// that are in it, and those before it in its lane if the rule counts all alike.
async fn ahead(
    services: &Services,
    view: &JobView,
    standing: &Standing,
    (limit, bucket): (&Limit, &str),
) -> Result<Vec<u32>> {
    if view.charged {
        return Ok(Vec::new());
    }
    if let Some(line) = standing.line.as_ref().filter(|line| line.bucket == bucket) {
        return Ok(line.ahead.clone());
    }
    let waiting = services.queue.bucket(view.job.integration, bucket.to_owned(), limit.rule).await?.waiting;
    let in_lane = if limit.fields.is_empty() && standing.line.is_none() { standing.ahead_in_lane } else { 0 };
    let count = (waiting + in_lane).min(store::queue::Line::MOST as u64);
    Ok(vec![1; usize::try_from(count).unwrap_or(0)])
}

//! Run an integration later.

use schedules::{Millis, due};
use serde_json::Value;
use store::JobId;
use store::queue::{Cause, Debounce, Enqueued, IfExists, Inspect};

use super::execute::conflict;
use super::{Opening, Target, pending, request};
use crate::{Error, Result, Services};

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// The job.
    pub job: JobId,
    /// Its key, as canonical JSON.
    pub key: Option<String>,
    /// When it will start.
    pub due: Millis,
    /// Whether it took the place of a pending job with the same key.
    pub replaced: bool,
    /// Whether it is a job that was there and stays as it was; `None` for a repeated call, whose first answer said it.
    pub kept: Option<bool>,
    /// How often calls have pushed a debounced job back.
    pub pushed: Option<u32>,
    /// What the caller may not have meant.
    pub warning: Option<String>,
}

/// Queues a job for later.
pub async fn schedule(
    services: &Services,
    target: &Target,
    body: Value,
    idempotency_key: Option<String>,
) -> Result<Scheduled> {
    let fingerprint = pending::fingerprint("schedule", &format!("{target:?}"), &body);
    let request = request::schedule(body)?;
    let entry = target.resolve(services).await?;
    let now = services.clock.now();
    let idempotency = pending::idempotency(idempotency_key, request.run.idempotency_key.clone(), fingerprint, now)?;
    let mut due = due::resolve(request.when, now, services.options.horizon_ms)?;
    let debounce = (request.if_exists == IfExists::Debounce).then(|| {
        let wait_ms = request.max_wait_ms.unwrap_or(i64::MAX).min(services.options.horizon_ms);
        Debounce { latest: now.after(wait_ms), pushes: 0 }
    });
    if let Some(debounce) = debounce {
        due = due.min(debounce.latest);
    }
    let mut job = pending::job(entry.id, &request.run, Cause::Manual, target.major, now);
    let opening = Opening::find(request.window.as_ref(), due, request.jitter_ms, job.id)?;
    (job.due, job.closes) = (opening.due, opening.closes);
    job.debounce = debounce;
    job.window = request.window.as_ref().map(|window| window.spec().clone());
    job.jitter_ms = request.jitter_ms;
    let key = job.key.as_ref().map(|key| key.canonical().to_owned());
    let warning = key.is_none().then(|| {
        "without a key this job can be cancelled by its id only, and calling again makes another one".to_owned()
    });
    let pushed = debounce.map(|debounce| debounce.pushes);
    let scheduled = Scheduled { job: job.id, key, due: job.due, replaced: false, kept: Some(false), pushed, warning };
    match pending::enqueue(services, &entry, job, request.if_exists, idempotency).await? {
        Enqueued::Created => Ok(scheduled),
        Enqueued::Replaced { .. } => Ok(Scheduled { replaced: true, ..scheduled }),
        Enqueued::Repeated { first, due, replaced } => {
            Ok(Scheduled { job: first, due, replaced, kept: None, pushed: None, ..scheduled })
        }
        Enqueued::Kept { existing, due } => Ok(Scheduled { job: existing, due, kept: Some(true), ..scheduled }),
        Enqueued::Pushed { existing, due, pushes } => {
            // At its latest time its window may be closed: then it starts when that opens.
            let Opening { due, .. } = Opening::find(request.window.as_ref(), due, request.jitter_ms, existing)?;
            Ok(Scheduled { job: existing, due, pushed: Some(pushes), ..scheduled })
        }
        Enqueued::Rejected { existing } => {
            let due = services.queue.get(existing).await?.map(|view| format!(", due at {}", view.job.due.to_rfc3339()));
            Err(Error::conflict(
                "key_exists",
                format!("job {existing} is pending under this key{}", due.unwrap_or_default()),
            ))
        }
        Enqueued::Conflict { first } => Err(conflict(first)),
        Enqueued::Crowded { limit } => Err(Error::Crowded { limit, fields: Vec::new() }),
    }
}

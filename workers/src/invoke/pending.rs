//! Putting one job into the queue, with what the rest of the engine must hear of it.

use schedules::{Key, Millis, Window};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::JobId;
use store::catalog::Outcome;
use store::queue::{Cause, Enqueued, Idempotency, IfExists, Job, NewJob, Queue};

use super::request::Execute;
use crate::worker::record::ended_without_run;
use crate::{Entry, Error, Event, Result, Services};

const IDEMPOTENCY_MS: i64 = 24 * 3_600_000;

/// What the caller's idempotency key protects: the verb, the target and the body, but for the key itself.
pub(super) fn fingerprint(verb: &str, target: &str, body: &Value) -> [u8; 32] {
    let mut body = body.clone();
    if let Value::Object(fields) = &mut body {
        fields.remove("idempotencyKey");
    }
    // serde_json keeps maps sorted, so that the order of fields makes no difference.
    Sha256::digest(format!("{verb}\n{target}\n{body}")).into()
}

/// The idempotency key of a call: from the header, or from the body; both must agree.
pub(super) fn idempotency(
    header: Option<String>,
    body: Option<String>,
    fingerprint: [u8; 32],
    now: Millis,
) -> Result<Option<Idempotency>> {
    let header = header.map(|key| super::request::check_idempotency_key("Idempotency-Key", key)).transpose()?;
    let key = match (header, body) {
        (Some(header), Some(body)) if header != body => {
            let message = "differs from the Idempotency-Key header; give one of them";
            return Err(Error::invalid("idempotencyKey", "invalid_idempotency_key", message));
        }
        (header, body) => header.or(body),
    };
    Ok(key.map(|key| Idempotency { key, fingerprint, until: now.after(IDEMPOTENCY_MS) }))
}

/// A job as a call asks for it.
pub(super) fn job(entry: &Entry, run: &Execute, cause: Cause, release: Option<u32>, due: Millis, now: Millis) -> Job {
    Job {
        id: JobId::new(now),
        integration: entry.id,
        cause,
        release,
        payload: run.payload.clone(),
        key: run.key.clone(),
        due,
        window: None,
        jitter_ms: 0,
        priority: run.priority,
        tick: None,
        attempts: None,
        context: None,
        created: now,
    }
}

/// When a job with this window may start: `due`, or the next opening. A window that drops is tested when it starts.
pub(crate) fn opening(window: Option<&Window>, due: Millis, jitter_ms: u32, job: JobId) -> Result<Millis> {
    let Some(window) = window else { return Ok(due) };
    if window.spec().outside == schedules::Outside::Drop {
        return Ok(due);
    }
    schedules::window::open_with_jitter(window, due, jitter_ms, &job.to_bytes())
        .ok_or_else(|| Error::invalid("window", "window_never_opens", "never opens again: every opening is a holiday"))
}

/// Queues one job and tells the rest of the engine.
pub(super) async fn enqueue(
    services: &Services,
    entry: &Entry,
    job: Job,
    if_exists: IfExists,
    idempotency: Option<Idempotency>,
) -> Result<Enqueued> {
    let (id, cause, now, key) = (job.id, job.cause, job.created, job.key.clone());
    let jobs = vec![NewJob { job, if_exists, idempotency }];
    let answer = services.queue.enqueue(jobs).await?.pop();
    let answer = answer.ok_or_else(|| Error::Unavailable("the queue gave no answer".into()))?;
    if matches!(answer, Enqueued::Created | Enqueued::Replaced { .. }) {
        services.events.emit(Event::JobQueued { integration: entry.name.clone(), cause, n: 1 });
    }
    if let Enqueued::Replaced { old } = answer {
        replaced(services, entry, old, key.as_ref(), now).await;
    }
    tracing::debug!(job.id = %id, integration = &*entry.name, ?answer, "enqueued");
    Ok(answer)
}

async fn replaced(services: &Services, entry: &Entry, old: JobId, key: Option<&Key>, now: Millis) {
    let queued = Millis(i64::try_from(old.0.timestamp_ms()).unwrap_or(now.0));
    let mut record = ended_without_run(entry, old, Cause::Manual, Outcome::Replaced, (queued, now), now);
    record.key = key.map(|key| key.canonical().to_owned());
    services.recorder.record(record).await;
}

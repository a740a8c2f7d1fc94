//! Putting one job into the queue, with what the rest of the engine must hear of it.

use schedules::rate::Limit;
use schedules::{Key, Millis};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::catalog::Outcome;
use store::queue::{Cause, Enqueued, Idempotency, IfExists, Job, NewJob, Queue};
use store::{IntegrationId, JobId};

use super::request::Execute;
use crate::settings::{Lanes, in_words};
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
pub(crate) fn job(integration: IntegrationId, run: &Execute, cause: Cause, release: Option<u32>, now: Millis) -> Job {
    Job {
        id: JobId::new(now),
        integration,
        cause,
        release,
        payload: run.payload.clone(),
        key: run.key.clone(),
        due: now,
        closes: None,
        window: None,
        jitter_ms: 0,
        priority: run.priority,
        weight: run.weight,
        lane: None,
        awaited: false,
        tick: None,
        debounce: None,
        attempts: None,
        context: None,
        created: now,
    }
}

/// What a job shares a lane with. An integration that names no fields takes turns between the keys of its calls; a
/// scheduled job is the only one of its key.
pub fn lane(lanes: Option<&Lanes>, key: Option<&Key>, if_exists: IfExists) -> Option<Box<str>> {
    match lanes {
        Some(lanes) => lanes.of(key),
        None if if_exists == IfExists::Beside => key.map(|key| key.canonical().into()),
        None => None,
    }
}

/// Refuses a job that weighs more than a rate limit can ever hold.
fn check_weight(limits: &[Limit], job: &Job) -> Result<()> {
    let heavy = |limit: &&Limit| limit.rule.capacity() < job.weight && limit.subject(job.key.as_ref()).is_some();
    let Some(limit) = limits.iter().find(heavy) else { return Ok(()) };
    let (rule, capacity) = (in_words(limit), limit.rule.capacity());
    let message =
        format!("is {}, and the rate limit of {rule} holds {capacity}; make it {capacity} or less", job.weight);
    Err(Error::invalid("weight", "weight_too_large", message))
}

/// Queues one job in its lane and tells the rest of the engine; a lane that has no room is [`Error::Crowded`].
pub(super) async fn enqueue(
    services: &Services,
    entry: &Entry,
    mut job: Job,
    if_exists: IfExists,
    idempotency: Option<Idempotency>,
) -> Result<Enqueued> {
    let version = services.directory.version(entry, None).await?;
    let lanes = version.as_ref().and_then(|version| version.settings.concurrency.lanes.as_ref());
    job.lane = lane(lanes, job.key.as_ref(), if_exists);
    if let Some(version) = version.as_ref().filter(|_| job.weight > 1) {
        check_weight(&services.directory.limits(&version.settings), &job)?;
    }
    let (id, cause, now, key) = (job.id, job.cause, job.created, job.key.clone());
    let jobs = vec![NewJob { job, if_exists, idempotency }];
    let answer = services.queue.enqueue(jobs).await?.pop();
    let answer = answer.ok_or_else(|| Error::Unavailable("the queue gave no answer".into()))?;
    tracing::debug!(job.id = %id, integration = &*entry.name, ?answer, "enqueued");
    let integration = entry.name.clone();
    match answer {
        Enqueued::Created => services.events.emit(Event::JobQueued { integration, cause, n: 1 }),
        Enqueued::Replaced { old } => {
            services.events.emit(Event::JobQueued { integration, cause, n: 1 });
            replaced(services, entry, old, key.as_ref(), now).await;
        }
        Enqueued::Crowded { limit } => {
            services.events.emit(Event::BacklogFull { integration });
            let fields = lanes.map(|lanes| lanes.key.clone()).unwrap_or_default();
            return Err(Error::Crowded { limit, fields });
        }
        Enqueued::Kept { .. }
        | Enqueued::Pushed { .. }
        | Enqueued::Rejected { .. }
        | Enqueued::Repeated { .. }
        | Enqueued::Conflict { .. } => {}
    }
    Ok(answer)
}

async fn replaced(services: &Services, entry: &Entry, old: JobId, key: Option<&Key>, now: Millis) {
    let queued = Millis(i64::try_from(old.0.timestamp_ms()).unwrap_or(now.0));
    let mut record = ended_without_run(entry, old, Cause::Manual, Outcome::Replaced, (queued, now), now);
    record.key = key.map(|key| key.canonical().to_owned());
    services.recorder.record(record).await;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lane_is_named_by_the_settings_or_by_the_key_of_a_call() {
        let lanes = Lanes { key: vec!["email".into()], limit: 1, backlog: None, fifo: false };
        let key = Key::parse(&json!({ "email": "a", "n": 1 })).expect("a key");
        let check = |lanes: Option<&Lanes>, key: Option<&Key>, if_exists, expected: Option<&str>| {
            assert_eq!(lane(lanes, key, if_exists).as_deref(), expected, "{lanes:?} {key:?} {if_exists:?}");
        };
        check(Some(&lanes), Some(&key), IfExists::Beside, Some(r#"{"email":"a"}"#));
        check(Some(&lanes), Some(&key), IfExists::Replace, Some(r#"{"email":"a"}"#));
        check(Some(&lanes), None, IfExists::Beside, None);
        check(None, Some(&key), IfExists::Beside, Some(r#"{"email":"a","n":1}"#));
        check(None, Some(&key), IfExists::Replace, None);
        check(None, None, IfExists::Beside, None);
    }
}

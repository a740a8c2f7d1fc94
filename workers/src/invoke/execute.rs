//! Run an integration now and wait for its result.

use std::time::Duration;

use serde_json::Value;
use store::catalog::{Outcome, RunRecord};
use store::queue::{Cause, Enqueued, IfExists};
use store::{JobId, RunId};

use super::{Refused, Target, end, pending, request};
use crate::live::Waiting;
use crate::{Error, Result, Services};

/// How the caller wants to be answered.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// Answer when the job is queued (`Prefer: respond-async`).
    pub respond_async: bool,
    /// Wait at most this long; never longer than the configured cap.
    pub wait_ms: Option<u64>,
}

/// The answer.
#[derive(Clone, Debug)]
pub enum ExecuteAnswer {
    /// The run ended.
    Finished {
        /// The job.
        job: JobId,
        /// The run.
        run: RunId,
        /// How it ended.
        outcome: Outcome,
        /// What the handler returned, as JSON text; `null` when it failed.
        result: String,
        /// What went wrong, as the JSON text of a script error.
        error: Option<String>,
        /// How long it ran, in milliseconds.
        duration_ms: u64,
    },
    /// A rate limit refused it: it did not run.
    RateLimited {
        /// The job.
        job: JobId,
        /// The record of its end.
        run: RunId,
        /// Which limit, and when to come back.
        refused: Refused,
    },
    /// It takes longer than the caller may wait; it goes on.
    Waiting {
        /// The job.
        job: JobId,
    },
    /// It is queued.
    Accepted {
        /// The job.
        job: JobId,
    },
}

/// Runs an integration. The run goes on when the caller goes away.
pub async fn execute(services: &Services, target: &Target, body: Value, how: How) -> Result<ExecuteAnswer> {
    let fingerprint = pending::fingerprint("execute", &format!("{target:?}"), &body);
    let request = request::execute(body)?;
    let entry = target.resolve(services).await?;
    if entry.paused && !how.respond_async {
        let name = &entry.name;
        return Err(Error::conflict(
            "integration_paused",
            format!("{name} is paused; resume it, or send Prefer: respond-async to have the job wait"),
        ));
    }
    let now = services.clock.now();
    let idempotency = pending::idempotency(how.idempotency_key, request.idempotency_key.clone(), fingerprint, now)?;
    let mut job = pending::job(entry.id, &request, Cause::Execute, target.major, now);
    // A waiting caller repeats the call itself; a queued job is repeated by the engine.
    job.attempts = (!how.respond_async).then_some(1);
    job.awaited = !how.respond_async;
    let id = job.id;
    let mut waiting = services.live.wait_for(id);
    let job = match pending::enqueue(services, &entry, job, IfExists::Beside, idempotency).await? {
        Enqueued::Repeated { first, .. } => {
            waiting = services.live.wait_for(first);
            first
        }
        Enqueued::Conflict { first } => return Err(conflict(first)),
        Enqueued::Kept { existing, .. } | Enqueued::Pushed { existing, .. } | Enqueued::Rejected { existing } => {
            existing
        }
        Enqueued::Created | Enqueued::Replaced { .. } => id,
        Enqueued::Crowded { limit } => return Err(Error::Crowded { limit, fields: Vec::new() }),
    };
    if how.respond_async {
        return Ok(ExecuteAnswer::Accepted { job });
    }
    if job != id
        && let Some(record) = end::ended(services, job).await?
    {
        return Ok(finished(&record));
    }
    wait(services, job, waiting, how.wait_ms.unwrap_or(u64::MAX)).await
}

/// Waits for the end of a job, for at most `wait_ms` and never longer than the configured cap.
pub(super) async fn wait(services: &Services, job: JobId, mut waiting: Waiting, wait_ms: u64) -> Result<ExecuteAnswer> {
    let cap = Duration::from_millis(wait_ms.min(services.options.sync_wait_ms));
    match tokio::time::timeout(cap, end::of(services, job, &mut waiting)).await {
        Ok(Some(record)) => Ok(finished(&record)),
        Ok(None) | Err(_) => Ok(ExecuteAnswer::Waiting { job }),
    }
}

pub(super) fn conflict(first: JobId) -> Error {
    Error::conflict(
        "idempotency_conflict",
        format!("this idempotency key was used for another request (job {first}); use a new key for a new request"),
    )
}

fn finished(record: &RunRecord) -> ExecuteAnswer {
    if record.outcome == Outcome::RateLimited {
        let refused = record.error.as_deref().and_then(Refused::parse).unwrap_or_default();
        return ExecuteAnswer::RateLimited { job: record.job, run: record.id, refused };
    }
    let ran_ms = record.finished.since(record.started.unwrap_or(record.finished));
    ExecuteAnswer::Finished {
        job: record.job,
        run: record.id,
        outcome: record.outcome,
        result: record.result.clone().unwrap_or_else(|| "null".into()),
        error: record.error.clone(),
        duration_ms: u64::try_from(ran_ms).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::catalog::Trigger;
    use store::queue::{Claim, Next, Queue, Settlement};

    use super::*;
    use crate::worker::record::{Outgoing, job_ended};
    use crate::world::{NOW, World};

    #[tokio::test]
    async fn a_repeated_call_is_not_answered_with_an_attempt_that_will_be_repeated() {
        let world = World::open().await;
        let services = &world.services;
        let entry = world.released("flaky", Trigger::Experience, &json!({})).await;
        let target: Target = "flaky".parse().expect("a name");
        let body = json!({ "idempotencyKey": "once" });
        let how = How { respond_async: true, ..How::default() };
        let accepted = execute(services, &target, body.clone(), how).await.expect("accepted");
        let ExecuteAnswer::Accepted { job } = accepted else { panic!("{accepted:?}") };

        let claimed = services.queue.claim(Claim { limit: 1, lease_ms: 30_000 }).await.expect("claimed");
        let leased = claimed.jobs.first().expect("the job");
        let next = Next::Retry { due: NOW.after(60_000), closes: None, error: "{}".into() };
        let failed = job_ended(&entry, &leased.job, Outcome::Failed, NOW);
        let settlement = Some(Settlement { lease: leased.lease, next });
        services.recorder.write(Outgoing { record: Some(failed), settlement, last: false, tick: None }).await;
        services.recorder.flush().await;

        let how = How { wait_ms: Some(1), ..How::default() };
        let answer = execute(services, &target, body, how).await.expect("an answer");
        assert!(matches!(answer, ExecuteAnswer::Waiting { job: of } if of == job), "{answer:?}");
    }
}

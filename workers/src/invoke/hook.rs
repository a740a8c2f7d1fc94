//! Queue a request of a hook, once for each signed request, and wait for its end if the caller does.

use std::sync::Arc;

use schedules::Key;
use serde_json::{Value, json};
use store::JobId;
use store::catalog::Outcome;
use store::queue::{Cause, Enqueued, IfExists};

use super::execute::{self, ExecuteAnswer};
use super::request::{self, Execute};
use super::{end, pending};
use crate::hooks::Seen;
use crate::{Entry, Result, Services};

/// So often a signed request may come again after runs that did not succeed.
const MAX_DELIVERIES: u32 = 20;

/// A request to a hook whose caller is proven.
pub(crate) struct HookCall {
    pub entry: Arc<Entry>,
    pub major: Option<u32>,
    pub payload: Value,
    /// The handler's `request`.
    pub request: Value,
    pub key: Option<Key>,
    /// How it is known again, if it is signed.
    pub seen: Option<Seen>,
    /// Whether the caller waits for the end.
    pub waits: bool,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum HookAnswer {
    /// It ran, or goes on running.
    Ended(ExecuteAnswer),
    /// It is queued.
    Accepted { job: JobId },
    /// The same request came before; this is its job.
    Repeated { job: JobId },
}

/// Queues the request. A signed one runs once: under its own idempotency key, which holds in every process and after a
/// restart. One whose job ended without success may be sent again, as senders do, and that counts as another delivery.
pub(crate) async fn hook(services: &Services, call: HookCall) -> Result<HookAnswer> {
    let HookCall { entry, major, payload, request, key, seen, waits } = call;
    let payload = request::payload(payload)?;
    let run = Execute { payload, key, priority: 0, weight: 1, idempotency_key: None };
    let context: Box<str> = json!({ "request": request }).to_string().into();
    let mut delivery = 0;
    loop {
        let mut job = pending::job(entry.id, &run, Cause::Http, major, services.clock.now());
        // A waiting caller sees the failure and sends it again itself; a queued job is repeated by the engine.
        job.attempts = waits.then_some(1);
        job.awaited = waits;
        job.context = Some(context.clone());
        let id = job.id;
        let waiting = services.live.wait_for(id);
        let once = seen.as_ref().map(|seen| seen.idempotency(delivery));
        match pending::enqueue(services, &entry, job, IfExists::Beside, once).await? {
            Enqueued::Repeated { first, .. } | Enqueued::Conflict { first } => {
                delivery += 1;
                if delivery >= MAX_DELIVERIES || !is_failed(services, first).await? {
                    return Ok(HookAnswer::Repeated { job: first });
                }
            }
            _ if !waits => return Ok(HookAnswer::Accepted { job: id }),
            _ => return execute::wait(services, id, waiting, u64::MAX).await.map(HookAnswer::Ended),
        }
    }
}

/// Whether a job has ended, and not well.
async fn is_failed(services: &Services, job: JobId) -> Result<bool> {
    Ok(end::ended(services, job).await?.is_some_and(|record| record.outcome != Outcome::Succeeded))
}

#[cfg(test)]
mod tests {
    use store::catalog::Trigger;
    use store::queue::{Claim, Inspect, Next, Queue, Settlement};

    use super::*;
    use crate::hooks::Replay;
    use crate::worker::record::{Outgoing, job_ended};
    use crate::world::{NOW, World};

    fn call(entry: &Arc<Entry>, id: u8) -> HookCall {
        let seen = Seen { id: [id; 32], until: NOW.after(300_000), replay: Replay::Refuse };
        let (payload, request) = (json!([1]), json!({ "method": "POST" }));
        HookCall { entry: entry.clone(), major: None, payload, request, key: None, seen: Some(seen), waits: false }
    }

    async fn accepted(world: &World, entry: &Arc<Entry>, id: u8) -> JobId {
        match hook(&world.services, call(entry, id)).await.expect("an answer") {
            HookAnswer::Accepted { job } => job,
            other => panic!("{other:?}"),
        }
    }

    async fn repeated(world: &World, entry: &Arc<Entry>, id: u8) -> JobId {
        match hook(&world.services, call(entry, id)).await.expect("an answer") {
            HookAnswer::Repeated { job } => job,
            other => panic!("{other:?}"),
        }
    }

    /// Does what a worker does with the one job that is due.
    async fn ends(world: &World, entry: &Entry, outcome: Outcome) {
        let services = &world.services;
        let claimed = services.queue.claim(Claim { limit: 1, lease_ms: 30_000 }).await.expect("claimed");
        let leased = claimed.jobs.first().expect("the job");
        let record = Some(job_ended(entry, &leased.job, outcome, NOW));
        let settlement = Some(Settlement { lease: leased.lease, next: Next::Remove });
        services.recorder.write(Outgoing { record, settlement, last: true, tick: None }).await;
        services.recorder.flush().await;
    }

    #[tokio::test]
    async fn a_signed_request_runs_once_unless_its_run_failed() {
        let world = World::open().await;
        let entry = world.released("hello", Trigger::Http, &json!({ "http": { "auth": "none" } })).await;
        let first = accepted(&world, &entry, 1).await;
        assert_eq!(repeated(&world, &entry, 1).await, first, "it waits");
        ends(&world, &entry, Outcome::Failed).await;
        let second = accepted(&world, &entry, 1).await;
        assert_ne!(second, first, "it may be sent again");
        assert_eq!(repeated(&world, &entry, 1).await, second);
        ends(&world, &entry, Outcome::Succeeded).await;
        assert_eq!(repeated(&world, &entry, 1).await, second, "it has run");
        accepted(&world, &entry, 2).await;
    }

    #[tokio::test]
    async fn a_request_that_fails_again_and_again_is_not_taken_for_ever() {
        let world = World::open().await;
        let entry = world.released("hello", Trigger::Http, &json!({ "http": { "auth": "none" } })).await;
        for _ in 0..MAX_DELIVERIES {
            accepted(&world, &entry, 1).await;
            ends(&world, &entry, Outcome::Failed).await;
        }
        repeated(&world, &entry, 1).await;
    }

    #[tokio::test]
    async fn the_job_says_where_it_comes_from_and_carries_the_request() {
        let world = World::open().await;
        let entry = world.released("hello", Trigger::Http, &json!({ "http": { "auth": "none" } })).await;
        let job = accepted(&world, &entry, 1).await;
        let job = world.services.queue.get(job).await.expect("a look").expect("the job").job;
        assert_eq!((job.cause, job.attempts, job.awaited, &*job.payload), (Cause::Http, None, false, "[1]"));
        assert_eq!(job.context.as_deref(), Some(r#"{"request":{"method":"POST"}}"#));
    }
}

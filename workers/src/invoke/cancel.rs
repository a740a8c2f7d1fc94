//! Take pending jobs out; running ones are left alone.

use std::sync::Arc;

use serde_json::Value;
use store::catalog::Outcome;
use store::queue::{Queue, Selector};

use super::{Target, request};
use crate::services::to_the_end;
use crate::worker::record::job_ended;
use crate::{Entry, Result, Services};

/// Cancels every pending job that the key or the match means; none is no error.
pub async fn cancel(services: &Services, target: &Target, body: Value) -> Result<u64> {
    let selector = request::cancel(body)?;
    let entry = target.entry(services).await?;
    to_the_end(take_out(services.clone(), entry, selector)).await
}

/// Cancels what a selector means, with a record of each job.
pub(crate) async fn take_out(services: Services, entry: Arc<Entry>, selector: Selector) -> Result<u64> {
    let mut cancelled = 0;
    loop {
        let batch = services.queue.cancel(entry.id, selector.clone()).await?;
        cancelled += batch.jobs.len() as u64;
        let now = services.clock.now();
        for job in &batch.jobs {
            services.recorder.record(job_ended(&entry, job, Outcome::Cancelled, now)).await;
        }
        if !batch.more {
            return Ok(cancelled);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use serde_json::json;
    use store::catalog::Trigger;

    use super::*;
    use crate::invoke::schedule;
    use crate::live::Update;
    use crate::world::World;

    #[tokio::test]
    async fn a_caller_who_goes_away_does_not_cost_the_history_of_a_job() {
        let world = World::open().await;
        let services = &world.services;
        world.released("hello", Trigger::Experience, &json!({})).await;
        let target: Target = "hello".parse().expect("a name");
        let body = json!({ "key": { "n": 1 }, "delay": "1h" });
        let job = schedule(services, &target, body, None).await.expect("scheduled").job;
        let mut updates = services.live.follow_all();
        // Dropped after its first step, as a handler is when its connection closes.
        let answer = cancel(services, &target, json!({ "key": { "n": 1 } })).now_or_never();
        assert!(answer.is_none());
        let heard = tokio::time::timeout(Duration::from_secs(10), updates.next()).await.expect("it is recorded");
        assert!(matches!(heard, Ok(Update::Finished(record)) if record.job == job));
    }
}

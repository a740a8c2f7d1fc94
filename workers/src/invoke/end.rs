//! Waits for the end of a job, whichever process runs it.

use std::sync::Arc;
use std::time::Duration;

use store::JobId;
use store::catalog::RunRecord;
use store::queue::{Inspect, Queue, State};

use crate::live::Waiting;
use crate::{Result, Services};

/// The pause after a look that failed.
const PAUSE: Duration = Duration::from_millis(500);

/// The last record of a job: a run of this process tells it itself, one of another is found in the history. `None` when
/// the engine stops before.
pub(super) async fn of(services: &Services, job: JobId, waiting: &mut Waiting) -> Option<Arc<RunRecord>> {
    loop {
        tokio::select! {
            biased;
            record = waiting.record() => return record,
            () = services.queue.wait_for_end(job) => {}
        }
        match ended(services, job).await {
            Ok(Some(record)) => return Some(Arc::new(record)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(job.id = %job, %error, "it cannot be told whether a job has ended; looking again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The last record of a job that has left the queue: one whose attempt failed may be waiting for the next.
pub(super) async fn ended(services: &Services, job: JobId) -> Result<Option<RunRecord>> {
    match services.queue.get(job).await? {
        Some(view) if view.state != State::Dead => Ok(None),
        _ => Ok(services.catalog.latest_run_of(job).await?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::catalog::{Outcome, Trigger};
    use store::queue::{Claim, Next, Settlement};

    use super::*;
    use crate::invoke::{ExecuteAnswer, How, Refused, execute};
    use crate::worker::record::job_ended;
    use crate::world::{NOW, World};

    /// Does what the worker of another process would: nothing of it is told to this process.
    async fn run_elsewhere(world: &World, outcome: Outcome, part: impl Fn(&mut RunRecord)) -> JobId {
        let services = &world.services;
        let leased = loop {
            let claimed = services.queue.claim(Claim { limit: 1, lease_ms: 30_000 }).await.expect("claimed");
            match claimed.jobs.into_iter().next() {
                Some(leased) => break leased,
                None => services.queue.wait(None).await,
            }
        };
        let entry = services.directory.by_id(leased.job.integration).expect("the integration");
        let mut record = job_ended(&entry, &leased.job, outcome, NOW);
        part(&mut record);
        services.catalog.record(vec![record]).await.expect("recorded");
        let settlement = Settlement { lease: leased.lease, next: Next::Remove };
        services.queue.settle(vec![settlement]).await.expect("settled");
        leased.job.id
    }

    #[tokio::test]
    async fn a_run_in_another_process_answers_the_caller_here() {
        let world = World::open().await;
        world.released("hello", Trigger::Experience, &json!({})).await;
        let target = "hello".parse().expect("a name");
        let ran = run_elsewhere(&world, Outcome::Succeeded, |record| record.result = Some("42".into()));
        let waiting = execute(&world.services, &target, json!({}), How::default());
        let (answer, job) = tokio::join!(waiting, ran);
        match answer.expect("an answer") {
            ExecuteAnswer::Finished { job: of, result, .. } => assert_eq!((of, &*result), (job, "42")),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_refusal_in_another_process_is_told_as_one() {
        let world = World::open().await;
        world.released("hello", Trigger::Experience, &json!({})).await;
        let target = "hello".parse().expect("a name");
        let refusal = Refused { rule: "1 per 1h".into(), retry_after_ms: Some(5) };
        let ran = run_elsewhere(&world, Outcome::RateLimited, |record| record.error = Some(refusal.to_json()));
        let (answer, job) = tokio::join!(execute(&world.services, &target, json!({}), How::default()), ran);
        match answer.expect("an answer") {
            ExecuteAnswer::RateLimited { job: of, refused, .. } => assert_eq!((of, &refused), (job, &refusal)),
            other => panic!("{other:?}"),
        }
    }
}

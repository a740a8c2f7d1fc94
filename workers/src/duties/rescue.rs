//! Takes over jobs whose worker is gone, and decides what becomes of them as of any failed attempt.

use schedules::Millis;
use schedules::backoff::Retry;
use scripts::protocol::ScriptError;
use store::RunId;
use store::catalog::Outcome;
use store::queue::{Cause, Leased, MAX_BATCH, Queue, Settlement};

use crate::worker::record::{Outgoing, job_ended};
use crate::worker::{Ending, counted, next, verdict};
use crate::{Entry, Event, Result, Services};

pub(super) async fn run(services: Services) -> Result<Option<Millis>> {
    loop {
        let lost = services.queue.rescue(MAX_BATCH, services.options.lease_ms).await?;
        let full = lost.len() == MAX_BATCH;
        // A run of ours that was late with its renewal must not go on beside the next attempt.
        let jobs: Vec<_> = lost.iter().map(|leased| leased.job.id).collect();
        services.leases.revoked(&jobs);
        // Held until settled: should the catalog not answer for long, the job must not count as lost again.
        for leased in &lost {
            services.leases.hold(leased.lease);
        }
        for leased in lost {
            rescue(&services, leased).await;
        }
        if !full {
            return Ok(None);
        }
    }
}

async fn rescue(services: &Services, leased: Leased) {
    let now = services.clock.now();
    let job = &leased.job;
    let serving = services.directory.serving(job.integration, job.release).await.ok().flatten();
    let (entry, version) = serving.map_or((None, None), |(entry, version)| (Some(entry), version));
    let retry = version.map_or(Retry::DEFAULT, |version| version.settings.retry);
    let verdict = verdict(job, leased.attempt, Ending::Lost { times: leased.lost }, &retry, now, rand::random());
    let error = lost_error(leased.lost);
    tracing::warn!(job.id = %job.id, lost = leased.lost, ?verdict, "a job's worker is gone");
    let (next, last) = next(job, verdict, serde_json::to_string(&error).unwrap_or_default());
    let record = entry.map(|entry| {
        services.events.emit(Event::LeaseLost { integration: entry.name.clone() });
        record(&entry, &leased, &error, now)
    });
    let settlement = Some(Settlement { lease: leased.lease, next });
    services.recorder.write(Outgoing { record, settlement, last, tick: counted(job) }).await;
}

fn record(entry: &Entry, leased: &Leased, error: &ScriptError, now: Millis) -> store::catalog::RunRecord {
    store::catalog::RunRecord {
        id: RunId::new(now),
        attempt: leased.attempt,
        cause: if leased.attempt > 1 { Cause::Retry } else { leased.job.cause },
        error: serde_json::to_string(error).ok(),
        ..job_ended(entry, &leased.job, Outcome::Failed, now)
    }
}

fn lost_error(times: u32) -> ScriptError {
    let times = if times == 1 { "once".into() } else { format!("{times} times") };
    ScriptError {
        code: "lease_lost".into(),
        name: "LeaseLost".into(),
        message: format!("the worker that ran this job went away before it ended ({times} so far)"),
        ..ScriptError::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::catalog::Trigger;
    use store::queue::Claim;

    use super::*;
    use crate::invoke::{Target, schedule};
    use crate::world::World;

    #[tokio::test]
    async fn a_run_of_this_process_that_lost_its_lease_is_told_to_end() {
        let world = World::open().await;
        let services = &world.services;
        world.released("late", Trigger::Experience, &json!({})).await;
        let target: Target = "late".parse().expect("a name");
        schedule(services, &target, json!({}), None).await.expect("scheduled");
        let claimed = services.queue.claim(Claim { limit: 1, lease_ms: 1_000 }).await.expect("claimed");
        let held = services.leases.hold(claimed.jobs.first().expect("the job").lease);
        world.clock.advance(1_001);
        run(services.clone()).await.expect("rescued");
        assert!(held.token.is_cancelled());
        services.recorder.flush().await;
        assert_eq!(services.leases.all(), [held.lease], "what was taken over is settled and let go");
    }
}

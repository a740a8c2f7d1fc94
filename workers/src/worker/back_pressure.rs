//! Back-pressure: a pause that another server asked for shuts the buckets of the rate limits that opted in.

use std::pin::Pin;

use schedules::Millis;
use store::queue::{Adjustment, Inspect, Job, Queue};

use crate::{Entry, Event, Result, Services};

/// The longest that a bucket is shut by one answer.
const MAX_HOLD_MS: u64 = 3_600_000;

/// Shuts the buckets that a job counts for, from `now` on for as long as the last answer to its run asked; an hour at most.
/// Boxed: within a run's future, which is deep already, it is more than the compiler looks through.
pub(crate) fn apply<'a>(
    services: &'a Services,
    entry: &'a Entry,
    job: &'a Job,
    (now, pause_ms): (Millis, u64),
) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
    Box::pin(async move {
        if let Err(error) = hold(services, entry, job, hold_until(now, pause_ms)).await {
            let integration = &*entry.name;
            tracing::warn!(integration, %error, "a rate limit could not be held shut; the next answer does it");
        }
    })
}

/// Until when a bucket is shut if an answer asks for such a pause now.
pub(crate) fn hold_until(now: Millis, pause_ms: u64) -> Millis {
    now.after(pause_ms.min(MAX_HOLD_MS).cast_signed())
}

async fn hold(services: &Services, entry: &Entry, job: &Job, until: Millis) -> Result<()> {
    let limits = services.queue.control_of(entry.id).await?.limits;
    let names = schedules::rate::names(&limits);
    for (limit, name) in limits.iter().zip(names).filter(|(limit, _)| limit.back_pressure) {
        let Some(subject) = limit.subject(job.key.as_ref()) else { continue };
        services.queue.adjust(entry.id, format!("{name}{subject}"), Adjustment::Hold { until }).await?;
        services.events.emit(Event::LimitHeld { integration: entry.name.clone() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use schedules::Key;
    use serde_json::json;
    use store::catalog::Trigger;
    use store::queue::Cause;

    use super::*;
    use crate::duties;
    use crate::world::{NOW, World, job};

    #[tokio::test]
    async fn the_bucket_of_the_key_is_shut_and_an_hour_is_the_most() {
        let world = World::open().await;
        let services = &world.services;
        let rule = json!({"limit": 9, "interval": "1s", "key": ["email"], "onExceed": "delay", "backPressure": true});
        let settings = json!({ "rateLimits": [{"limit": 9, "interval": "1s"}, rule] });
        let entry = world.released("hello", Trigger::Experience, &settings).await;
        duties::agree(services.clone()).await.expect("the queue is told");
        let limits = services.queue.control_of(entry.id).await.expect("control").limits;
        let until = async |name: &str, place: usize| {
            let view = services.queue.bucket(entry.id, name.into(), limits[place].rule).await.expect("a bucket");
            view.hold.until.since(NOW)
        };
        let key = Key::parse(&json!({"email": "a", "n": 1})).expect("a key");
        let job = store::queue::Job { key: Some(key), ..job(entry.id, Cause::Manual) };
        apply(services, &entry, &job, (NOW, 5_000)).await;
        assert_eq!(until(r#"l0{"email":"a"}"#, 1).await, 5_000);
        assert_eq!(until("l0{}", 0).await, -NOW.0, "this rule did not opt in");
        apply(services, &entry, &job, (NOW, u64::MAX)).await;
        assert_eq!(until(r#"l0{"email":"a"}"#, 1).await, 3_600_000);
    }
}

//! What is not moved, and says so.

use serde_json::json;
use store::Error;
use store::conformance::{LEASE_MS, Sample, job};
use store::queue::{Claim, Inspect, Mark, Queue, Record, Transfer};

use crate::world::{World, everything};

async fn refuses_while_a_lease_lasts(world: &World, queue: impl Queue + Inspect + Transfer) {
    queue.enqueue(vec![job(1), job(1).due(5)]).await.expect("enqueue answers");
    queue.claim(Claim { limit: 1, lease_ms: LEASE_MS }).await.expect("claim answers");
    world.clock.advance(10_500);
    let survey = queue.survey().await.expect("survey answers");
    assert_eq!((survey.pending, survey.running, survey.overdue), (1, 1, 0));
    let error = last(&queue).await.expect_err("a lease lasts");
    assert!(matches!(error, Error::Busy { jobs: 1, left_ms: 19_500 }), "{error:?}");
    assert_eq!(error.to_string(), "stop the workers first: jobs are running (1); their leases end in 20 s");
    world.clock.advance(19_500);
    let survey = queue.survey().await.expect("survey answers");
    assert_eq!((survey.pending, survey.running, survey.overdue, survey.leases_end), (1, 0, 1, None));
    let mut lost: Vec<u32> = everything(&queue, 10).await.iter().map(lost).collect();
    lost.sort_unstable();
    assert_eq!(lost, [0, 1]);
}

fn lost(record: &Record) -> u32 {
    match record {
        Record::Job(stored) => stored.lost,
        other => panic!("{other:?}"),
    }
}

/// Exports to the end.
async fn last(queue: &impl Transfer) -> Result<(), Error> {
    let mut mark = None;
    loop {
        mark = queue.export(mark, 100).await?.1;
        if mark.is_none() {
            return Ok(());
        }
    }
}

#[tokio::test]
async fn running_jobs_stay() {
    let world = World::new().await;
    refuses_while_a_lease_lasts(&world, world.embedded()).await;
    world.clock.set(store::conformance::START);
    refuses_while_a_lease_lasts(&world, world.redis().await).await;
}

/// Two jobs with one key cannot come from one queue.
#[tokio::test]
async fn a_key_names_one_job() {
    let world = World::new().await;
    let mut stored = Vec::new();
    for _ in 0..2 {
        let queue = world.embedded();
        queue.enqueue(vec![job(1).key(json!({"k": 1}))]).await.expect("enqueue answers");
        stored.extend(everything(&queue, 10).await);
    }
    if let Record::Job(second) = &mut stored[1] {
        second.arrival += 1;
    }
    let (embedded, redis) = (world.embedded(), world.redis().await);
    for error in [embedded.import(stored.clone()).await, redis.import(stored.clone()).await] {
        let error = error.expect_err("the key is taken");
        assert!(matches!(&error, Error::Corrupt(why) if why.contains("its key")), "{error:?}");
    }
    assert_eq!(everything(&redis, 10).await.len(), 1, "the first one is there");
    assert_eq!(redis.check().await.expect("check answers"), []);
}

#[tokio::test]
async fn numbers_that_redis_cannot_count_are_refused() {
    let world = World::new().await;
    let (embedded, redis) = (world.embedded(), world.redis().await);
    embedded.enqueue(vec![job(1)]).await.expect("enqueue answers");
    let mut records = everything(&embedded, 10).await;
    if let Record::Job(stored) = &mut records[0] {
        stored.arrival = 1 << 40;
    }
    let error = redis.import(records).await.expect_err("it is too great");
    assert!(matches!(&error, Error::Corrupt(why) if why.contains("1099511627776")), "{error:?}");
}

#[tokio::test]
async fn marks_of_others_are_refused() {
    let world = World::new().await;
    let (embedded, redis) = (world.embedded(), world.redis().await);
    for text in ["", "nothing 7", "job x", "idempotency x/y", "job 0 zz 1", "bucket x y"] {
        let mark = Some(Mark(text.into()));
        for error in [embedded.export(mark.clone(), 10).await.err(), redis.export(mark, 10).await.err()] {
            assert!(error.is_none_or(|error| matches!(error, Error::Corrupt(_) | Error::NotFound { .. })), "{text}");
        }
    }
    assert!(embedded.export(Some(Mark("job x".into())), 10).await.is_err());
    assert!(redis.export(Some(Mark("job 9 00 1".into())), 10).await.is_err());
}

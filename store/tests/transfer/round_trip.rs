//! What was put into one engine comes out of the other as it was, and comes back so.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use schedules::rate::State;
use schedules::rate::gcra::Tat;
use schedules::{Clock, SystemClock};
use store::conformance::integration;
use store::migration::{Comparison, Spread, compare, tally};
use store::queue::{MAX_BATCH, Queue, Record, Transfer};

use crate::records::records;
use crate::world::{World, check, copy, everything, in_order};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn from_embedded_to_redis_and_back() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let config = Config { cases: 48, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let cases = (records(), 1_usize..40, proptest::sample::select(vec![1_usize, 1, 3]));
    let result = runner.run(&cases, |(records, limit, partitions)| {
        runtime.block_on(back_and_forth(&world, records, limit, partitions));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

async fn back_and_forth(world: &World, records: Vec<Record>, limit: usize, partitions: usize) {
    let (first, middle, last) = (world.embedded(), world.partitioned(partitions).await, world.embedded());
    assert_eq!(first.import(records.clone()).await.expect("import answers"), records.len() as u64);
    let wanted = in_order(records);
    assert_eq!(everything(&first, limit).await, wanted, "the embedded engine keeps what it is given");
    copy(&first, &middle).await;
    assert_eq!(everything(&middle, limit).await, wanted, "Redis keeps what it is given");
    check(&first).await;
    check(&middle).await;
    let copied = copy(&middle, &last).await;
    let spread = Spread::between(&middle, &last);
    let source = tally(&middle, spread, |_| {}).await.expect("a sum");
    let target = tally(&last, Spread::NONE, |_| {}).await.expect("a sum");
    let now = first.now().await.expect("the time");
    assert_eq!(compare(copied.lasting, &source, &target, now), Comparison::Same);
    if partitions == 1 {
        assert_eq!(everything(&last, limit).await, wanted, "everything came back");
    }
    check(&last).await;
    let survey = last.survey().await.expect("survey answers");
    assert_eq!(survey.records(), wanted.len() as u64);
    assert_eq!((survey.pulse, survey.running), (last.survey().await.expect("survey answers").pulse, 0));
}

#[tokio::test]
async fn putting_the_same_in_again_changes_nothing() {
    let world = World::new().await;
    let mut runner = TestRunner::deterministic();
    let records = records().new_tree(&mut runner).expect("records").current();
    let (embedded, redis) = (world.embedded(), world.partitioned(2).await);
    for (number, new) in [(0, records.len() as u64), (1, 0)] {
        assert_eq!(embedded.import(records.clone()).await.expect("import answers"), new, "{number}");
        assert_eq!(redis.import(records.clone()).await.expect("import answers"), new, "{number}");
    }
    assert_eq!(everything(&embedded, MAX_BATCH).await, everything(&redis, MAX_BATCH).await);
}

/// Without a test's clock, buckets in Redis end by themselves: at the time they would have ended in the source.
#[tokio::test]
async fn buckets_keep_their_end() {
    let world = World::new().await;
    let (one, two) =
        (world.redis_at(&world.server.url(), 1, false).await, world.redis_at(&world.server.url(), 1, false).await);
    let embedded = world.embedded();
    let now = SystemClock.now();
    world.clock.set(now);
    let bucket =
        |of, name: &str, state, until| Record::Bucket { integration: integration(of), name: name.into(), state, until };
    let tat = Tat { ms: now.after(100_000).0, part: 1 };
    let records = in_order(vec![
        bucket(1, "l0{}", State::LeakyBucket(Some(tat)), tat.empty_at()),
        bucket(1, "s0{\"a\":1}", State::SlidingWindow(vec![now.after(-5), now]), now.after(70_000)),
        bucket(2, "s0{\"a\":1}", State::SlidingWindow(vec![now.after(-5); 3_000]), now.after(90_000)),
    ]);
    let over = bucket(3, "s0{}", State::SlidingWindow(vec![now.after(-5_000)]), now.after(-1));
    one.import(records.iter().cloned().chain([over]).collect()).await.expect("import answers");
    assert_eq!(everything(&one, 10).await, records);
    copy(&one, &two).await;
    assert_eq!(everything(&two, 10).await, records);
    copy(&two, &embedded).await;
    assert_eq!(everything(&embedded, 10).await, records);
    world.clock.set(now.after(80_000));
    assert_eq!(embedded.survey().await.expect("survey answers").buckets, 2);
}

/// New jobs arrive after all that were moved.
#[tokio::test]
async fn later_jobs_arrive_later() {
    let world = World::new().await;
    let mut runner = TestRunner::deterministic();
    let mut records = records().new_tree(&mut runner).expect("records").current();
    for record in &mut records {
        if let Record::Job(stored) = record {
            stored.arrival += 1 << 33;
        }
    }
    let greatest = |records: &[Record]| {
        let arrivals = records.iter().filter_map(|record| match record {
            Record::Job(stored) => Some((stored.arrival, stored.job.id)),
            _ => None,
        });
        arrivals.max().expect("a job")
    };
    let (embedded, redis) = (world.embedded(), world.redis().await);
    embedded.import(records.clone()).await.expect("import answers");
    redis.import(records.clone()).await.expect("import answers");
    let new = store::conformance::job(1);
    embedded.enqueue(vec![new.clone()]).await.expect("enqueue answers");
    redis.enqueue(vec![new.clone()]).await.expect("enqueue answers");
    for all in [everything(&embedded, 100).await, everything(&redis, 100).await] {
        assert_eq!(greatest(&all).1, new.job.id);
    }
}

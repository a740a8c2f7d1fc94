//! A migration that stops half-way goes on where it was.

use std::sync::atomic::{AtomicUsize, Ordering};

use store::conformance::job;
use store::migration::{Comparison, Migration, Progress, Spread, Tally, compare, tally};
use store::queue::{Mark, Queue, Record, Survey, Transfer};
use store::servers::Proxy;
use store::{Error, Result};

use crate::world::{World, check, copy, everything};

/// A target that takes so many parts, then half of one, then no more.
struct Failing<T>(T, AtomicUsize);

impl<T: Transfer> Transfer for Failing<T> {
    async fn survey(&self) -> Result<Survey> {
        self.0.survey().await
    }

    async fn export(&self, after: Option<Mark>, limit: usize) -> Result<(Vec<Record>, Option<Mark>)> {
        self.0.export(after, limit).await
    }

    async fn import(&self, mut records: Vec<Record>) -> Result<u64> {
        let left = self.1.load(Ordering::SeqCst);
        if left == 0 {
            records.truncate(records.len() / 2);
            self.0.import(records).await?;
            return Err(Error::Unavailable("the cable was cut".into()));
        }
        self.1.store(left - 1, Ordering::SeqCst);
        self.0.import(records).await
    }

    fn counters(&self) -> u64 {
        self.0.counters()
    }

    fn needs_unique_arrivals(&self) -> bool {
        self.0.needs_unique_arrivals()
    }
}

async fn fill(queue: &impl Queue, jobs: u16) {
    let jobs: Vec<_> = (0..jobs).map(|number| job(number % 30)).collect();
    for some in jobs.chunks(500) {
        queue.enqueue(some.to_vec()).await.expect("enqueue answers");
    }
}

async fn sum(queue: &impl Transfer) -> Tally {
    tally(queue, Spread::NONE, |_| {}).await.expect("a sum")
}

async fn goes_on<T: Transfer + store::queue::Inspect>(source: &impl Transfer, target: T, parts: usize) {
    let target = Failing(target, AtomicUsize::new(parts));
    let mut migration = Migration::new(source, &target, Progress::default());
    while migration.advance().await.is_ok_and(|more| more) {}
    let progress = migration.progress().clone();
    assert!(!progress.is_done && progress.read > 0, "it failed half-way: {progress:?}");
    target.1.store(usize::MAX, Ordering::SeqCst);
    let mut migration = Migration::new(source, &target, progress);
    while migration.advance().await.expect("it goes on") {}
    let (here, there) = (sum(source).await, sum(&target.0).await);
    let now = store::conformance::START;
    assert_eq!(compare(migration.progress().lasting, &here, &there, now), Comparison::Same);
    check(&target.0).await;
}

#[tokio::test]
async fn after_a_part_that_half_arrived() {
    let world = World::new().await;
    let (embedded, redis) = (world.embedded(), world.partitioned(2).await);
    fill(&embedded, 4_500).await;
    fill(&redis, 4_500).await;
    goes_on(&embedded, world.redis().await, 2).await;
    goes_on(&embedded, world.partitioned(3).await, 3).await;
    goes_on(&redis, world.partitioned(2).await, 2).await;
}

/// Connections break in the midst of every call; each is made again until it is answered.
#[tokio::test]
async fn through_a_bad_network() {
    let world = World::new().await;
    let proxy = Proxy::start(world.server.port()).await;
    let source = world.embedded();
    fill(&source, 3_000).await;
    let target = world.redis_at(&proxy.url(), 1, true).await;
    let mut migration = Migration::new(&source, &target, Progress::default());
    loop {
        proxy.cut_after(7);
        if !migration.advance().await.expect("calls are made again") {
            break;
        }
    }
    assert_eq!(everything(&source, 500).await, everything(&target, 500).await);
}

/// What a target has lost is noticed, and a second copy adds it.
#[tokio::test]
async fn what_is_missing_is_added() {
    let world = World::new().await;
    let (source, target) = (world.embedded(), world.redis().await);
    fill(&source, 1_500).await;
    let copied = copy(&source, &target).await.lasting;
    let here = sum(&source).await;
    let now = target.now().await.expect("the time");
    target.cancel(store::conformance::integration(3), store::queue::Selector::All).await.expect("cancel answers");
    assert_eq!(compare(copied, &here, &sum(&target).await, now), Comparison::Missing(50));
    let again = copy(&source, &target).await.lasting;
    assert_eq!(compare(again, &here, &sum(&target).await, now), Comparison::Same);
    fill(&target, 7).await;
    assert_eq!(compare(again, &here, &sum(&target).await, now), Comparison::Surplus(7));
    let survey = source.survey().await.expect("survey answers");
    fill(&source, 1).await;
    assert!(!source.survey().await.expect("survey answers").stands_still_since(&survey));
    assert_eq!(compare(again, &sum(&source).await, &sum(&target).await, now), Comparison::SourceChanged);
}

/// A mark leads to the same place in a server that was started again.
#[tokio::test]
async fn over_a_restart_of_the_source() {
    let mut world = World::new().await;
    let options = store::servers::Options { appendfsync: Some(store::servers::Fsync::Always), ..Default::default() };
    world.server = store::servers::Server::start(options).await;
    let (source, target) = (world.partitioned(2).await, world.embedded());
    fill(&source, 2_500).await;
    let mut migration = Migration::new(&source, &target, Progress::default());
    while migration.progress().read < 1_000 {
        assert!(migration.advance().await.expect("a part can be copied"));
    }
    world.server.restart().await;
    while migration.advance().await.expect("it goes on") {}
    let here = tally(&source, Spread::between(&source, &target), |_| {}).await.expect("a sum");
    let now = store::conformance::START;
    assert_eq!(compare(migration.progress().lasting, &here, &sum(&target).await, now), Comparison::Same);
}

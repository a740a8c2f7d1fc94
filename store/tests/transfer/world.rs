//! Two engines on one clock, and everything that a queue holds.

use std::sync::Arc;

use schedules::ManualClock;
use store::conformance::START;
use store::embedded::{self, Embedded};
use store::migration::{Migration, Progress};
use store::queue::{Inspect, Record, Transfer};
use store::redis::{self, Redis};
use store::servers::{self, Server};
use tempfile::TempDir;

/// A server, a folder and a clock, for as many queues as a test wants.
pub struct World {
    pub clock: Arc<ManualClock>,
    pub server: Server,
    pub folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let server = Server::start(servers::Options::default()).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { clock: Arc::new(ManualClock::new(START)), server, folder }
    }

    /// A new queue in a file of its own.
    pub fn embedded(&self) -> Embedded {
        let file = self.folder.path().join(format!("{:032x}.db", rand::random::<u128>()));
        Embedded::open(&file, fast(), self.clock.clone()).expect("a queue")
    }

    /// A new queue in one partition.
    pub async fn redis(&self) -> Redis {
        self.partitioned(1).await
    }

    /// A new queue in so many partitions.
    pub async fn partitioned(&self, partitions: usize) -> Redis {
        self.redis_at(&self.server.url(), partitions, true).await
    }

    /// A new queue where the URL says.
    pub async fn redis_at(&self, url: &str, partitions: usize, with_clock: bool) -> Redis {
        let config = redis::Config::parse(url).expect("a URL");
        let prefix = format!("t{:032x}", rand::random::<u128>());
        let clock = with_clock.then(|| self.clock.clone() as _);
        let options = redis::Options { prefix, partitions, clock, ..redis::Options::default() };
        Redis::connect(config, options).await.expect("a queue")
    }
}

/// The tests look at what is written, not whether the disk has it.
fn fast() -> embedded::Options {
    embedded::Options { sync: embedded::Sync::Normal, ..embedded::Options::default() }
}

/// Everything a queue holds, read in parts of about this many, in an order of its own.
pub async fn everything(queue: &impl Transfer, limit: usize) -> Vec<Record> {
    let (mut all, mut mark) = (Vec::new(), None);
    loop {
        let (records, next) = queue.export(mark, limit).await.expect("export answers");
        all.extend(records);
        mark = next;
        if mark.is_none() {
            return in_order(all);
        }
    }
}

/// In an order that does not depend on where the records come from.
pub fn in_order(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by_cached_key(|record| format!("{record:?}"));
    // A bucket may be told twice.
    records.dedup();
    records
}

/// Copies everything.
pub async fn copy(source: &impl Transfer, target: &impl Transfer) -> Progress {
    let mut migration = Migration::new(source, target, Progress::default());
    while migration.advance().await.expect("a part can be copied") {}
    migration.progress().clone()
}

/// Fails if a queue contradicts itself.
pub async fn check(queue: &impl Inspect) {
    assert_eq!(queue.check().await.expect("check answers"), []);
}

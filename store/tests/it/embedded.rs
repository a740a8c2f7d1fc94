//! The embedded engine: the conformance suite, and what is its own: its file, its limits, its restart.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use schedules::ManualClock;
use serde_json::json;
use store::conformance::{
    CASES, Fresh, LEASE_MS, START, Sample, SampleLimit, at, at_once, cursor_of, integration, job, key, limit, limited,
    run_all,
};
use store::embedded::{Embedded, Options, Sync};
use store::queue::{
    Claim, Control, Cursor, Enqueued, Firing, Inspect, Next, Queue, Selector, Settled, Settlement, State,
};
use store::{Engine, Error, Result};
use tempfile::TempDir;

pub fn open(folder: &Path, clock: &Arc<ManualClock>, max_jobs: u64) -> Result<Embedded> {
    // Most tests do not cut the power; those that kill open the queue themselves.
    let options = Options { max_jobs, sync: Sync::Normal };
    Embedded::open(&folder.join("queue.db"), options, clock.clone())
}

pub async fn fresh() -> Fresh<Embedded> {
    let folder = TempDir::new().expect("a folder");
    let clock = Arc::new(ManualClock::new(START));
    let queue = open(folder.path(), &clock, 20_000).expect("a new queue opens");
    Fresh { queue, clock, keep: Box::new(folder) }
}

store::conformance!(conformance, crate::embedded::fresh);

#[tokio::test]
async fn the_engine_of_choice_passes_the_suite() {
    run_all(async || {
        let Fresh { queue, clock, keep } = fresh().await;
        Fresh { queue: Engine::from(queue), clock, keep }
    })
    .await;
}

#[test]
fn every_case_is_in_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
    let mut written = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the suite's folder") {
        let path = entry.expect("a file").path();
        let verb = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let text = std::fs::read_to_string(&path).expect("its text");
        let names = text.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split_once('<'));
        if verb != "cases" {
            written.extend(names.map(|(name, _)| (verb.clone(), name.to_owned())));
        }
    }
    let mut listed: Vec<_> = CASES.iter().map(|(verb, name)| (verb.to_string(), name.to_string())).collect();
    written.sort();
    listed.sort();
    assert_eq!(written, listed);
}

struct Place {
    folder: TempDir,
    clock: Arc<ManualClock>,
}

impl Place {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder"), clock: Arc::new(ManualClock::new(START)) }
    }

    fn open(&self) -> Result<Embedded> {
        open(self.folder.path(), &self.clock, 100)
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("queue.db")
    }
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let place = Place::new();
    let queue = place.open().expect("it opens");
    let keyed = job(1).key(json!({"k": 1})).due(5).idempotent("i", 1, 1_000);
    queue.enqueue(vec![keyed.clone(), job(2)]).await.expect("enqueue answers");
    let control_before = Control { paused: true, lane_backlog: Some(9), limits: vec![limit(5)], ..at_once(3) };
    queue.control(integration(2), control_before.clone()).await.expect("control answers");
    let firing = Firing::new(integration(1), None, at(9));
    queue.fire(firing).await.expect("fire answers");
    let before = (queue.get(keyed.job.id).await.expect("get answers"), queue.counts().await.expect("counts answers"));
    drop(queue);
    let queue = place.open().expect("it opens again at once");
    let after = (queue.get(keyed.job.id).await.expect("get answers"), queue.counts().await.expect("counts answers"));
    assert_eq!(before, after);
    assert_eq!(cursor_of(&queue, integration(1)).await, Some(Cursor::at(at(9))));
    let control = queue.control_of(integration(2)).await.expect("control_of answers");
    assert_eq!(control, control_before);
    let again = queue.enqueue(vec![job(1).idempotent("i", 1, 1_000)]).await.expect("enqueue answers");
    assert_eq!(again, [Enqueued::Repeated { first: keyed.job.id, due: at(5), replaced: false }]);
    place.clock.set(at(5));
    let claimed = queue.claim(Claim { limit: 10, lease_ms: 1 }).await.expect("claim answers");
    assert_eq!(claimed.jobs.len(), 1, "the pause holds, the other is due");
}

#[tokio::test]
async fn a_restart_ends_the_leases() {
    let place = Place::new();
    let queue = place.open().expect("it opens");
    queue.enqueue(vec![job(1)]).await.expect("enqueue answers");
    let claimed = queue.claim(Claim { limit: 1, lease_ms: u32::MAX }).await.expect("claim answers").jobs.remove(0);
    assert_eq!(queue.rescue(10, LEASE_MS).await.expect("rescue answers"), []);
    drop(queue);
    let queue = place.open().expect("it opens again");
    let rescued = queue.rescue(10, LEASE_MS).await.expect("rescue answers").remove(0);
    assert_eq!((rescued.job.id, rescued.attempt, rescued.lost), (claimed.job.id, 1, 1));
    let late = vec![Settlement { lease: claimed.lease, next: Next::Remove }];
    assert_eq!(queue.settle(late).await.expect("settle answers"), [Settled::Stale]);
}

#[tokio::test]
async fn concurrency_holds_over_a_restart() {
    let place = Place::new();
    let queue = place.open().expect("it opens");
    queue.control(integration(1), at_once(1)).await.expect("control answers");
    queue.enqueue(vec![job(1), job(1)]).await.expect("enqueue answers");
    queue.claim(Claim { limit: 10, lease_ms: 1 }).await.expect("claim answers");
    drop(queue);
    let queue = place.open().expect("it opens again");
    assert!(queue.claim(Claim { limit: 10, lease_ms: 1 }).await.expect("claim answers").jobs.is_empty());
    let lease = queue.rescue(10, LEASE_MS).await.expect("rescue answers").remove(0).lease;
    queue.settle(vec![Settlement { lease, next: Next::Remove }]).await.expect("settle answers");
    assert_eq!(queue.claim(Claim { limit: 10, lease_ms: 1 }).await.expect("claim answers").jobs.len(), 1);
}

#[tokio::test]
async fn a_full_queue_applies_nothing_and_recovers() {
    let place = Place::new();
    let queue = place.open().expect("it opens");
    queue.enqueue((0..99).map(|_| job(1)).collect()).await.expect("they fit");
    let two = vec![job(1).key(json!({"k": 1})), job(1)];
    let answer = queue.enqueue(two.clone()).await;
    assert!(matches!(answer, Err(Error::Full { limit: 100, .. })), "{answer:?}");
    assert_eq!(queue.get(two[0].job.id).await.expect("get answers"), None, "nothing of the call was applied");
    queue.enqueue(two[..1].to_vec()).await.expect("one fits");
    let replacement = job(1).key(json!({"k": 1}));
    queue.enqueue(vec![replacement]).await.expect("a replacement needs no place");
    let ticks = vec![job(1)];
    let firing = Firing { ticks, ..Firing::new(integration(1), None, at(9)) };
    let answer = queue.fire(firing).await;
    assert!(matches!(answer, Err(Error::Full { .. })), "{answer:?}");
    assert_eq!(cursor_of(&queue, integration(1)).await, None, "the tick can be fired later");
    drop(queue);
    let queue = place.open().expect("it opens again");
    assert!(queue.enqueue(vec![job(1)]).await.is_err(), "it is still full");
    let by_key = Selector::Key(key(json!({"k": 1})));
    queue.cancel(integration(1), by_key).await.expect("cancel answers");
    queue.enqueue(vec![job(1)]).await.expect("there is room again");
}

#[tokio::test]
async fn a_queue_is_opened_once() {
    let place = Place::new();
    let queue = place.open().expect("it opens");
    let clone = queue.clone();
    drop(queue);
    let Err(error) = place.open() else { panic!("it is open already") };
    assert!(matches!(error, Error::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("queue.db is in use"), "{error}");
    drop(clone);
    place.open().expect("the last handle has closed it");
}

#[tokio::test]
async fn handles_share_the_queue() {
    let place = Place::new();
    let queue = place.open().expect("it opens");
    let new = job(1);
    queue.clone().enqueue(vec![new.clone()]).await.expect("enqueue answers");
    let view = queue.get(new.job.id).await.expect("get answers").expect("it is there");
    assert_eq!(view.state, State::Pending);
}

fn refused(place: &Place, part: &str) {
    match place.open() {
        Err(Error::Corrupt(why)) => {
            assert!(why.contains(part) && why.contains("queue.db"), "{why}");
        }
        other => panic!("a file that is no queue opened: {other:?}"),
    }
}

#[test]
fn another_kind_of_file_is_refused() {
    let place = Place::new();
    std::fs::write(place.file(), "a shopping list, long enough to have had a header".repeat(100))
        .expect("it is written");
    refused(&place, "not a database");
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let place = Place::new();
    Connection::open(place.file()).and_then(|it| it.execute_batch("CREATE TABLE jobs (a)")).expect("it is made");
    let before = std::fs::read(place.file()).expect("its bytes");
    refused(&place, "another program");
    assert_eq!(std::fs::read(place.file()).expect("its bytes"), before);
}

#[test]
fn a_later_versions_file_is_refused() {
    let place = Place::new();
    drop(place.open().expect("it opens"));
    Connection::open(place.file()).and_then(|it| it.pragma_update(None, "user_version", 99)).expect("it is changed");
    refused(&place, "format 99");
}

#[tokio::test]
async fn a_job_in_a_later_format_is_named() {
    let place = Place::new();
    let queue = place.open().expect("it opens");
    let new = job(1);
    queue.enqueue(vec![new.clone()]).await.expect("enqueue answers");
    drop(queue);
    let file = Connection::open(place.file()).expect("it opens");
    file.execute("UPDATE jobs SET body = x'63'", ()).expect("it is changed");
    drop(file);
    let queue = place.open().expect("it opens again");
    let answer = queue.get(new.job.id).await;
    let Err(Error::Corrupt(why)) = answer else { panic!("{answer:?}") };
    assert!(why.contains(&new.job.id.to_string()) && why.contains("its format is 99"), "{why}");
    let answer = queue.claim(Claim { limit: 1, lease_ms: 1 }).await;
    assert!(matches!(answer, Err(Error::Corrupt(_))), "{answer:?}");
    queue.enqueue(vec![job(2)]).await.expect("others go on");
}

#[tokio::test]
async fn a_claim_puts_a_bounded_number_in_line() {
    let place = Place::new();
    let queue = open(place.folder.path(), &place.clock, 20_000).expect("it opens");
    queue.control(integration(1), limited([limit(1).delaying()])).await.expect("control answers");
    for _ in 0..2 {
        queue.enqueue((0..500).map(|_| job(1)).collect()).await.expect("enqueue answers");
    }
    let claim = Claim { limit: 1_000, lease_ms: LEASE_MS };
    for round in 0..4 {
        let claimed = queue.claim(claim).await.expect("claim answers");
        assert_eq!(claimed.jobs.len(), usize::from(round == 0));
        let is_done = claimed.next_due.is_none_or(|due| due > START);
        assert_eq!(is_done, round == 3, "256 at a time");
    }
}

#[test]
fn a_missing_folder_is_named() {
    let place = Place::new();
    let clock = place.clock.clone();
    let answer = Embedded::open(&place.folder.path().join("nowhere/queue.db"), Options::default(), clock);
    let Err(Error::Unavailable(why)) = answer else { panic!("{answer:?}") };
    assert!(why.contains("nowhere"), "{why}");
}

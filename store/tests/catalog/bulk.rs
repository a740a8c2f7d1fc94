//! Bulk actions: written whole, worked off by one process at a time, and forgotten.

use schedules::Millis;
use store::catalog::{Bulk, BulkAction, BulkItemState, BulkState, Catalog, Judged, MAX_BULK_JOBS, MAX_BULKS, NewBulk};
use store::{BulkId, Error, IntegrationId, JobId};

use crate::world::World;

fn new(jobs: usize) -> NewBulk {
    NewBulk {
        id: BulkId::new(Millis(1_000)),
        workspace: "w".into(),
        integration: IntegrationId::new(Millis(1)),
        action: BulkAction::Cancel,
        request: "{}".into(),
        created: Millis(1_000),
        jobs: (0..jobs).map(|_| JobId::new(Millis(5))).collect(),
    }
}

async fn started(catalog: &Catalog, jobs: usize) -> NewBulk {
    let new = new(jobs);
    catalog.start_bulk(&new).await.unwrap();
    new
}

async fn look(catalog: &Catalog, id: BulkId) -> Bulk {
    catalog.bulk("w", id).await.unwrap().expect("it is there")
}

fn judged(number: u64, state: BulkItemState, reason: Option<&'static str>) -> Judged {
    Judged { number, state, reason }
}

#[tokio::test]
async fn an_action_has_all_its_jobs_in_their_order() {
    let World { catalog, folder: _folder } = World::new().await;
    let new = started(&catalog, 777).await;
    let bulk = look(&catalog, new.id).await;
    assert_eq!((bulk.total, bulk.done, bulk.state, bulk.finished), (777, 0, BulkState::Running, None));
    let items = catalog.next_bulk_items(new.id, [BulkItemState::Waiting; 2], 1_000).await.unwrap();
    let jobs: Vec<JobId> = items.iter().map(|item| item.job).collect();
    assert_eq!(jobs, new.jobs);
    assert!(items.iter().enumerate().all(|(place, item)| item.number == place as u64 && item.kept.is_none()));
    assert_eq!(catalog.bulk("other", new.id).await.unwrap(), None);
    assert_eq!(catalog.bulks("w", 10).await.unwrap(), [bulk]);
}

#[tokio::test]
async fn what_became_of_a_job_counts_once() {
    let World { catalog, folder: _folder } = World::new().await;
    let new = started(&catalog, 3).await;
    let first = [judged(0, BulkItemState::Done, None), judged(1, BulkItemState::Skipped, Some("gone"))];
    for _ in 0..2 {
        catalog.judge_bulk_items(new.id, &first).await.unwrap();
    }
    let bulk = look(&catalog, new.id).await;
    assert_eq!((bulk.done, bulk.skipped), (1, 1));
    assert_eq!(catalog.bulk_reasons(new.id).await.unwrap(), [("gone".to_owned(), 1)]);
    let refused = catalog.refused_bulk_items(new.id, 10).await.unwrap();
    assert_eq!((refused.len(), refused[0].job), (1, new.jobs[1]));
    let left = catalog.next_bulk_items(new.id, [BulkItemState::Waiting, BulkItemState::Kept], 10).await.unwrap();
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn one_process_at_a_time_works_on_it() {
    let World { catalog, folder: _folder } = World::new().await;
    let id = started(&catalog, 1).await.id;
    let take = async |now: i64, until: i64| {
        catalog.take_bulk(id, BulkState::Running, Millis(now), Millis(until)).await.unwrap()
    };
    assert!(take(10, 20).await);
    assert!(!take(19, 30).await);
    assert_eq!(catalog.open_bulks(Millis(19)).await.unwrap(), []);
    assert_eq!(catalog.open_bulks(Millis(20)).await.unwrap().len(), 1);
    assert!(take(20, 40).await, "its time is over");
    catalog.release_bulk(id, Millis(20)).await.unwrap();
    assert!(!take(30, 50).await, "only its holder leaves it");
    catalog.release_bulk(id, Millis(40)).await.unwrap();
    assert!(take(30, 50).await);
    assert!(!catalog.take_bulk(id, BulkState::Undoing, Millis(60), Millis(70)).await.unwrap());
}

#[tokio::test]
async fn a_stop_and_an_undo_need_the_right_state() {
    let World { catalog, folder: _folder } = World::new().await;
    let id = started(&catalog, 1).await.id;
    assert!(!catalog.undo_bulk("w", id, Millis(0)).await.unwrap(), "it is running");
    assert!(!catalog.stop_bulk("other", id, Millis(50)).await.unwrap());
    assert!(catalog.stop_bulk("w", id, Millis(50)).await.unwrap());
    assert!(!catalog.stop_bulk("w", id, Millis(60)).await.unwrap());
    assert_eq!(look(&catalog, id).await.finished, Some(Millis(50)));
    assert!(!catalog.undo_bulk("w", id, Millis(51)).await.unwrap(), "it is too late");
    assert!(catalog.undo_bulk("w", id, Millis(50)).await.unwrap());
    catalog.finish_bulk(id, BulkState::Undoing, BulkState::Undone, Millis(70)).await.unwrap();
    assert_eq!(look(&catalog, id).await.state, BulkState::Undone);
}

#[tokio::test]
async fn there_are_bounds() {
    let World { catalog, folder: _folder } = World::new().await;
    let too_large = catalog.start_bulk(&new(MAX_BULK_JOBS + 1)).await;
    assert!(matches!(too_large, Err(Error::Full { limit: 100_000, .. })), "{too_large:?}");
    for _ in 0..MAX_BULKS {
        started(&catalog, 0).await;
    }
    let one_more = catalog.start_bulk(&new(0)).await;
    assert!(matches!(one_more, Err(Error::Full { limit: MAX_BULKS, .. })), "{one_more:?}");
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten() {
    let World { catalog, folder: _folder } = World::new().await;
    let (ended, running) = (started(&catalog, 2).await.id, started(&catalog, 2).await.id);
    catalog.finish_bulk(ended, BulkState::Running, BulkState::Finished, Millis(100)).await.unwrap();
    catalog.prune_bulks(Millis(100), Millis(100)).await.unwrap();
    assert!(catalog.bulk("w", ended).await.unwrap().is_some());
    catalog.prune_bulks(Millis(101), Millis(101)).await.unwrap();
    assert!(catalog.bulk("w", ended).await.unwrap().is_none());
    let items = catalog.next_bulk_items(ended, [BulkItemState::Waiting; 2], 10).await.unwrap();
    assert_eq!(items, []);
    assert_eq!(look(&catalog, running).await.total, 2);
}

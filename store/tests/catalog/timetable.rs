//! Schedules, their revisions, the ledger of ticks, backfills.

use schedules::Millis;
use store::catalog::{Backfill, BackfillState, Pause, PutSchedule, ScheduleFilter};
use store::queue::{Cause, MAX_BATCH, PageRequest, ScheduleRef, TickRecord, Verdict};
use store::{Error, IntegrationId, JobId, ScheduleId};
use ulid::Ulid;

use crate::world::World;

fn id(number: u128) -> ScheduleId {
    ScheduleId(Ulid::from_parts(1, number))
}

fn put(integration: IntegrationId, number: u128, spec: &str) -> PutSchedule {
    PutSchedule {
        id: ScheduleRef { integration, schedule: id(number) },
        name: format!("s{number:04}"),
        note: "for tests".into(),
        key: Some("{\"a\":1}".into()),
        spec: spec.into(),
        payload: Some("{\"b\":2}".into()),
    }
}

fn first(first: usize) -> PageRequest<String> {
    PageRequest { first, after: None, before: None }
}

#[tokio::test]
async fn the_same_again_changes_nothing_and_another_spec_is_a_revision() {
    let world = World::new().await;
    let of = world.integration("a").await.id;
    let (made, is_new) = world.catalog.put_schedule(&put(of, 1, "one"), Millis(10)).await.unwrap();
    assert!(is_new);
    assert_eq!((made.revision, made.since, made.created, made.failures), (1, Millis(10), Millis(10), 0));
    let again = world.catalog.put_schedule(&put(of, 1, "one"), Millis(20)).await.unwrap();
    assert_eq!(again, (made.clone(), false));
    let noted = PutSchedule { note: "other".into(), ..put(of, 1, "one") };
    let (noted, _) = world.catalog.put_schedule(&noted, Millis(30)).await.unwrap();
    assert_eq!((noted.revision, noted.since, noted.updated), (1, Millis(10), Millis(30)));
    assert!(noted.changed > made.changed);
    let renumbered = PutSchedule { id: ScheduleRef { integration: of, schedule: id(9) }, ..put(of, 1, "two") };
    let (edited, _) = world.catalog.put_schedule(&renumbered, Millis(40)).await.unwrap();
    assert_eq!((edited.id, edited.revision, edited.since), (made.id, 2, Millis(40)));
    let revisions = world.catalog.revisions(made.id.schedule).await.unwrap();
    let found: Vec<_> = revisions.iter().map(|it| (it.revision, it.since, it.spec.as_str())).collect();
    assert_eq!(found, [(1, Millis(10), "one"), (2, Millis(40), "two")]);
    let unknown = world.catalog.put_schedule(&put(IntegrationId::new(Millis(5)), 2, "one"), Millis(1)).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");
}

#[tokio::test]
async fn changes_are_read_in_their_order_and_none_twice() {
    let world = World::new().await;
    let of = world.integration("a").await.id;
    let many = MAX_BATCH as u128 + 200;
    for number in 0..many {
        world.catalog.put_schedule(&put(of, number, "one"), Millis(10)).await.unwrap();
    }
    let read = async |mut place: (u64, Option<ScheduleId>)| {
        let mut all = Vec::new();
        loop {
            let changed = world.catalog.changed_schedules(place).await.unwrap();
            let Some(last) = changed.last() else { return (all, place) };
            place = (last.changed, Some(last.id.schedule));
            all.extend(changed.into_iter().map(|it| it.id.schedule));
        }
    };
    let (all, place) = read((0, None)).await;
    assert_eq!(all, (0..many).map(id).collect::<Vec<_>>());
    assert_eq!(read(place).await.0, []);
    world.catalog.resume_schedules_of(of, Millis(20)).await.unwrap();
    let (again, place) = read(place).await;
    assert_eq!(again.len(), all.len(), "one change of all of them, in several parts");
    world.catalog.delete_schedule(id(3), Millis(30)).await.unwrap();
    let (gone, _) = read(place).await;
    assert_eq!(gone, [id(3)]);
    assert!(world.catalog.schedule(of, "s0003").await.unwrap().is_none());
}

#[tokio::test]
async fn pauses_and_failures_narrow_the_list() {
    let world = World::new().await;
    let of = world.integration("a").await.id;
    for number in 0..5 {
        world.catalog.put_schedule(&put(of, number, "one"), Millis(10)).await.unwrap();
    }
    let pause = Pause { note: "why".into(), at: Millis(20) };
    let paused = world.catalog.pause_schedule(id(1), &pause, "me").await.unwrap();
    assert_eq!(paused.pause, Some((pause, "me".to_owned())));
    world.catalog.count_ends(&[(id(2), false), (id(2), false), (id(3), true)]).await.unwrap();
    let names = async |filter| {
        let page = world.catalog.list_schedules(of, filter, first(10)).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64);
        page.items.into_iter().map(|it| it.name).collect::<Vec<_>>()
    };
    assert_eq!(names(ScheduleFilter::All).await.len(), 5);
    assert_eq!(names(ScheduleFilter::Paused).await, ["s0001"]);
    assert_eq!(names(ScheduleFilter::Failing).await, ["s0002"]);
    assert_eq!(world.catalog.schedule_by_id(id(2)).await.unwrap().unwrap().failures, 2);
    world.catalog.count_ends(&[(id(2), true)]).await.unwrap();
    assert_eq!(names(ScheduleFilter::Failing).await, [] as [&str; 0]);
    let resumed = world.catalog.resume_schedule(id(1), Millis(30)).await.unwrap();
    assert_eq!((resumed.pause, resumed.resumed), (None, Some(Millis(30))));
    let not_paused = world.catalog.resume_schedule(id(2), Millis(40)).await.unwrap();
    assert_eq!(not_paused.resumed, None, "there was no pause to end");
}

fn record(schedule: u128, tick: i64, verdict: Verdict, job: Option<u128>) -> TickRecord {
    TickRecord {
        schedule: ScheduleRef { integration: IntegrationId(Ulid::from_parts(9, 9)), schedule: id(schedule) },
        first: Millis(tick),
        last: Millis(tick + 5),
        count: Some(2),
        verdict,
        job: job.map(|number| JobId(Ulid::from_parts(1, number))),
        cause: job.map(|_| Cause::Catchup),
        effective: job.map(|_| Millis(tick + 1)),
        revision: 3,
        recorded: Millis(tick + 100),
    }
}

#[tokio::test]
async fn the_ledger_keeps_the_first_of_each_name_in_the_order_of_ticks() {
    let world = World::new().await;
    let all: Vec<TickRecord> = Verdict::ALL
        .iter()
        .enumerate()
        .map(|(place, (verdict, ..))| {
            let job = (*verdict == Verdict::Fired).then_some(7);
            record(1, 10 * place as i64, *verdict, job)
        })
        .collect();
    world.catalog.record_ticks(&all).await.unwrap();
    let later = TickRecord { recorded: Millis(9_999), ..all[2] };
    world.catalog.record_ticks(&[later, record(2, 5, Verdict::Cap, None)]).await.unwrap();
    let everything = world.catalog.ticks_between(id(1), (Millis(-1), None), Millis(1_000)).await.unwrap();
    assert_eq!(everything, all);
    let some = world.catalog.ticks_between(id(1), (Millis(20), None), Millis(40)).await.unwrap();
    assert_eq!(some, all[3..=4]);
    assert_eq!(world.catalog.tick_range_over(id(1), Millis(23)).await.unwrap(), Some(all[2]));
    assert_eq!(world.catalog.tick_range_over(id(1), Millis(28)).await.unwrap(), None);
    let page = PageRequest { first: 3, after: None, before: None };
    let newest = world.catalog.list_ticks(id(1), page).await.unwrap();
    assert_eq!((newest.items[0], newest.total, newest.has_next), (all[7], 8, true));
    let after = Some((newest.items[2].first, String::new()));
    let next = world.catalog.list_ticks(id(1), PageRequest { first: 3, after, before: None }).await.unwrap();
    assert_eq!((next.items[0], next.has_previous), (all[4], true));
    assert_eq!(world.catalog.prune_ticks(Millis(120), 1_000, 10).await.unwrap(), 3, "two of one, one of the other");
    assert_eq!(world.catalog.prune_ticks(Millis(0), 2, 10).await.unwrap(), 4, "but for the newest two");
}

#[tokio::test]
async fn a_backfill_goes_on_until_it_ends() {
    let world = World::new().await;
    let of = world.integration("a").await.id;
    world.catalog.put_schedule(&put(of, 1, "one"), Millis(10)).await.unwrap();
    let new = Backfill {
        id: ScheduleRef { integration: of, schedule: id(77) },
        of: id(1),
        from: Millis(1),
        to: Millis(9),
        overlap: "queue".into(),
        total: 8,
        fired: 0,
        state: BackfillState::Running,
        created: Millis(20),
        ended: None,
    };
    world.catalog.add_backfill(&new).await.unwrap();
    assert_eq!(world.catalog.running_backfills(10).await.unwrap(), std::slice::from_ref(&new));
    world.catalog.note_backfill(id(77), 3).await.unwrap();
    let ended = world.catalog.end_backfill(id(77), BackfillState::Done, Millis(30)).await.unwrap().unwrap();
    assert_eq!((ended.fired, ended.state, ended.ended), (3, BackfillState::Done, Some(Millis(30))));
    assert_eq!(world.catalog.end_backfill(id(77), BackfillState::Stopped, Millis(40)).await.unwrap(), None);
    assert_eq!(world.catalog.running_backfills(10).await.unwrap(), []);
    assert_eq!(world.catalog.backfills(id(1)).await.unwrap(), [ended]);
}

#[tokio::test]
async fn what_is_deleted_goes_for_good_after_a_while() {
    let world = World::new().await;
    let of = world.integration("a").await.id;
    for number in 0..3 {
        world.catalog.put_schedule(&put(of, number, "one"), Millis(10)).await.unwrap();
    }
    assert!(world.catalog.delete_schedule(id(1), Millis(50)).await.unwrap());
    assert!(!world.catalog.delete_schedule(id(1), Millis(60)).await.unwrap());
    assert_eq!(world.catalog.long_deleted_schedules(Millis(50)).await.unwrap(), []);
    let gone = world.catalog.long_deleted_schedules(Millis(51)).await.unwrap();
    assert_eq!(gone.len(), 1);
    world.catalog.forget_schedules(&gone).await.unwrap();
    assert!(world.catalog.schedule_by_id(id(1)).await.unwrap().is_none());
    assert_eq!(world.catalog.revisions(id(1)).await.unwrap(), []);
    world.catalog.delete_integration(of).await.unwrap();
    assert!(world.catalog.schedule_by_id(id(0)).await.unwrap().is_none(), "an integration takes its schedules along");
}

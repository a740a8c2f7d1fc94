//! The event log: each id once in a day, in the order of arrival, within its bounds; and replays of it.

use schedules::Millis;
use store::catalog::{
    Catalog, EventFilter, EventReplay, EventRetention, EventTypes, EventVia, LoggedEvent, MAX_REPLAYS, ReplayState,
    ReplayStep,
};
use store::queue::PageRequest;
use store::{Error, EventPlace, IntegrationId, ReplayId};
use ulid::Ulid;

use crate::world::World;

const DAY_MS: i64 = 86_400_000;

fn event(id: &str, kind: &str, received: i64) -> LoggedEvent {
    LoggedEvent {
        place: EventPlace(Ulid::from_parts(received.unsigned_abs(), id.bytes().map(u128::from).sum())),
        workspace: "w".into(),
        event: id.into(),
        kind: kind.into(),
        source: (kind == "shop.order").then(|| "shop".into()),
        occurred: Millis(received - 5),
        received: Millis(received),
        via: EventVia::Http,
        matched: u64::from(kind == "shop.order"),
        body: format!("{{\"id\":{id:?}}}"),
        verdict: "{}".into(),
    }
}

async fn log(catalog: &Catalog, events: &[LoggedEvent]) -> Vec<bool> {
    let since = events.iter().map(|event| event.received).max().unwrap().after(-DAY_MS);
    catalog.log_events(events, since).await.unwrap()
}

async fn ids(catalog: &Catalog, filter: EventFilter) -> (Vec<String>, u64) {
    let page = PageRequest { first: 100, after: None, before: None };
    let page = catalog.list_events("w", filter, page).await.unwrap();
    (page.items.into_iter().map(|event| event.event).collect(), page.total)
}

async fn totals(catalog: &Catalog) -> (u64, u64) {
    catalog.event_totals("w").await.unwrap()
}

#[tokio::test]
async fn an_id_is_written_once_in_a_day() {
    let World { catalog, folder: _folder } = World::new().await;
    let first = event("a", "shop.order", 1_000_000);
    assert_eq!(
        log(&catalog, &[first.clone(), event("b", "ecUser", 1_000_000), first.clone()]).await,
        [true, true, false]
    );
    assert_eq!(log(&catalog, &[event("a", "other", 2_000_000)]).await, [false]);
    assert_eq!(catalog.event("w", "a").await.unwrap(), Some(first.clone()));
    assert_eq!(catalog.event("other", "a").await.unwrap(), None);
    let next_day = event("a", "other", 1_000_000 + DAY_MS);
    assert_eq!(log(&catalog, std::slice::from_ref(&next_day)).await, [true]);
    assert_eq!(catalog.event("w", "a").await.unwrap(), Some(next_day.clone()));
    let known = catalog.known_events("w", &["a", "b", "c"], Millis(1_000_001)).await.unwrap();
    assert_eq!(known, [LoggedEvent { body: String::new(), ..next_day.clone() }]);
    let bytes = first.bytes() + event("b", "ecUser", 1_000_000).bytes() + next_day.bytes();
    assert_eq!(totals(&catalog).await, (3, bytes));
}

#[tokio::test]
async fn the_log_is_listed_by_type_source_time_and_match() {
    let World { catalog, folder: _folder } = World::new().await;
    let kinds = [("a", "shop.order"), ("b", "shop.view"), ("c", "shopping"), ("d", "ecUser")];
    let events: Vec<LoggedEvent> = (1..).zip(kinds).map(|(n, (id, kind))| event(id, kind, n * 1_000)).collect();
    log(&catalog, &events).await;
    let all = EventFilter::default();
    let check = async |filter: EventFilter, expected: &[&str]| {
        let (found, total) = ids(&catalog, filter.clone()).await;
        assert_eq!(
            (found.as_slice(), total),
            (expected.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>().as_slice(), expected.len() as u64),
            "{filter:?}"
        );
    };
    check(all.clone(), &["d", "c", "b", "a"]).await;
    check(EventFilter { types: Some(EventTypes::Exact("ecUser".into())), ..all.clone() }, &["d"]).await;
    check(EventFilter { types: Some(EventTypes::Below("shop.".into())), ..all.clone() }, &["b", "a"]).await;
    check(EventFilter { source: Some("shop".into()), ..all.clone() }, &["a"]).await;
    check(EventFilter { matched: Some(true), ..all.clone() }, &["a"]).await;
    check(EventFilter { matched: Some(false), ..all.clone() }, &["d", "c", "b"]).await;
    let some = EventFilter { from: Some(Millis(2_000)), to: Some(Millis(4_000)), ..all.clone() };
    check(some.clone(), &["c", "b"]).await;
    let stretch = (events[0].place, events[2].place);
    let next = catalog.next_events("w", &all, stretch, 10).await.unwrap();
    assert_eq!(next, events[1..3]);
    assert_eq!(catalog.next_events("w", &all, stretch, 1).await.unwrap(), events[1..2]);
    assert_eq!(catalog.count_events("w", &all, stretch).await.unwrap(), 2);
    assert_eq!(catalog.count_events("w", &some, (EventPlace(Ulid::nil()), events[3].place)).await.unwrap(), 2);
    let page = PageRequest { first: 2, after: Some(events[3].place), before: None };
    let page = catalog.list_events("w", all, page).await.unwrap();
    assert_eq!((page.items.len(), page.has_next, page.has_previous), (2, true, true));
}

#[tokio::test]
async fn the_oldest_go_by_age_and_by_bytes() {
    let World { catalog, folder: _folder } = World::new().await;
    let events: Vec<LoggedEvent> = (1..=10).map(|n| event(&format!("e{n:02}"), "a", n * 1_000)).collect();
    log(&catalog, &events).await;
    let prune = async |max_age_ms: u64, max_bytes: u64, limit: usize| {
        let retention = EventRetention { max_age_ms, max_bytes };
        catalog.prune_events(retention, Millis(10_000), limit).await.unwrap()
    };
    assert_eq!(prune(u64::MAX, u64::MAX, 100).await, 0);
    assert_eq!(prune(7_000, u64::MAX, 100).await, 2);
    assert_eq!(ids(&catalog, EventFilter::default()).await.1, 8);
    let five: u64 = events[5..].iter().map(LoggedEvent::bytes).sum();
    assert_eq!(prune(u64::MAX, five, 2).await, 2, "in steps");
    assert_eq!(prune(u64::MAX, five, 2).await, 1);
    assert_eq!(prune(u64::MAX, five, 2).await, 0);
    assert_eq!(totals(&catalog).await, (5, five));
    assert_eq!(prune(u64::MAX, 0, 100).await, 5);
    assert_eq!(totals(&catalog).await, (0, 0));
}

fn replay(n: u64) -> EventReplay {
    EventReplay {
        id: ReplayId(Ulid::from_parts(n, 0)),
        workspace: "w".into(),
        integration: IntegrationId::new(Millis(1)),
        request: "{}".into(),
        state: ReplayState::Running,
        created: Millis(5),
        finished: None,
        after: EventPlace(Ulid::nil()),
        until: EventPlace(Ulid::from_parts(9, 9)),
        due: Millis(5),
        total: 7,
        done: 0,
        skipped: 0,
    }
}

#[tokio::test]
async fn a_replay_is_worked_off_by_one_at_a_time_and_each_step_counts_once() {
    let World { catalog, folder: _folder } = World::new().await;
    let new = replay(1);
    catalog.start_replay(&new).await.unwrap();
    assert_eq!(catalog.replay("w", new.id).await.unwrap(), Some(new.clone()));
    assert_eq!(catalog.replay("other", new.id).await.unwrap(), None);
    assert!(catalog.take_replay(new.id, Millis(10), Millis(20)).await.unwrap());
    assert!(!catalog.take_replay(new.id, Millis(19), Millis(30)).await.unwrap());
    assert!(catalog.open_replays(Millis(19)).await.unwrap().is_empty());
    let step = ReplayStep { after: EventPlace(Ulid::from_parts(4, 0)), due: Millis(40), done: 3, skipped: 1 };
    for _ in 0..2 {
        catalog.advance_replay(new.id, new.after, step).await.unwrap();
    }
    catalog.release_replay(new.id, Millis(20)).await.unwrap();
    let [open] = catalog.open_replays(Millis(10)).await.unwrap().try_into().unwrap();
    assert_eq!((open.after, open.due, open.done, open.skipped), (step.after, Millis(40), 3, 1));
    assert!(catalog.end_replay("w", new.id, ReplayState::Finished, Millis(50)).await.unwrap());
    assert!(!catalog.end_replay("w", new.id, ReplayState::Stopped, Millis(60)).await.unwrap());
    let ended = catalog.replay("w", new.id).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.finished), (ReplayState::Finished, Some(Millis(50))));
    assert!(!catalog.take_replay(new.id, Millis(100), Millis(200)).await.unwrap());
    catalog.prune_replays(Millis(50)).await.unwrap();
    assert_eq!(catalog.replays("w", 10).await.unwrap().len(), 1);
    catalog.prune_replays(Millis(51)).await.unwrap();
    assert!(catalog.replays("w", 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn no_more_replays_than_a_few_are_under_way() {
    let World { catalog, folder: _folder } = World::new().await;
    for n in 0..MAX_REPLAYS {
        catalog.start_replay(&replay(n)).await.unwrap();
    }
    assert!(matches!(catalog.start_replay(&replay(99)).await, Err(Error::Full { .. })));
    catalog.end_replay("w", replay(0).id, ReplayState::Stopped, Millis(9)).await.unwrap();
    catalog.start_replay(&replay(99)).await.unwrap();
}

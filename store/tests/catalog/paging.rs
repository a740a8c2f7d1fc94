//! Pages: walked in both directions they show every item once and in order, as cutting up a `Vec` would.

use proptest::prelude::*;
use schedules::Millis;
use store::RunId;
use store::catalog::{Bump, NewIntegration, RunFilter};
use store::queue::{Page, PageRequest};

use super::world::{World, block_on, first, new_integration, new_release, run};

/// What a page of `list` must be.
fn expected<C: Ord + Clone>(list: &[C], request: &PageRequest<C>, descending: bool) -> (Vec<C>, bool, bool) {
    let is_after = |item: &C, cursor: &C| if descending { item < cursor } else { item > cursor };
    let start = request.after.as_ref().map_or(0, |after| list.iter().take_while(|item| !is_after(item, after)).count());
    let before = |item: &C, cursor: &C| item != cursor && !is_after(item, cursor);
    let end =
        request.before.as_ref().map_or(list.len(), |cut| list.iter().take_while(|item| before(item, cut)).count());
    let end = end.max(start);
    let size = request.first.clamp(1, 100).min(end - start);
    let (from, to) = if request.before.is_some() { (end - size, end) } else { (start, start + size) };
    (list[from..to].to_vec(), to < list.len(), from > 0)
}

fn check<T, C: Ord + Clone + std::fmt::Debug>(
    list: &[C],
    request: PageRequest<C>,
    descending: bool,
    found: &Page<T>,
    cursor: impl Fn(&T) -> C,
) {
    let (items, has_next, has_previous) = expected(list, &request, descending);
    let found_items: Vec<C> = found.items.iter().map(cursor).collect();
    assert_eq!(found_items, items, "{request:?} of {list:?}");
    let flags = (found.has_next, found.has_previous);
    assert_eq!(flags, (has_next, has_previous), "(has_next, has_previous) for {request:?} of {list:?}");
    assert_eq!(found.total, list.len() as u64);
}

/// Requests by place; places beyond the list are cursors of items that are not in it.
type Requests = Vec<(usize, Option<usize>, Option<usize>)>;

/// Requests with one cursor, none, or two that leave something in between.
fn requests() -> impl Strategy<Value = Requests> {
    let place = || prop::option::of(0..16_usize);
    let request = (0..9_usize, place(), place()).prop_map(|(first, one, two)| match (one, two) {
        (Some(after), Some(before)) if after + 1 >= before => (first, Some(after), None),
        places => (first, places.0, places.1),
    });
    prop::collection::vec(request, 25)
}

/// The requests with the cursors of a list's places; every second place is in the list, the others are gaps.
fn with_cursors<C: Clone>(requests: &Requests, places: &[C]) -> Vec<PageRequest<C>> {
    let at = |place: &Option<usize>| place.and_then(|place| places.get(place).cloned());
    let request = |(first, after, before): &(usize, Option<usize>, Option<usize>)| PageRequest {
        first: *first,
        after: at(after),
        before: at(before),
    };
    requests.iter().map(request).collect()
}

async fn check_integrations(size: usize, requests: Requests) {
    let world = World::new().await;
    let places: Vec<String> = (0..2 * size).map(|n| format!("name-{n:02}")).collect();
    let list: Vec<String> = places.iter().step_by(2).cloned().collect();
    for name in list.iter().rev() {
        world.integration(name).await;
        let elsewhere = NewIntegration { workspace: "other".to_owned(), ..new_integration(name) };
        world.catalog.create(elsewhere).await.unwrap();
    }
    for request in with_cursors(&requests, &places) {
        let page = world.catalog.list_integrations("w", request.clone()).await.unwrap();
        check(&list, request, false, &page, |item| item.name.clone());
    }
}

async fn check_releases(size: usize, requests: Requests) {
    let world = World::new().await;
    let (id, other) = (world.integration("a").await.id, world.integration("b").await.id);
    let mut list = Vec::new();
    for n in 0..size {
        let bump = if n % 3 == 0 { Bump::Major } else { Bump::Minor };
        list.insert(0, world.catalog.release(new_release(id, ""), bump).await.unwrap().number);
        world.catalog.release(new_release(other, ""), Bump::Minor).await.unwrap();
    }
    for request in with_cursors(&requests, &list) {
        let page = world.catalog.list_releases(id, request).await.unwrap();
        check(&list, request, true, &page, |item| item.number);
    }
}

async fn check_runs(size: usize, requests: Requests) {
    let world = World::new().await;
    let mut places: Vec<RunId> = (0..2 * size).map(|n| RunId::new(Millis(i64::try_from(n / 4).unwrap()))).collect();
    places.sort_by_key(|id| std::cmp::Reverse(*id));
    let list: Vec<RunId> = places.iter().step_by(2).copied().collect();
    let runs = list.iter().map(|id| store::catalog::RunRecord { id: *id, ..run(5, 0) }).collect();
    world.catalog.record(runs).await.unwrap();
    for request in with_cursors(&requests, &places) {
        let page = world.catalog.list_runs("w", RunFilter::default(), request).await.unwrap();
        check(&list, request, true, &page, |item| item.id);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn integrations_by_name(size in 0..9_usize, requests in requests()) {
        block_on(check_integrations(size, requests));
    }

    #[test]
    fn releases_newest_first(size in 0..9_usize, requests in requests()) {
        block_on(check_releases(size, requests));
    }

    #[test]
    fn runs_newest_first(size in 0..9_usize, requests in requests()) {
        block_on(check_runs(size, requests));
    }
}

#[tokio::test]
async fn walking_there_and_back_passes_every_item_once() {
    let world = World::new().await;
    world.catalog.record((0..23).map(|n| run(n, 0)).collect()).await.unwrap();
    let (mut there, mut request) = (Vec::new(), first(5));
    loop {
        let page = world.catalog.list_runs("w", RunFilter::default(), request).await.unwrap();
        there.extend(page.items.iter().map(|run| run.id));
        if !page.has_next {
            break;
        }
        request = PageRequest { after: there.last().copied(), ..first(5) };
    }
    assert_eq!(there.len(), 23);
    let mut back = vec![*there.last().unwrap()];
    loop {
        let request = PageRequest { before: back.first().copied(), ..first(5) };
        let page = world.catalog.list_runs("w", RunFilter::default(), request).await.unwrap();
        back.splice(0..0, page.items.iter().map(|run| run.id));
        if !page.has_previous {
            break;
        }
    }
    assert_eq!(back, there);
}

#[tokio::test]
async fn a_page_has_at_least_one_item_and_at_most_a_hundred() {
    let world = World::new().await;
    world.catalog.record((0..130).map(|n| run(n, 0)).collect()).await.unwrap();
    for (asked, expected) in [(0, 1), (1, 1), (100, 100), (101, 100), (usize::MAX, 100)] {
        let page = world.catalog.list_runs("w", RunFilter::default(), first(asked)).await.unwrap();
        assert_eq!((page.items.len(), page.has_next, page.total), (expected, true, 130), "{asked}");
    }
}

//! Releases: numbered without gaps or doubles, found by number and by major.

use std::collections::BTreeSet;

use store::catalog::{Bump, Catalog, Release, ReleaseNumber};

use super::world::{World, first, new_release};

fn number(text: &str) -> ReleaseNumber {
    text.parse().unwrap()
}

#[tokio::test]
async fn numbers_follow_each_other_and_the_highest_is_the_latest() {
    let world = World::new().await;
    let id = world.integration("a").await.id;
    assert_eq!(world.catalog.highest(id, None).await.unwrap(), None);
    let steps = [
        (Bump::Major, "1.0"),
        (Bump::Minor, "1.1"),
        (Bump::Minor, "1.2"),
        (Bump::Major, "2.0"),
        (Bump::Minor, "2.1"),
        (Bump::Major, "3.0"),
    ];
    for (bump, expected) in steps {
        let release = world.catalog.release(new_release(id, expected), bump).await.unwrap();
        assert_eq!(release.number.to_string(), expected);
        let integration = world.catalog.integration_by_id(id).await.unwrap().unwrap();
        assert_eq!(integration.latest, Some(release.number));
        assert_eq!(world.catalog.latest_releases().await.unwrap(), [(id, release.number)]);
        assert_eq!(world.catalog.highest(id, None).await.unwrap(), Some(release));
    }
    for (major, expected) in [(1, Some("1.2")), (2, Some("2.1")), (3, Some("3.0")), (4, None), (0, None)] {
        let found = world.catalog.highest(id, Some(major)).await.unwrap();
        assert_eq!(found.map(|release| release.number.to_string()).as_deref(), expected, "{major}");
    }
}

#[tokio::test]
async fn a_release_is_found_by_its_number_as_it_was_made() {
    let world = World::new().await;
    let (a, b) = (world.integration("a").await.id, world.integration("b").await.id);
    let made = world.catalog.release(new_release(a, "as \"written\""), Bump::Minor).await.unwrap();
    assert_eq!(made.bundle, r#"["as \"written\""]"#);
    assert_eq!(world.catalog.release_by_number(a, number("1.0")).await.unwrap(), Some(made.clone()));
    assert_eq!(world.catalog.release_by_number(a, number("1.1")).await.unwrap(), None);
    assert_eq!(world.catalog.release_by_number(b, number("1.0")).await.unwrap(), None);
    assert_eq!(world.catalog.latest_releases().await.unwrap(), [(a, number("1.0"))]);
    let listed = world.catalog.list_releases(a, first(5)).await.unwrap().items;
    assert_eq!(listed, [Release { files: Default::default(), bundle: String::new(), lock: None, ..made }]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn releases_made_at_once_get_consecutive_numbers() {
    let world = World::new().await;
    let other = Catalog::open(&world.path()).await.unwrap();
    let id = world.integration("a").await.id;
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let catalog = if n % 2 == 0 { world.catalog.clone() } else { other.clone() };
            tokio::spawn(async move { catalog.release(new_release(id, &n.to_string()), Bump::Minor).await })
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for task in tasks {
        let made = task.await.unwrap().unwrap();
        assert_eq!(world.catalog.release_by_number(id, made.number).await.unwrap().as_ref(), Some(&made));
        numbers.insert(made.number);
    }
    let expected: BTreeSet<_> = (0..50).map(|minor| ReleaseNumber { major: 1, minor }).collect();
    assert_eq!(numbers, expected);
}

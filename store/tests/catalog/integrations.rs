//! Integrations: what is saved is found, names are taken once, changes are seen by version.

use schedules::Millis;
use store::Error;
use store::IntegrationId;
use store::catalog::{Catalog, Integration, MAX_INTEGRATIONS, NewIntegration, Pause, Trigger};

use super::world::{World, draft, first, new_integration, new_release};

#[tokio::test]
async fn a_created_integration_is_found_by_name_and_by_id() {
    let world = World::new().await;
    let new = new_integration("order-alert");
    let NewIntegration { id, workspace, name, description, trigger, draft, created } = new.clone();
    let expected = Integration {
        id,
        workspace,
        name,
        description,
        trigger,
        draft,
        pause: None,
        latest: None,
        created,
        updated: created,
    };
    assert_eq!(world.catalog.create(new).await.unwrap(), expected);
    assert_eq!(world.catalog.integration("w", "order-alert").await.unwrap(), Some(expected.clone()));
    assert_eq!(world.catalog.integration_by_id(id).await.unwrap(), Some(expected));
    assert_eq!(world.catalog.integration("w", "order").await.unwrap(), None);
    assert_eq!(world.catalog.integration("other", "order-alert").await.unwrap(), None);
    assert_eq!(world.catalog.integration_by_id(IntegrationId::new(Millis(1))).await.unwrap(), None);
}

#[tokio::test]
async fn every_trigger_comes_back() {
    let world = World::new().await;
    for trigger in Trigger::ALL {
        let new = NewIntegration { trigger: *trigger, ..new_integration(trigger.name()) };
        world.catalog.create(new).await.unwrap();
        let found = world.catalog.integration("w", trigger.name()).await.unwrap().unwrap();
        assert_eq!(found.trigger, *trigger);
    }
}

#[tokio::test]
async fn a_name_is_taken_once_in_a_workspace_and_free_in_another() {
    let world = World::new().await;
    world.integration("a").await;
    let again = world.catalog.create(new_integration("a")).await.unwrap_err();
    assert!(matches!(&again, Error::Exists { what } if what == "integration a"), "{again}");
    let elsewhere = NewIntegration { workspace: "other".to_owned(), ..new_integration("a") };
    world.catalog.create(elsewhere).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_create_one_name_at_once_exactly_one_wins() {
    let world = World::new().await;
    // Two handles on the file stand for two processes.
    let other = Catalog::open(&world.path()).await.unwrap();
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let catalog = if n % 2 == 0 { world.catalog.clone() } else { other.clone() };
            tokio::spawn(async move { catalog.create(new_integration("same")).await })
        })
        .collect();
    let mut won = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(integration) => won.push(integration),
            Err(error) => assert!(matches!(error, Error::Exists { .. }), "{error}"),
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(world.catalog.integration("w", "same").await.unwrap().as_ref(), won.first());
}

#[tokio::test]
async fn saving_a_draft_changes_the_draft_and_its_time_alone() {
    let world = World::new().await;
    let before = world.integration("a").await;
    let saved = world.catalog.save_draft(before.id, "new words", draft("other"), Millis(2_000)).await.unwrap();
    let expected =
        Integration { description: "new words".to_owned(), draft: draft("other"), updated: Millis(2_000), ..before };
    assert_eq!(saved, expected);
    assert_eq!(world.catalog.integration_by_id(saved.id).await.unwrap(), Some(expected));
}

#[tokio::test]
async fn a_pause_is_set_and_taken_back() {
    let world = World::new().await;
    let before = world.integration("a").await;
    let pause = Pause { note: "incident".to_owned(), at: Millis(9) };
    let paused = world.catalog.set_pause(before.id, Some(pause.clone())).await.unwrap();
    assert_eq!(paused, Integration { pause: Some(pause), ..before.clone() });
    assert_eq!(world.catalog.integration_by_id(before.id).await.unwrap(), Some(paused));
    assert_eq!(world.catalog.set_pause(before.id, None).await.unwrap(), before);
}

#[tokio::test]
async fn deleting_takes_the_releases_along_and_frees_the_name() {
    let world = World::new().await;
    let (gone, kept) = (world.integration("gone").await, world.integration("kept").await);
    for integration in [&gone, &kept] {
        world.catalog.release(new_release(integration.id, "first"), Default::default()).await.unwrap();
    }
    world.catalog.delete_integration(gone.id).await.unwrap();
    assert_eq!(world.catalog.integration_by_id(gone.id).await.unwrap(), None);
    assert_eq!(world.catalog.highest(gone.id, None).await.unwrap(), None);
    assert_eq!(world.catalog.list_releases(gone.id, first(10)).await.unwrap().total, 0);
    assert_eq!(world.catalog.list_releases(kept.id, first(10)).await.unwrap().total, 1);
    assert_ne!(world.integration("gone").await.id, gone.id);
}

#[tokio::test]
async fn changing_what_is_not_there_is_not_found_and_leaves_the_version() {
    let world = World::new().await;
    let nobody = IntegrationId::new(Millis(1));
    let errors = [
        world.catalog.save_draft(nobody, "", draft(""), Millis(1)).await.map(|_| ()),
        world.catalog.set_pause(nobody, None).await.map(|_| ()),
        world.catalog.delete_integration(nobody).await,
        world.catalog.release(new_release(nobody, ""), Default::default()).await.map(|_| ()),
    ];
    for answer in errors {
        let error = answer.unwrap_err();
        assert!(matches!(&error, Error::NotFound { what } if what.contains(&nobody.to_string())), "{error}");
    }
    assert_eq!(world.catalog.version().await.unwrap(), 0);
}

#[tokio::test]
async fn the_version_rises_with_every_change_and_with_nothing_else() {
    let world = World::new().await;
    let other = Catalog::open(&world.path()).await.unwrap();
    let id = world.integration("a").await.id;
    assert_eq!(other.version().await.unwrap(), 1);
    world.catalog.save_draft(id, "", draft(""), Millis(1)).await.unwrap();
    world.catalog.release(new_release(id, ""), Default::default()).await.unwrap();
    world.catalog.set_pause(id, Some(Pause { note: String::new(), at: Millis(1) })).await.unwrap();
    assert_eq!(other.version().await.unwrap(), 4);
    world.catalog.create(new_integration("a")).await.unwrap_err();
    world.catalog.record(vec![super::world::run(5, 1)]).await.unwrap();
    world.catalog.add_api_key(super::world::api_key("k", 1)).await.unwrap();
    assert_eq!(other.version().await.unwrap(), 4);
    world.catalog.delete_integration(id).await.unwrap();
    assert_eq!(other.version().await.unwrap(), 5);
}

#[tokio::test]
async fn lists_leave_the_files_and_locks_out() {
    let world = World::new().await;
    let whole = world.integration("a").await;
    let mut without = whole.clone();
    without.draft.files.clear();
    without.draft.lock = None;
    assert_eq!(world.catalog.all_integrations().await.unwrap(), vec![without.clone()]);
    assert_eq!(world.catalog.list_integrations("w", first(5)).await.unwrap().items, vec![without]);
    assert!(!whole.draft.files.is_empty() && whole.draft.lock.is_some());
}

#[tokio::test]
async fn a_workspace_that_is_full_takes_no_more() {
    let world = World::new().await;
    let last = world.integration("last").await;
    fill(&world, MAX_INTEGRATIONS - 1);
    let error = world.catalog.create(new_integration("one-more")).await.unwrap_err();
    assert!(matches!(error, Error::Full { limit: MAX_INTEGRATIONS, .. }), "{error}");
    assert_eq!(world.catalog.integration("w", "one-more").await.unwrap(), None);
    assert_eq!(world.catalog.all_integrations().await.unwrap().len() as u64, MAX_INTEGRATIONS);
    world.catalog.delete_integration(last.id).await.unwrap();
    world.integration("one-more").await;
}

/// Copies the one integration there is, so that a test of the limit takes no minute.
fn fill(world: &World, copies: u64) {
    let mut file = rusqlite::Connection::open(world.path()).unwrap();
    let copy = file.transaction().unwrap();
    for n in 0..copies {
        let id = IntegrationId::new(Millis(i64::try_from(n).unwrap())).to_string();
        copy.execute(
            "INSERT INTO integrations SELECT $1, workspace, $2, description, trigger_name, NULL, NULL, NULL, NULL, \
             created, updated, draft_settings, draft_sample, draft_files, draft_packages FROM integrations \
             WHERE name = 'last'",
            (id, format!("copy-{n}")),
        )
        .unwrap();
    }
    copy.commit().unwrap();
}

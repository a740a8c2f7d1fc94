//! Opening: a new file, an old one, someone else's, a broken one; and what a restart keeps.

use std::path::Path;

use store::Error;
use store::catalog::{Bump, Catalog, Pause, RunFilter};

use super::world::{World, api_key, first, new_integration, new_release, run};

#[tokio::test]
async fn an_empty_file_and_a_missing_one_become_a_catalog() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.db"), b"").unwrap();
    for name in ["empty.db", "missing.db"] {
        let catalog = Catalog::open(&folder.path().join(name)).await.unwrap();
        catalog.ping().await.unwrap();
        assert_eq!(catalog.version().await.unwrap(), 0);
        assert!(catalog.all_integrations().await.unwrap().is_empty());
        catalog.create(new_integration("a")).await.unwrap();
    }
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let world = World::new().await;
    let id = world.integration("a").await.id;
    let release = world.catalog.release(new_release(id, "first"), Bump::Minor).await.unwrap();
    let pause = Pause { note: "for now".to_owned(), at: schedules::Millis(3) };
    let integration = world.catalog.set_pause(id, Some(pause)).await.unwrap();
    world.catalog.add_api_key(api_key("k", 1)).await.unwrap();
    let recorded = run(5, 100);
    world.catalog.record(vec![recorded.clone()]).await.unwrap();
    let (version, totals) = (world.catalog.version().await.unwrap(), world.catalog.run_totals().await.unwrap());
    assert_eq!(totals.runs, 1);

    let world = world.reopened().await;
    assert_eq!(world.catalog.integration("w", "a").await.unwrap(), Some(integration));
    assert_eq!(world.catalog.highest(id, None).await.unwrap(), Some(release));
    assert_eq!(world.catalog.list_api_keys("w").await.unwrap(), [api_key("k", 1)]);
    assert_eq!(world.catalog.run(recorded.id).await.unwrap(), Some(recorded));
    assert_eq!(world.catalog.list_runs("w", RunFilter::default(), first(5)).await.unwrap().total, 1);
    assert_eq!(world.catalog.version().await.unwrap(), version);
    assert_eq!(world.catalog.run_totals().await.unwrap(), totals);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_open_a_new_file_at_once() {
    // The steps that can get in each other's way take microseconds, hence the rounds.
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let open = |path: std::path::PathBuf| tokio::spawn(async move { Catalog::open(&path).await });
        let tasks: Vec<_> = (0..8).map(|_| open(path.clone())).collect();
        for task in tasks {
            task.await.unwrap().unwrap().ping().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_that_is_no_catalog_is_refused_and_left_as_it_is() {
    async fn check(path: &Path, says: &str) {
        let before = std::fs::read(path).unwrap();
        let error = Catalog::open(path).await.unwrap_err();
        let Error::Corrupt(message) = &error else { panic!("{error}") };
        assert!(message.contains(says) && message.contains(&path.display().to_string()), "{message}");
        assert!(std::fs::read(path).unwrap() == before, "{} was changed", path.display());
    }
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "a diary, not a database. ".repeat(100)).unwrap();
    check(&text, "not a database").await;
    let foreign = folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    check(&foreign, "something else").await;
    let newer = folder.path().join("newer.db");
    Catalog::open(&newer).await.unwrap().close().await;
    let file = rusqlite::Connection::open(&newer).unwrap();
    file.execute_batch("INSERT INTO schema_migrations VALUES (999, 'later'); PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(file);
    check(&newer, "run the newer program").await;
}

#[tokio::test]
async fn a_damaged_file_is_corrupt() {
    let world = World::new().await;
    let id = world.integration("a").await.id;
    let path = world.path();
    world.catalog.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let size = bytes.len();
    bytes[4_096..size].fill(0xab);
    std::fs::write(&path, bytes).unwrap();
    let answer = match Catalog::open(&path).await {
        Ok(catalog) => catalog.integration_by_id(id).await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert!(matches!(answer, Err(Error::Corrupt(_))), "{answer:?}");
}

#[tokio::test]
async fn a_path_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("no/such/folder/catalog.db")] {
        let error = Catalog::open(&path).await.unwrap_err();
        assert!(matches!(&error, Error::Unavailable(text) if text.contains(&path.display().to_string())), "{error}");
    }
}

#[tokio::test]
async fn a_closed_catalog_is_unavailable() {
    let world = World::new().await;
    world.catalog.close().await;
    let answers = [world.catalog.ping().await, world.catalog.record(vec![run(5, 1)]).await];
    for answer in answers {
        assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn changes_are_on_disk_when_they_are_answered() {
    let world = World::new().await;
    world.integration("a").await;
    let copy = tempfile::tempdir().unwrap();
    // What a kill leaves behind: the files as they are, the catalog still open.
    for name in ["catalog.db", "catalog.db-wal"] {
        std::fs::copy(world.folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let found = Catalog::open(&copy.path().join("catalog.db")).await.unwrap();
    assert!(found.integration("w", "a").await.unwrap().is_some());
}

//! Secrets and data keys in storage: put, replaced, counted, gone with their integration; only ever ciphertexts.

use schedules::Millis;
use store::catalog::{DataKey, MAX_SECRETS_OF_SCOPE, SecretScope, StoredSecret};
use store::{Error, IntegrationId};

use super::world::World;

fn data_key(id: &str) -> DataKey {
    DataKey {
        workspace: "w".to_owned(),
        id: id.to_owned(),
        master: "m1".to_owned(),
        created: Millis(1),
        wrapped: format!("wrapped {id}"),
    }
}

fn secret(scope: SecretScope, name: &str, version: &str) -> StoredSecret {
    StoredSecret {
        workspace: "w".to_owned(),
        scope,
        name: name.to_owned(),
        version: version.to_owned(),
        data_key: "k1".to_owned(),
        gateway_only: true,
        hosts: vec!["a.example".to_owned(), "*.b.example:8443".to_owned()],
        created: Millis(5),
        updated: Millis(6),
        sealed: format!("sealed {version}"),
    }
}

async fn world() -> World {
    let world = World::new().await;
    world.catalog.add_data_key(&data_key("k1")).await.unwrap();
    world
}

#[tokio::test]
async fn a_secret_is_read_as_it_was_put_and_keeps_when_it_was_made() {
    let world = world().await;
    let before = world.catalog.secrets_version().await.unwrap();
    let first = secret(SecretScope::Workspace, "A", "1");
    world.catalog.put_secret(&first).await.unwrap();
    assert_eq!(world.catalog.secrets("w").await.unwrap(), std::slice::from_ref(&first));
    let second =
        StoredSecret { created: Millis(9), updated: Millis(9), hosts: vec![], ..secret(first.scope, "A", "2") };
    world.catalog.put_secret(&second).await.unwrap();
    assert_eq!(world.catalog.secrets("w").await.unwrap(), [StoredSecret { created: Millis(5), ..second }]);
    assert!(world.catalog.secrets("other").await.unwrap().is_empty());
    assert_eq!(world.catalog.secrets_version().await.unwrap(), before + 2);
    let world = world.reopened().await;
    world.catalog.delete_secret("w", SecretScope::Workspace, "A").await.unwrap();
    let error = world.catalog.delete_secret("w", SecretScope::Workspace, "A").await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn a_secret_needs_its_data_key_and_its_integration_and_goes_with_it() {
    let world = world().await;
    let id = world.integration("a").await.id;
    world.catalog.put_secret(&secret(SecretScope::Integration(id), "A", "1")).await.unwrap();
    world.catalog.put_secret(&secret(SecretScope::Workspace, "A", "1")).await.unwrap();
    for (bad, what) in [
        (StoredSecret { data_key: "k0".to_owned(), ..secret(SecretScope::Workspace, "B", "1") }, "data key k0"),
        (secret(SecretScope::Integration(IntegrationId::new(Millis(1))), "B", "1"), "integration"),
    ] {
        let error = world.catalog.put_secret(&bad).await.unwrap_err();
        assert!(matches!(&error, Error::NotFound { what: found } if found.starts_with(what)), "{error}");
    }
    let before = world.catalog.secrets_version().await.unwrap();
    world.catalog.delete_integration(id).await.unwrap();
    assert_eq!(world.catalog.secrets("w").await.unwrap(), [secret(SecretScope::Workspace, "A", "1")]);
    assert!(world.catalog.secrets_version().await.unwrap() > before, "others hear of it");
}

#[tokio::test]
async fn a_scope_has_a_bound() {
    let world = world().await;
    for n in 0..MAX_SECRETS_OF_SCOPE {
        world.catalog.put_secret(&secret(SecretScope::Workspace, &format!("S{n}"), "1")).await.unwrap();
    }
    let error = world.catalog.put_secret(&secret(SecretScope::Workspace, "MORE", "1")).await.unwrap_err();
    assert!(matches!(error, Error::Full { limit: MAX_SECRETS_OF_SCOPE, .. }), "{error}");
    world.catalog.put_secret(&secret(SecretScope::Workspace, "S1", "2")).await.unwrap();
    assert_eq!(world.catalog.secrets("w").await.unwrap().len() as u64, MAX_SECRETS_OF_SCOPE);
}

#[tokio::test]
async fn keys_are_changed_only_from_what_they_were() {
    let world = world().await;
    let catalog = &world.catalog;
    catalog.put_secret(&secret(SecretScope::Workspace, "A", "1")).await.unwrap();
    catalog.add_data_key(&data_key("k2")).await.unwrap();
    assert!(matches!(catalog.add_data_key(&data_key("k2")).await, Err(Error::Exists { .. })));
    let anew = DataKey { master: "m2".to_owned(), wrapped: "anew".to_owned(), ..data_key("k1") };
    assert!(!catalog.rewrap_data_key(&anew, "another").await.unwrap());
    assert!(catalog.rewrap_data_key(&anew, "wrapped k1").await.unwrap());
    assert_eq!(catalog.data_keys().await.unwrap(), [anew, data_key("k2")]);
    let moved = StoredSecret { data_key: "k2".to_owned(), ..secret(SecretScope::Workspace, "A", "2") };
    assert_eq!(catalog.prune_data_keys("w").await.unwrap(), 0, "k1 is in use");
    assert!(!catalog.reencrypt_secret(&moved, "0").await.unwrap());
    assert!(catalog.reencrypt_secret(&moved, "1").await.unwrap());
    assert_eq!(catalog.prune_data_keys("w").await.unwrap(), 1);
    assert_eq!(catalog.prune_data_keys("w").await.unwrap(), 0, "the newest stays");
    assert_eq!(catalog.data_keys().await.unwrap(), [data_key("k2")]);
}

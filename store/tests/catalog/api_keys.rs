//! API keys: found by hash, revoked once, bounded.

use schedules::Millis;
use schedules::rate::{Algorithm, Rule};
use store::Error;
use store::catalog::{ApiKey, MAX_API_KEYS, Scope};

use super::world::{World, api_key};

#[tokio::test]
async fn a_key_is_found_by_its_hash_as_it_was_added() {
    let world = World::new().await;
    assert_eq!(world.catalog.count_api_keys().await.unwrap(), 0);
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::try_from(index * 8).unwrap();
    }
    let rate = Rule { limit: 20, interval_ms: 1_500, burst: Some(40), algorithm: Algorithm::LeakyBucket };
    let odd = ApiKey {
        hash,
        scopes: Scope::ALL.to_vec(),
        integrations: vec![],
        publishable: true,
        may_match: true,
        rate: Some(rate),
        ..api_key("odd", 0)
    };
    world.catalog.add_api_key(odd.clone()).await.unwrap();
    world.catalog.add_api_key(api_key("plain", 7)).await.unwrap();
    assert_eq!(world.catalog.api_key_by_hash(&hash).await.unwrap(), Some(odd));
    assert_eq!(world.catalog.api_key_by_hash(&[7; 32]).await.unwrap(), Some(api_key("plain", 7)));
    assert_eq!(world.catalog.api_key_by_hash(&[8; 32]).await.unwrap(), None);
    assert_eq!(world.catalog.count_api_keys().await.unwrap(), 2);
}

#[tokio::test]
async fn the_same_id_or_hash_is_refused() {
    let world = World::new().await;
    world.catalog.add_api_key(api_key("a", 1)).await.unwrap();
    for key in [api_key("a", 2), api_key("b", 1)] {
        let error = world.catalog.add_api_key(key).await.unwrap_err();
        assert!(matches!(error, Error::Exists { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_revoked_key_says_since_when() {
    let world = World::new().await;
    world.catalog.add_api_key(api_key("a", 1)).await.unwrap();
    world.catalog.add_api_key(api_key("b", 2)).await.unwrap();
    world.catalog.revoke_api_key("a", Millis(10)).await.unwrap();
    world.catalog.revoke_api_key("a", Millis(20)).await.unwrap();
    let revoked = ApiKey { revoked: Some(Millis(10)), ..api_key("a", 1) };
    assert_eq!(world.catalog.api_key_by_hash(&[1; 32]).await.unwrap(), Some(revoked.clone()));
    assert_eq!(world.catalog.list_api_keys("w").await.unwrap(), [api_key("b", 2), revoked]);
    assert!(world.catalog.list_api_keys("other").await.unwrap().is_empty());
    assert_eq!(world.catalog.count_api_keys().await.unwrap(), 2);
    let error = world.catalog.revoke_api_key("c", Millis(1)).await.unwrap_err();
    assert!(matches!(&error, Error::NotFound { what } if what == "API key c"), "{error}");
}

#[tokio::test]
async fn a_full_workspace_forgets_the_key_revoked_first_or_takes_no_more() {
    let world = World::new().await;
    world.catalog.add_api_key(api_key("first", 0)).await.unwrap();
    world.catalog.add_api_key(api_key("second", 1)).await.unwrap();
    fill(&world, MAX_API_KEYS - 2);
    let error = world.catalog.add_api_key(api_key("more", 2)).await.unwrap_err();
    assert!(matches!(error, Error::Full { limit: MAX_API_KEYS, .. }), "{error}");
    world.catalog.revoke_api_key("second", Millis(1)).await.unwrap();
    world.catalog.revoke_api_key("first", Millis(2)).await.unwrap();
    world.catalog.add_api_key(api_key("more", 2)).await.unwrap();
    assert_eq!(world.catalog.api_key_by_hash(&[1; 32]).await.unwrap(), None);
    assert!(world.catalog.api_key_by_hash(&[0; 32]).await.unwrap().is_some());
    assert_eq!(world.catalog.count_api_keys().await.unwrap(), MAX_API_KEYS);
}

fn fill(world: &World, copies: u64) {
    let mut file = rusqlite::Connection::open(world.path()).unwrap();
    let copy = file.transaction().unwrap();
    for n in 0..copies {
        copy.execute(
            "INSERT INTO api_keys SELECT $1, workspace, name, $2, prefix, scopes, integrations, origins, created, \
             NULL, publishable, may_match, rate_limit, rate_interval_ms, rate_burst FROM api_keys WHERE id = 'first'",
            (format!("copy-{n}"), format!("{n:064x}ff")),
        )
        .unwrap();
    }
    copy.commit().unwrap();
}

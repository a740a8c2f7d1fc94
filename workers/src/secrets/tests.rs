//! What is stored opens only where it was put; edits are seen; no moment of a rotation loses a value.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use futures_util::FutureExt;
use schedules::{ManualClock, Millis};
use store::IntegrationId;
use store::catalog::{Catalog, SecretScope, StoredSecret, Trigger};
use tempfile::TempDir;

use super::key_file;
use super::keyring::Keyring;
use super::vault::{context, reveal};
use super::*;
use crate::Error;
use crate::world::{NOW, World};

/// A catalog and a key file, as several processes see them.
struct Place {
    catalog: Catalog,
    folder: TempDir,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let catalog = Catalog::open(&folder.path().join("catalog.db")).await.expect("a catalog");
        Self { catalog, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("master.key")
    }

    fn source(&self) -> KeySource {
        KeySource::File(self.file())
    }

    /// The secrets as a process that starts now reads them.
    async fn open(&self) -> Secrets {
        self.try_open().await.expect("secrets")
    }

    async fn try_open(&self) -> crate::Result<Secrets> {
        let environment = BTreeMap::from([("FROM_ENV".to_owned(), "environment".to_owned())]);
        Secrets::open(self.catalog.clone(), "w".to_owned(), environment, self.source())
            .await
            .map(|(secrets, _)| secrets)
    }

    async fn rotate(&self, reencrypt: bool, tell: impl FnMut(&str, usize, usize)) -> crate::Result<Rotated> {
        rotate(&self.catalog, &self.source(), &ManualClock::new(NOW), reencrypt, tell).await
    }
}

fn new(name: &str, value: &str) -> NewSecret {
    NewSecret { name: name.to_owned(), value: value.to_owned().into(), gateway_only: false, hosts: Vec::new() }
}

/// A workspace's secrets `S0`, `S1`, …
async fn filled(place: &Place, n: usize) -> Secrets {
    let secrets = place.open().await;
    for at in 0..n {
        secrets.put(SecretScope::Workspace, &new(&format!("S{at}"), &value(at)), NOW).await.expect("put");
    }
    secrets
}

fn value(at: usize) -> String {
    format!("value-number-{at}")
}

fn check_all(secrets: &Secrets, n: usize) {
    let run = secrets.of(IntegrationId::new(NOW)).expect("readable").visible();
    assert_eq!(run.len(), n + 1, "and the environment's");
    assert!((0..n).all(|at| run[&format!("S{at}")] == value(at)));
}

#[test]
fn ten_thousand_changed_or_moved_ciphertexts_are_refused() {
    let key = seal::random_key().expect("a key");
    let stored = |workspace: &str, scope, name: &str, version: &str, gateway_only, host: &str| {
        let mut stored = StoredSecret {
            workspace: workspace.to_owned(),
            scope,
            name: name.to_owned(),
            version: version.to_owned(),
            data_key: "k".to_owned(),
            gateway_only,
            hosts: vec![host.to_owned()],
            created: NOW,
            updated: NOW,
            sealed: String::new(),
        };
        let value = format!("{workspace} {name} {version}");
        stored.sealed = seal::seal(&key, &context(&stored), value.as_bytes()).expect("sealed");
        stored
    };
    let mut all = Vec::new();
    for (workspace, other) in [("a", "b"), ("b", "a"), ("ab", "")] {
        for scope in [SecretScope::Workspace, SecretScope::Integration(IntegrationId::new(NOW))] {
            for name in ["A", "B", "AB", other] {
                for version in ["1", "2"] {
                    for gateway_only in [false, true] {
                        all.push(stored(workspace, scope, name, version, gateway_only, "a.example"));
                    }
                }
            }
        }
    }
    let mut refused = 0;
    // Each in the place of each other: another workspace, scope, name, version or use.
    for (at, place) in all.iter().enumerate() {
        assert!(reveal(&key, place).is_some());
        for (other, from) in all.iter().enumerate() {
            let moved = StoredSecret { sealed: from.sealed.clone(), ..place.clone() };
            assert_eq!(reveal(&key, &moved).is_some(), at == other, "{place:?} {from:?}");
            refused += usize::from(at != other);
        }
        let elsewhere = StoredSecret { hosts: vec!["evil.example".to_owned()], ..place.clone() };
        assert!(reveal(&key, &elsewhere).is_none());
        refused += 1;
    }
    // Every bit of every character, and every length.
    for place in all.iter().take(8) {
        for at in 0..place.sealed.len() {
            for bit in 0..7 {
                let mut sealed = place.sealed.clone().into_bytes();
                sealed[at] ^= 1 << bit;
                let sealed = String::from_utf8(sealed).expect("seven bits");
                assert!(reveal(&key, &StoredSecret { sealed, ..place.clone() }).is_none(), "bit {bit} of {at}");
                refused += 1;
            }
            let sealed = place.sealed[..at].to_owned();
            assert!(reveal(&key, &StoredSecret { sealed, ..place.clone() }).is_none());
            refused += 1;
        }
    }
    let other = seal::random_key().expect("a key");
    assert!(all.iter().all(|place| reveal(&other, place).is_none()));
    assert!(refused >= 10_000, "{refused}");
}

#[tokio::test]
async fn the_nearest_scope_wins_and_an_edit_is_seen_by_the_next_run() {
    let place = Place::new().await;
    let world = World::open().await;
    let entry = world.released("a", Trigger::Experience, &serde_json::json!({})).await;
    let other = world.released("b", Trigger::Experience, &serde_json::json!({})).await;
    let services = &world.services;
    set(services, None, &new("TOKEN", "of the workspace")).await.expect("set");
    set(services, Some("a"), &new("TOKEN", "of a alone")).await.expect("set");
    let hidden = NewSecret { gateway_only: true, hosts: vec!["a.example".into()], ..new("HIDDEN", "hidden value") };
    set(services, Some("a"), &hidden).await.expect("set");
    let of = |id| services.secrets.of(id).expect("readable");
    let visible = of(entry.id).visible();
    assert_eq!((&*visible["TOKEN"], &*visible["HIDDEN"]), ("of a alone", "$(secret:HIDDEN)"));
    assert_eq!(of(other.id).visible(), BTreeMap::from([("TOKEN".into(), "of the workspace".into())]));
    assert_eq!(of(entry.id).inserts()["HIDDEN"].hosts.len(), 1);
    let told = "of a alone; of the workspace; hidden value";
    assert_eq!(
        of(entry.id).redactor().redact(told),
        "******; ******; ******",
        "what it could see, and the workspace's"
    );
    assert_eq!(of(other.id).redactor().redact(told), "of a alone; ******; hidden value");

    let listed = list(services, Some("a")).await.expect("listed");
    assert_eq!(listed.iter().map(|secret| &*secret.name).collect::<Vec<_>>(), ["HIDDEN", "TOKEN"]);
    set(services, Some("a"), &new("TOKEN", "another value")).await.expect("set");
    assert_eq!(of(entry.id).visible()["TOKEN"], "another value");
    remove(services, Some("a"), "TOKEN").await.expect("removed");
    assert_eq!(of(entry.id).visible()["TOKEN"], "of the workspace");
    let error = remove(services, Some("a"), "TOKEN").await.expect_err("gone");
    assert!(matches!(error, Error::NotFound { code: "secret_not_found", .. }), "{error}");
    crate::authoring::remove(services, "a").await.expect("removed");
    assert_eq!(services.catalog.secrets("default").await.expect("a list").len(), 1, "its secrets went with it");

    // Another process of the same catalog.
    let (here, there) = (place.open().await, place.open().await);
    here.put(SecretScope::Workspace, &new("S0", &value(0)), NOW).await.expect("put");
    there.refresh().await.expect("refreshed");
    check_all(&there, 1);
}

#[tokio::test]
async fn what_cannot_be_a_secret_is_refused_with_its_field() {
    let world = World::open().await;
    let check = async |new: NewSecret, field: &str, code: &str| match set(&world.services, None, &new).await {
        Err(Error::Invalid { field: found, code: with, message }) => {
            assert_eq!((&*found, with), (field, code), "{message}");
            assert!(!message.contains("valuable") && !message.contains("x9q"), "{message}");
        }
        other => panic!("{new:?}: {other:?}"),
    };
    check(new("", "valuable"), "secret", "invalid_secret_name").await;
    check(new("1A", "valuable"), "secret", "invalid_secret_name").await;
    check(new(&"A".repeat(65), "valuable"), "secret", "invalid_secret_name").await;
    check(new("A", "  x9q  "), "value", "secret_too_short").await;
    check(new("A", &"v".repeat(MAX_SECRET_BYTES + 1)), "value", "secret_too_long").await;
    check(new("A", "valuable\0"), "value", "invalid_secret").await;
    check(
        NewSecret { hosts: vec!["a.example".into(), "*".into()], ..new("A", "valuable") },
        "hosts[1]",
        "invalid_host",
    )
    .await;
    check(NewSecret { hosts: vec!["a.example".into(); 21], ..new("A", "valuable") }, "hosts", "out_of_range").await;
    set(&world.services, None, &new(&"A".repeat(64), &"v".repeat(MAX_SECRET_BYTES))).await.expect("the largest");
    let missing = set(&world.services, Some("nobody"), &new("A", "valuable")).await.expect_err("no integration");
    assert!(matches!(missing, Error::NotFound { code: "integration_not_found", .. }));
}

#[tokio::test]
async fn a_changed_catalog_is_noticed_and_nothing_of_it_used() {
    let place = Place::new().await;
    let secrets = filled(&place, 2).await;
    let stored = place.catalog.secrets("w").await.expect("a list");
    let swapped = StoredSecret { sealed: stored[1].sealed.clone(), ..stored[0].clone() };
    assert!(place.catalog.reencrypt_secret(&swapped, &stored[0].version).await.expect("changed"));
    secrets.refresh().await.expect("refreshed");
    let error = secrets.of(IntegrationId::new(NOW)).expect_err("refused").to_string();
    assert!(error.contains("the secret S0 cannot be decrypted") && !error.contains("value-number"), "{error}");
    secrets.put(SecretScope::Workspace, &new("S0", &value(0)), NOW).await.expect("set again");
    check_all(&secrets, 2);
}

#[tokio::test]
async fn the_key_file_is_made_once_and_private_and_a_lost_one_is_an_error() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new().await;
    filled(&place, 1).await;
    let text = std::fs::read_to_string(place.file()).expect("the file");
    assert_eq!(std::fs::metadata(place.file()).expect("the file").permissions().mode() & 0o777, 0o600);
    check_all(&place.open().await, 1);
    assert_eq!(std::fs::read_to_string(place.file()).expect("the file"), text, "the second start leaves it");
    assert_eq!(
        std::fs::read_dir(place.folder.path())
            .expect("the folder")
            .filter(|entry| { entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with(".tmp")) })
            .count(),
        0
    );

    let another = Place::new().await;
    another.open().await;
    std::fs::copy(another.file(), place.file()).expect("copied");
    let wrong = place.try_open().await.map(|_| ()).expect_err("another key").to_string();
    std::fs::remove_file(place.file()).expect("removed");
    let lost = place.try_open().await.map(|_| ()).expect_err("no key").to_string();
    let id = Keyring::read(&KeySource::Given(text.replace('#', "").lines().last().expect("a key").to_owned()));
    let id = id.expect("a key").expect("a key").current().id().to_owned();
    assert!(wrong.contains(&id) && lost.contains(&id) && lost.contains("backup"), "{wrong}; {lost}");
    assert!(!place.file().exists(), "a lost key is not replaced");
}

#[test]
fn keys_are_read_in_the_usual_forms_and_weak_ones_refused() {
    for good in [
        "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF",
        "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=",
        "ABEiM0RVZneImaq7zN3u_wARIjNEVWZ3iJmqu8zd7v8",
        "# a comment\n\n ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8= \n",
    ] {
        let keys = key_file::parse(good).expect(good);
        assert_eq!((keys.len(), keys[0].id()), (1, "2c54884dd1055ee6"), "{good}");
        assert!(!format!("{:?}", keys[0]).contains("ABEi"));
    }
    let weak = ["", "# none", "password", &"0".repeat(64), &"A".repeat(44), &"ff".repeat(32), &"ab".repeat(31)];
    for weak in weak {
        let error = key_file::parse(weak).map(|_| ()).expect_err(weak);
        assert!(weak.is_empty() || !error.contains(weak), "{error}");
    }
}

#[tokio::test]
async fn a_rotation_changes_every_key_under_a_running_process() {
    let place = Place::new().await;
    let running = filled(&place, 20).await;
    let before = (place.catalog.data_keys().await.expect("keys"), place.catalog.secrets("w").await.expect("secrets"));
    let rewrapped = place.rotate(false, |_, _, _| {}).await.expect("rotated");
    assert_eq!((rewrapped.data_keys, rewrapped.secrets), (1, 0));
    let rotated = place.rotate(true, |_, _, _| {}).await.expect("rotated");
    assert_eq!((rotated.data_keys, rotated.secrets, rotated.retired.len()), (1, 20, 1));
    let after = (place.catalog.data_keys().await.expect("keys"), place.catalog.secrets("w").await.expect("secrets"));
    assert_eq!(after.0.len(), 1, "the old data key is forgotten");
    assert!(after.0[0].id > before.0[0].id && after.0[0].master == rotated.master);
    assert!(before.1.iter().zip(&after.1).all(|(a, b)| a.sealed != b.sealed && a.version != b.version));
    assert_eq!(key_file::read(&place.file()).expect("readable").expect("there").len(), 1, "the old key left the file");
    check_all(&running, 20);
    running.refresh().await.expect("refreshed");
    running.put(SecretScope::Workspace, &new("S20", &value(20)), NOW).await.expect("put");
    check_all(&running, 21);
    check_all(&place.open().await, 21);
}

#[tokio::test]
async fn a_rotation_may_be_cut_off_anywhere_and_goes_on() {
    let place = Place::new().await;
    let running = filled(&place, 12).await;
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut cuts = 0;
    for cut in 0..80 {
        let mut left = cut % 14;
        let tell = |_: &str, _, _| {
            assert!(left > 0, "cut off");
            left -= 1;
        };
        let ended = AssertUnwindSafe(place.rotate(true, tell)).catch_unwind().await;
        cuts += usize::from(ended.is_err());
        let fresh = place.open().await;
        check_all(&fresh, 12);
        running.refresh().await.expect("refreshed");
        check_all(&running, 12);
        // Somebody sets a secret in between, with what this process knows.
        running.put(SecretScope::Workspace, &new("S3", &value(3)), NOW).await.expect("put");
    }
    std::panic::set_hook(quiet);
    assert!(cuts >= 50, "{cuts}");
    place.rotate(true, |_, _, _| {}).await.expect("rotated");
    place.rotate(true, |_, _, _| {}).await.expect("and once more");
    assert_eq!(place.catalog.data_keys().await.expect("keys").len(), 1);
    check_all(&place.open().await, 12);
}

#[tokio::test]
async fn given_keys_are_put_in_order_by_the_operator() {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = Catalog::open(&folder.path().join("catalog.db")).await.expect("a catalog");
    let (old, new_key) = (MasterKey::generate().expect("a key"), MasterKey::generate().expect("a key"));
    let given = |keys: &[&MasterKey]| {
        KeySource::Given(keys.iter().map(|key| key.text().to_string()).collect::<Vec<_>>().join(","))
    };
    let open = async |source: KeySource| {
        Secrets::open(catalog.clone(), "w".to_owned(), BTreeMap::new(), source).await.map(|(secrets, _)| secrets)
    };
    let secrets = open(given(&[&old])).await.expect("opened");
    secrets.put(SecretScope::Workspace, &new("A", "valuable"), Millis(5)).await.expect("put");
    let clock = ManualClock::new(NOW);
    let again = rotate(&catalog, &given(&[&old]), &clock, true, |_, _, _| {}).await.expect_err("nothing to rotate to");
    assert!(matches!(again, Error::Invalid { code: "no_new_key", .. }), "{again}");
    rotate(&catalog, &given(&[&new_key, &old]), &clock, true, |_, _, _| {}).await.expect("rotated");
    let secrets = open(given(&[&new_key])).await.expect("the old key is not needed");
    assert_eq!(secrets.of(IntegrationId::new(NOW)).expect("readable").visible()["A"], "valuable");
    let error = open(given(&[&old])).await.map(|_| ()).expect_err("the old key does nothing");
    assert!(error.to_string().contains("TIDEGATE_MASTER_KEY"), "{error}");
}

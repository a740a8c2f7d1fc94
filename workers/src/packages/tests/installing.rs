//! Fetching: what is asked of whom, what is kept, and what happens when the registry is slow, down or lying.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_draft_is_installed_locked_and_kept() {
    let world = World::new();
    world.registry.publish("b", "1.0.0", json!({}), &[("index.js", "module.exports = 'b'")]);
    world.registry.publish("a", "1.0.0", json!({ "dependencies": { "b": "^1.0.0" } }), &[("index.js", "require('b')")]);
    let draft = draft(json!({ "a": "^1.0.0" }));
    let built = world.build(&draft, None).await.expect("built");
    assert!(!built.cached);
    let lock = built.lock.expect("a lock");
    assert_eq!(
        (lock.direct(), lock.others()),
        ([("a".to_owned(), "1.0.0".to_owned())].into(), vec!["b@1.0.0".to_owned()])
    );
    assert_eq!(Lock::parse(&lock.text()).as_ref(), Some(&lock));
    let asked = world.registry.asked().len();
    world.registry.publish("b", "1.1.0", json!({}), &[("index.js", "module.exports = 'newer'")]);

    // The same again: neither asked nor bundled, and the lock stays although there is a newer version.
    let again = world.build(&draft, Some(&lock)).await.expect("built");
    assert!(again.cached && again.bundle == built.bundle && again.lock.as_ref() == Some(&lock));
    assert_eq!(world.registry.asked().len(), asked);

    // Other code with the same packages: bundled, not asked.
    let mut other = draft.clone();
    other.insert("integration.js".into(), "module.exports = async () => require('a')".into());
    let changed = world.build(&other, Some(&lock)).await.expect("built");
    assert!(!changed.cached && changed.lock.as_ref() == Some(&lock));
    assert_eq!(world.registry.asked().len(), asked);
}

#[tokio::test]
async fn what_is_kept_is_enough_without_the_registry() {
    let world = World::new();
    world.registry.publish("a", "1.0.0", json!({}), &[("index.js", "module.exports = 1")]);
    let lock = world.build(&draft(json!({ "a": "^1.0.0" })), None).await.expect("built").lock;
    world.registry.go_down(true);
    world.clock.advance(3_600_000);
    // Another draft, without a lock: what was said of the package an hour ago is used.
    let code = "module.exports = () => require('a')";
    let fresh = world.again().build(&files(code, json!({ "dependencies": { "a": "^1.0.0" } })), None, &Trusting).await;
    assert_eq!(fresh.expect("built").lock, lock);
    // What nobody ever asked for cannot be had, which is nobody's fault here.
    match world.build(&draft(json!({ "unheard-of": "1" })), None).await {
        Err(Error::Registry { message, .. }) => {
            assert!(message.contains("127.0.0.1") && message.contains("503"), "{message}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn many_saves_at_once_do_not_disturb_each_other() {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.registry.publish(name, "1.0.0", json!({}), &[("index.js", "module.exports = 1"), ("lib/x.js", "1")]);
    }
    let (draft, other) = (draft(json!({ "a": "1", "b": "1", "c": "1" })), world.again());
    let builds = (0..12).map(|n| {
        let packages = if n % 2 == 0 { &world.packages } else { &other };
        packages.build(&draft, None, &Trusting)
    });
    let built = futures_util::future::join_all(builds).await;
    let first = built[0].as_ref().expect("built").bundle.clone();
    assert!(built.iter().all(|built| built.as_ref().is_ok_and(|built| built.bundle == first)));
    let left = std::fs::read_dir(world.data().join("packages/unpacked")).expect("a folder").count();
    assert_eq!(left, 3);
}

#[tokio::test]
async fn a_tarball_that_is_another_one_is_not_installed() {
    let world = World::new();
    world.registry.publish("a", "1.0.0", json!({}), &[("index.js", "module.exports = 1")]);
    world.registry.bytes("/a/-/a-1.0.0.tgz", registry::tarball([("index.js", "steal()")]));
    let error = world.refusal(json!({ "a": "1" })).await;
    assert_eq!(error.code, "package_integrity_mismatch", "{error:?}");
    assert!(error.message.contains("a@1.0.0"), "{error:?}");
    assert!(!world.data().join("packages/unpacked").exists(), "nothing was unpacked");
    // Locked, but another one behind the registry's back.
    let world = World::new();
    world.registry.publish("a", "1.0.0", json!({}), &[("index.js", "module.exports = 1")]);
    let lock = world.build(&draft(json!({ "a": "1" })), None).await.expect("built").lock.expect("a lock");
    std::fs::remove_dir_all(world.data().join("packages")).expect("removed");
    world.registry.publish("a", "1.0.0", json!({}), &[("index.js", "module.exports = 2")]);
    let error = world.build(&draft(json!({ "a": "1" })), Some(&lock)).await.expect_err("refused").to_string();
    assert!(error.contains("does not hash to"), "{error}");
}

#[tokio::test]
async fn an_old_hash_is_good_once_and_locked_as_a_new_one() {
    let world = World::new();
    let tarball = registry::tarball([("index.js", "module.exports = 1")]);
    let shasum: String = sha1::Digest::finalize(sha1::Digest::chain_update(sha1::Sha1::default(), &tarball))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    world.registry.publish_tarball("a", "1.0.0", json!({}), tarball);
    let dist = json!({ "tarball": "ADDRESS/a/-/a-1.0.0.tgz", "shasum": shasum });
    world.registry.change("a", |document| document["versions"]["1.0.0"]["dist"] = dist);
    let lock = world.build(&draft(json!({ "a": "1" })), None).await.expect("built").lock.expect("a lock");
    assert!(lock.packages["node_modules/a"].integrity.starts_with("sha512-"));
    assert!(lock.notes[0].contains("SHA-1"), "{:?}", lock.notes);
    // Without any hash nothing is installed.
    world.registry.publish("n", "1.0.0", json!({}), &[]);
    world.registry.change("n", |document| {
        document["versions"]["1.0.0"]["dist"] = json!({ "tarball": "ADDRESS/n/-/n-1.0.0.tgz" });
    });
    assert_eq!(world.refusal(json!({ "n": "1" })).await.code, "package_without_integrity");
}

#[tokio::test]
async fn a_token_that_is_a_secret_is_read_when_it_is_needed() {
    let with = |name: &str| {
        let acme = Registry::start();
        let world = World::with(|options| {
            let token = Token::Secret(name.to_owned());
            let scoped = RegistryOptions::parse(&acme.url(), Some(token)).expect("an address");
            options.scoped.insert("@acme".into(), scoped);
            options.openings.push(acme.opening().parse().expect("an opening"));
        });
        acme.publish("@acme/own", "1.0.0", json!({}), &[("index.js", "module.exports = 1")]);
        (acme, world)
    };
    let (acme, world) = with("NPM_TOKEN");
    world.build(&draft(json!({ "@acme/own": "1" })), None).await.expect("built");
    let sent: Vec<_> = acme.asked().into_iter().map(|asked| asked.authorization).collect();
    assert_eq!(sent, vec![Some("Bearer s3cret".to_owned()); 2]);
    for (name, why) in [
        ("MISSING", "tidegate secrets set MISSING"),
        ("BOUND", "may not be sent there"),
        ("BROKEN", "none that a header can have"),
    ] {
        let (acme, world) = with(name);
        let refusal = world.refusal(json!({ "@acme/own": "1" })).await;
        assert_eq!(refusal.code, "package_forbidden");
        assert!(refusal.message.contains(why) && !refusal.message.contains("s3cret"), "{}", refusal.message);
        assert_eq!(acme.asked(), vec![], "{name}");
    }
}

#[tokio::test]
async fn a_token_goes_to_its_registry_and_nowhere_else() {
    let (acme, elsewhere) = (Registry::start(), Registry::start());
    let world = World::with(|options| {
        let scoped = RegistryOptions::parse(&acme.url(), Some(Token::Text("s3cret".into()))).expect("an address");
        options.scoped.insert("@acme".into(), scoped);
        options.openings.push(acme.opening().parse().expect("an opening"));
        options.openings.push(elsewhere.opening().parse().expect("an opening"));
    });
    let tarball = registry::tarball([("index.js", "module.exports = 3")]);
    world.registry.publish("open", "1.0.0", json!({}), &[("index.js", "module.exports = 1")]);
    acme.publish("@acme/own", "1.0.0", json!({ "dependencies": { "open": "1" } }), &[("index.js", "require('open')")]);
    // A tarball behind a redirect, and one that the document says is elsewhere.
    acme.publish_tarball("@acme/moved", "1.0.0", json!({}), tarball.clone());
    acme.redirect("/@acme/moved/-/moved-1.0.0.tgz", &format!("{}/moved.tgz", elsewhere.url()));
    elsewhere.bytes("/moved.tgz", tarball);
    let tarball = registry::tarball([("index.js", "module.exports = 2")]);
    acme.publish_tarball("@acme/away", "1.0.0", json!({}), tarball.clone());
    let away = format!("{}/away.tgz", elsewhere.url());
    acme.change("@acme/away", |document| document["versions"]["1.0.0"]["dist"]["tarball"] = json!(away));
    elsewhere.bytes("/away.tgz", tarball);
    let draft = draft(json!({ "@acme/own": "1", "@acme/moved": "1", "@acme/away": "1", "open": "1" }));
    world.build(&draft, None).await.expect("built");
    let carried = |registry: &Registry| -> Vec<bool> {
        registry.asked().iter().map(|asked| asked.authorization.as_deref() == Some("Bearer s3cret")).collect()
    };
    assert_eq!(carried(&acme), [true; 5], "{:?}", acme.asked());
    assert_eq!(carried(&elsewhere), [false; 2]);
    assert_eq!(carried(&world.registry), [false; 2]);
    let secret = |bytes: &[u8]| bytes.windows(6).any(|window| window == b"s3cret");
    for path in every_file(world.data()) {
        assert!(!secret(&std::fs::read(&path).expect("readable")), "{}", path.display());
    }
}

fn every_file(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(every_file(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn other_hosts_and_closed_addresses_are_not_reached() {
    let elsewhere = Registry::start();
    let world = World::new();
    let tarball = registry::tarball([("index.js", "module.exports = 1")]);
    world.registry.publish_tarball("a", "1.0.0", json!({}), tarball.clone());
    for url in
        [format!("{}/a.tgz", elsewhere.url()), "http://localhost:1/a.tgz".into(), "http://169.254.169.254/x".into()]
    {
        world.registry.change("a", |document| document["versions"]["1.0.0"]["dist"]["tarball"] = json!(url));
        world.clock.advance(3_600_000);
        let error = world.refusal(json!({ "a": "1" })).await;
        assert_eq!(error.code, "registry_not_allowed", "{url}: {error:?}");
        assert!(error.message.contains("[packages]"), "{error:?}");
    }
    assert_eq!(elsewhere.asked(), []);
    for url in ["file:///etc/passwd", "nonsense", "ftp://127.0.0.1/x"] {
        world.registry.change("a", |document| document["versions"]["1.0.0"]["dist"]["tarball"] = json!(url));
        world.clock.advance(3_600_000);
        assert!(world.build(&draft(json!({ "a": "1" })), None).await.is_err(), "{url}");
    }
}

#[tokio::test]
async fn too_young_versions_are_passed_over() {
    let day = 86_400_000;
    let world = World::with(|options| options.minimum_age_ms = 3 * day);
    world.registry.publish("a", "1.0.0", json!({}), &[("index.js", "module.exports = 1")]);
    world.registry.publish("a", "1.1.0", json!({}), &[("index.js", "module.exports = 2")]);
    let at = |days: i64| Millis(NOW.0 - days * 86_400_000).to_rfc3339();
    world.registry.change("a", |document| document["time"]["1.1.0"] = json!(at(2)));
    let lock = world.build(&draft(json!({ "a": "^1.0.0" })), None).await.expect("built").lock.expect("a lock");
    assert_eq!(lock.packages["node_modules/a"].version, "1.0.0");
    assert_eq!(world.refusal(json!({ "a": "1.1.0" })).await.code, "package_too_new");
    world.clock.advance(2 * 86_400_000);
    let lock = world.build(&draft(json!({ "a": "^1.1.0" })), None).await.expect("built").lock.expect("a lock");
    assert_eq!(lock.packages["node_modules/a"].version, "1.1.0");
}

#[tokio::test]
async fn refusals_have_a_code_and_name_the_package() {
    let world = World::new();
    world.registry.publish("a", "1.0.0", json!({}), &[]);
    world.registry.status("/forbidden", 403);
    world.registry.bytes("/broken", b"<html>".to_vec());
    world.registry.publish("gone", "1.0.0", json!({}), &[]);
    world.registry.status("/gone/-/gone-1.0.0.tgz", 404);
    let check = |name: &'static str, spec: &'static str, code: &'static str| {
        let world = &world;
        async move {
            let error = world.refusal(json!({ name: spec })).await;
            assert_eq!(error.code, code, "{error:?}");
            assert!(error.message.contains(name), "{error:?}");
        }
    };
    check("nowhere", "1", "package_not_found").await;
    check("a", "^9", "package_version_not_found").await;
    check("a", "beta", "package_version_not_found").await;
    check("forbidden", "1", "package_forbidden").await;
    check("broken", "1", "package_malformed").await;
    check("gone", "1", "package_not_found").await;
    check("a", "git+ssh://git@example.com/a.git", "unsupported_dependency").await;
    check("../a", "1", "invalid_package_name").await;
    let mut draft = draft(json!({ "a": "1" }));
    draft.insert(".npmrc".into(), "//registry.npmjs.org/:_authToken=x".into());
    let said = world.build(&draft, None).await.expect_err("refused").to_string();
    assert!(said.contains(".npmrc") && said.contains("operator"), "{said}");
}

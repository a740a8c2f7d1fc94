//! Which version, and where it stands: what npm's own installer does with the same packages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::Result;
use crate::packages::Lock;
use crate::packages::packument::Packument;
use crate::packages::project::Project;
use crate::packages::refusal::refused;
use crate::packages::resolve::{Source, resolve};

/// Packages as a table: `name@version` to what its `package.json` says.
struct Table {
    packages: BTreeMap<String, BTreeMap<String, Value>>,
    asked: Mutex<Vec<String>>,
}

impl Table {
    fn new(packages: Value) -> Self {
        let mut table: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        for (id, facts) in packages.as_object().unwrap() {
            let (name, version) = id.rsplit_once('@').unwrap();
            let mut facts = facts.clone();
            facts["dist"] =
                json!({ "tarball": "http://r.example/x.tgz", "shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709" });
            table.entry(name.to_owned()).or_default().insert(version.to_owned(), facts);
        }
        Self { packages: table, asked: Mutex::default() }
    }
}

impl Source for Table {
    async fn packument(&self, name: &str, by: &str) -> Result<Arc<Packument>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let versions = self.packages.get(name).ok_or_else(|| refused("package_not_found", format!("{name} {by}")))?;
        let document = json!({ "versions": versions, "dist-tags": { "next": versions.keys().next_back() } });
        Ok(Arc::new(Packument::parse(name, document.to_string().as_bytes()).unwrap()))
    }
}

fn deps(dependencies: Value) -> Value {
    json!({ "dependencies": dependencies })
}

async fn lock(table: &Table, package: Value, before: Option<&Lock>) -> Result<Lock> {
    let files = [("package.json".to_owned(), package.to_string())].into();
    resolve(&Project::read(&files)?, before, table, None).await
}

/// The tree as `a@1.0.0 a/b@2.0.0`.
fn shown(lock: &Lock) -> String {
    let one = |(path, locked): (&String, &crate::packages::Locked)| {
        let short = path.replace("/node_modules/", "/").replace("node_modules/", "");
        let alias = if short.ends_with(&locked.name) { String::new() } else { format!("={}", locked.name) };
        format!("{short}{alias}@{}", locked.version)
    };
    lock.packages.iter().map(one).collect::<Vec<_>>().join(" ")
}

async fn check(packages: Value, package: Value, expected: &str) {
    let found = lock(&Table::new(packages), package.clone(), None).await;
    let found = found.map_or_else(|error| error.to_string(), |lock| shown(&lock));
    assert_eq!(found, expected, "{package}");
}

#[tokio::test]
async fn what_fits_stands_at_the_top_once() {
    let packages = json!({
        "a@1.0.0": deps(json!({ "c": "^1.0.0" })), "b@1.0.0": deps(json!({ "c": "^1.1.0" })),
        "c@1.0.0": {}, "c@1.2.0": {}, "c@2.0.0": {},
    });
    check(packages, deps(json!({ "a": "*", "b": "*" })), "a@1.0.0 b@1.0.0 c@1.2.0").await;
}

#[tokio::test]
async fn what_does_not_fit_stands_below_who_needs_it() {
    let packages = json!({
        "a@1.0.0": deps(json!({ "c": "^1.0.0" })), "b@1.0.0": deps(json!({ "c": "^2.0.0" })),
        "d@1.0.0": deps(json!({ "c": "^2.0.0" })), "c@1.0.0": {}, "c@2.0.0": deps(json!({ "e": "1" })), "e@1.0.0": {},
    });
    let asked = deps(json!({ "a": "*", "b": "*", "d": "*" }));
    check(packages.clone(), asked, "a@1.0.0 b@1.0.0 b/c@2.0.0 c@1.0.0 d@1.0.0 d/c@2.0.0 e@1.0.0").await;
    // The draft's own wish comes first, whatever the order of names.
    let asked = deps(json!({ "a": "*", "c": "^2.0.0" }));
    check(packages, asked, "a@1.0.0 a/c@1.0.0 c@2.0.0 e@1.0.0").await;
}

#[tokio::test]
async fn nothing_is_put_where_it_misleads_another() {
    // x stands at the top as 1, and q below p relies on that; r below p needs 2, which must not be put into p.
    let packages = json!({
        "x@1.0.0": {}, "x@2.0.0": {}, "q@1.0.0": deps(json!({ "x": "1" })), "q@2.0.0": {},
        "p@1.0.0": deps(json!({ "q": "1", "r": "1" })), "r@1.0.0": deps(json!({ "x": "2" })), "r@2.0.0": {},
    });
    let asked = deps(json!({ "p": "*", "q": "2", "r": "2", "x": "1" }));
    check(packages, asked, "p@1.0.0 p/q@1.0.0 p/r@1.0.0 p/r/x@2.0.0 q@2.0.0 r@2.0.0 x@1.0.0").await;
}

#[tokio::test]
async fn circles_end() {
    let packages = json!({
        "a@1.0.0": deps(json!({ "b": "1" })), "b@1.0.0": deps(json!({ "a": "1" })), "c@1.0.0": deps(json!({ "a": "2" })),
        "a@2.0.0": deps(json!({ "b": "2" })), "b@2.0.0": deps(json!({ "a": "2" })),
    });
    check(packages, deps(json!({ "a": "1", "c": "1" })), "a@1.0.0 b@1.0.0 c@1.0.0 c/a@2.0.0 c/b@2.0.0").await;
}

#[tokio::test]
async fn peers_come_along_and_stand_beside() {
    let peers = |peers: Value| json!({ "peerDependencies": peers });
    let packages = json!({
        "plugin@1.0.0": peers(json!({ "core": "^1.0.0" })), "core@1.0.0": {}, "core@1.5.0": {}, "core@2.0.0": {},
        "wrap@1.0.0": deps(json!({ "plugin": "1", "core": "^1.0.0" })),
        "maybe@1.0.0": json!({ "peerDependencies": { "core": "1" }, "peerDependenciesMeta": { "core": { "optional": true } } }),
    });
    check(packages.clone(), deps(json!({ "plugin": "*" })), "core@1.5.0 plugin@1.0.0").await;
    check(packages.clone(), deps(json!({ "plugin": "*", "core": "1.0.0" })), "core@1.0.0 plugin@1.0.0").await;
    check(packages.clone(), deps(json!({ "maybe": "*" })), "maybe@1.0.0").await;
    // Beside another version of the core, the plugin and its core stand together below who brings them.
    let asked = deps(json!({ "wrap": "*", "core": "2" }));
    check(packages.clone(), asked, "core@2.0.0 plugin@1.0.0 wrap@1.0.0 wrap/core@1.5.0").await;
    // What the draft says counts; the plugin has to live with it, and it is said.
    let lock = lock(&Table::new(packages), deps(json!({ "plugin": "*", "core": "2" })), None).await.unwrap();
    assert_eq!(shown(&lock), "core@2.0.0 plugin@1.0.0");
    assert!(lock.notes[0].contains("plugin@1.0.0 wants core"), "{:?}", lock.notes);
}

#[tokio::test]
async fn aliases_tags_and_previews_are_npms() {
    let packages = json!({ "a@1.0.0": {}, "a@2.0.0": {}, "a@3.0.0-rc.1": {}, "@s/b@1.0.0": deps(json!({ "a": "1" })) });
    let asked = deps(json!({ "a": "1", "a2": "npm:a@2", "b": "npm:@s/b@*", "pre": "npm:a@next" }));
    check(packages.clone(), asked, "a@1.0.0 a2=a@2.0.0 b=@s/b@1.0.0 pre=a@3.0.0-rc.1").await;
    check(packages.clone(), deps(json!({ "a": "*" })), "a@2.0.0").await;
    check(packages, deps(json!({ "a": ">=3.0.0-rc" })), "a@3.0.0-rc.1").await;
}

#[tokio::test]
async fn overrides_reach_what_others_ask_for() {
    let packages = json!({
        "a@1.0.0": deps(json!({ "c": "^1.0.0" })), "b@1.0.0": deps(json!({ "c": "^1.0.0" })), "c@1.0.0": {}, "c@1.9.0": {},
        "c@3.0.0": {},
    });
    let package = |overrides: Value| json!({ "dependencies": { "a": "*", "b": "*" }, "overrides": overrides });
    check(packages.clone(), package(json!({ "c": "1.0.0" })), "a@1.0.0 b@1.0.0 c@1.0.0").await;
    check(packages, package(json!({ "b": { "c": "3.0.0" } })), "a@1.0.0 b@1.0.0 b/c@3.0.0 c@1.9.0").await;
}

#[tokio::test]
async fn what_is_missing_is_named_with_who_wants_it() {
    let packages =
        json!({ "a@1.0.0": deps(json!({ "b": "^1.0.0" })), "b@2.0.0": {}, "g@1.0.0": deps(json!({ "h": "git://x" })) });
    let said = |package: Value| {
        let packages = packages.clone();
        async move { lock(&Table::new(packages), package, None).await.expect_err("refused").to_string() }
    };
    let version = said(deps(json!({ "a": "1" }))).await;
    assert!(version.contains("b has no version ^1.0.0, required by a@1.0.0") && version.contains("2.0.0"), "{version}");
    assert!(said(deps(json!({ "zzz": "1" }))).await.contains("zzz package.json"));
    let git = said(deps(json!({ "g": "1" }))).await;
    assert!(git.contains("\"h\": \"git://x\", required by g@1.0.0"), "{git}");
}

#[tokio::test]
async fn a_lock_changes_only_where_it_must() {
    let old = json!({ "a@1.0.0": deps(json!({ "c": "^1.0.0" })), "c@1.0.0": {} });
    let before = lock(&Table::new(old), deps(json!({ "a": "^1.0.0" })), None).await.unwrap();
    let new = json!({
        "a@1.0.0": deps(json!({ "c": "^1.0.0" })), "a@1.1.0": {}, "c@1.0.0": {}, "c@1.1.0": {}, "c@2.0.0": {}, "d@1.0.0": {},
    });
    let check = |asked: Value, expected: &'static str, asks: &'static [&'static str]| {
        let (table, before) = (Table::new(new.clone()), before.clone());
        async move {
            let lock = lock(&table, deps(asked), Some(&before)).await.unwrap();
            assert_eq!(shown(&lock), expected);
            assert_eq!(*table.asked.lock().unwrap(), asks);
        }
    };
    check(json!({ "a": "^1.0.0", "d": "1" }), "a@1.0.0 c@1.0.0 d@1.0.0", &["d"]).await;
    check(json!({ "a": ">=1.0.0" }), "a@1.0.0 c@1.0.0", &[]).await;
    check(json!({ "a": "^1.1.0" }), "a@1.1.0", &["a"]).await;
    check(json!({ "a": "1", "c": "2" }), "a@1.0.0 a/c@1.0.0 c@2.0.0", &["c"]).await;
    check(json!({ "d": "1" }), "d@1.0.0", &["d"]).await;
}

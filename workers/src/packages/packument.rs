//! What a registry says about a package: its versions, tags and times; and which version npm would choose.

use std::collections::BTreeMap;

use nodejs_semver::{Range, Version};
use schedules::Millis;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::refusal::refused;
use super::requested::{Requested, Versions};
use crate::{Error, Result};

/// The Node.js whose modules scripts find here; npm prefers versions that say that they run on it.
const NODE: &str = "20.19.0";
/// How many versions a message lists.
const LISTED: usize = 8;

/// A package in a registry.
pub(super) struct Packument {
    name: String,
    versions: BTreeMap<Version, Listed>,
    tags: BTreeMap<String, Version>,
    times: BTreeMap<String, Millis>,
}

/// A version; most are never looked into.
struct Listed {
    text: Box<RawValue>,
    deprecated: bool,
    /// Whether it says that it runs on [`NODE`], or says nothing.
    runs_here: bool,
}

/// What one version says of itself, as far as installing it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Name to spec, without those that are optional or come inside of the tarball.
    pub dependencies: BTreeMap<String, String>,
    /// Name to spec of the peers it needs.
    pub peers: BTreeMap<String, String>,
    /// Where its tarball is.
    pub url: String,
    /// What the tarball must hash to, as the registry writes it.
    pub integrity: Option<String>,
    /// The same for packages of the time before.
    pub shasum: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    versions: BTreeMap<String, Box<RawValue>>,
    #[serde(default, rename = "dist-tags")]
    tags: BTreeMap<String, Value>,
    #[serde(default)]
    time: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Remarks {
    #[serde(default)]
    deprecated: Value,
    #[serde(default)]
    engines: Value,
}

impl Packument {
    /// Reads the document of the package `name`. Versions that are none are passed over, as npm does.
    pub(super) fn parse(name: &str, body: &[u8]) -> std::result::Result<Self, String> {
        let wire: Wire = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let node = Version::parse(NODE).map_err(|error| error.to_string())?;
        let listed = |(version, text): (String, Box<RawValue>)| {
            let Remarks { deprecated, engines } = serde_json::from_str(text.get()).ok()?;
            let deprecated = !matches!(deprecated, Value::Null | Value::Bool(false)) && deprecated.as_str() != Some("");
            let range = engines.get("node").and_then(Value::as_str).and_then(|range| Range::parse(range).ok());
            let runs_here = range.is_none_or(|range| range.satisfies(&node));
            Some((Version::parse(&version).ok()?, Listed { text, deprecated, runs_here }))
        };
        let tag = |(tag, version): (String, Value)| Some((tag, Version::parse(version.as_str()?).ok()?));
        let time = |(version, at): (String, Value)| Some((version, Millis::parse_rfc3339(at.as_str()?).ok()?));
        Ok(Self {
            name: name.to_owned(),
            versions: wire.versions.into_iter().filter_map(listed).collect(),
            tags: wire.tags.into_iter().filter_map(tag).collect(),
            times: wire.time.into_iter().filter_map(time).collect(),
        })
    }

    /// The version npm installs for a request; `by` is who wants it. With `before`, none that is younger.
    pub(super) fn choose(&self, requested: &Requested, by: &str, before: Option<Millis>) -> Result<&Version> {
        let old_enough = |version: &Version| {
            before.is_none_or(|before| self.times.get(&version.to_string()).is_some_and(|at| at.0 <= before.0))
        };
        let chosen = match &requested.versions {
            Versions::In(range) => self.in_range(range, old_enough),
            Versions::Tagged(tag) => self.tagged(tag, old_enough),
        };
        chosen.ok_or_else(|| match &requested.versions {
            Versions::In(range) if self.in_range(range, |_| true).is_some() => self.too_young(requested, by),
            Versions::Tagged(tag) if self.tagged(tag, |_| true).is_some() => self.too_young(requested, by),
            _ => self.unknown_version(requested, by),
        })
    }

    /// What `latest` stands for if it is in the range, else the highest; those that are deprecated or need another Node.js
    /// only if there is no other.
    fn in_range(&self, range: &Range, fits: impl Fn(&Version) -> bool) -> Option<&Version> {
        let fits = |version: &Version| range.satisfies(version) && fits(version);
        let latest = self.tags.get("latest").and_then(|latest| self.versions.get_key_value(latest));
        if let Some((latest, listed)) = latest
            && fits(latest)
            && listed.runs_here
            && !listed.deprecated
        {
            return Some(latest);
        }
        let all = self.versions.iter().filter(|(version, _)| fits(version));
        all.max_by_key(|(version, listed)| (listed.runs_here, !listed.deprecated, *version)).map(|(version, _)| version)
    }

    /// What the tag stands for; if that is too young, the highest before it that is not and is no preview.
    fn tagged(&self, tag: &str, fits: impl Fn(&Version) -> bool) -> Option<&Version> {
        let (version, _) = self.versions.get_key_value(self.tags.get(tag)?)?;
        if fits(version) {
            return Some(version);
        }
        self.versions.keys().rev().find(|other| *other < version && !other.is_prerelease() && fits(other))
    }

    fn unknown_version(&self, requested: &Requested, by: &str) -> Error {
        let name = &self.name;
        if self.versions.is_empty() {
            let message = format!("npm package {name}, required by {by}, has no versions: it was taken down");
            return refused("package_version_not_found", message);
        }
        let newest = self.versions.keys().rev().filter(|version| !version.is_prerelease());
        let mut newest: Vec<String> = newest.take(LISTED).map(ToString::to_string).collect();
        if newest.is_empty() {
            newest = self.versions.keys().rev().take(LISTED).map(ToString::to_string).collect();
        }
        let tags: Vec<String> =
            self.tags.iter().map(|(tag, version)| format!("{tag} ({version})")).take(LISTED).collect();
        let message = format!(
            "npm package {name} has no version {}, required by {by}; the newest of its {} versions are {}{}",
            if requested.text.is_empty() { "*" } else { &requested.text },
            self.versions.len(),
            newest.join(", "),
            if tags.is_empty() { String::new() } else { format!("; its tags are {}", tags.join(", ")) },
        );
        refused("package_version_not_found", message)
    }

    fn too_young(&self, requested: &Requested, by: &str) -> Error {
        let message = format!(
            "every version of npm package {} that {} allows, required by {by}, is younger than packages.minimum_age of \
             the server's configuration; name an older one",
            self.name, requested.text
        );
        refused("package_too_new", message)
    }

    /// What a version says of itself.
    pub(super) fn facts(&self, version: &Version) -> Result<Facts> {
        let text = self.versions.get(version).map(|listed| listed.text.get());
        let read = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let wrong = || {
            let message = format!("the registry's description of {}@{version} cannot be read", self.name);
            refused("package_malformed", message)
        };
        read.as_ref().and_then(facts).ok_or_else(wrong)
    }
}

fn facts(version: &Value) -> Option<Facts> {
    let dist = version.get("dist")?;
    let text = |key: &str| dist.get(key).and_then(Value::as_str).map(str::to_owned);
    let optional = table(version, "optionalDependencies");
    let inside = version.get("bundleDependencies").or_else(|| version.get("bundledDependencies"));
    let inside = |name: &str| match inside {
        Some(Value::Bool(all)) => *all,
        Some(Value::Array(names)) => names.iter().any(|inside| inside == name),
        _ => false,
    };
    let mut dependencies = table(version, "dependencies");
    dependencies.retain(|name, _| !optional.contains_key(name) && !inside(name));
    let meta = version.get("peerDependenciesMeta");
    let not_needed = |name: &str| meta.and_then(|meta| meta.get(name)?.get("optional")?.as_bool()).unwrap_or(false);
    let mut peers = table(version, "peerDependencies");
    peers.retain(|name, _| !not_needed(name) && !dependencies.contains_key(name));
    Some(Facts { dependencies, peers, url: text("tarball")?, integrity: text("integrity"), shasum: text("shasum") })
}

fn table(of: &Value, key: &str) -> BTreeMap<String, String> {
    let entries = of.get(key).and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(name, spec)| Some((name.clone(), spec.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn packument() -> Packument {
        let dist = json!({ "tarball": "https://r.example/a.tgz", "integrity": "sha512-x" });
        let version = json!({ "dist": dist });
        let deprecated = json!({ "dist": dist, "deprecated": "use 3" });
        let newer = json!({ "dist": dist, "engines": { "node": "^22.18.0 || >=24" } });
        let document = json!({
            "dist-tags": { "latest": "2.1.0", "next": "3.0.0-rc.2", "gone": "9.9.9", "odd": 3 },
            "versions": {
                "1.0.0": version, "1.1.0": deprecated, "1.2.0": deprecated, "2.0.0": version, "2.1.0": version,
                "2.2.0": version, "2.10.0": version, "3.0.0-rc.1": version, "3.0.0-rc.2": version, "nonsense": version,
                "4.0.0": deprecated, "5.0.0": version, "5.1.0": newer, "5.2.0": newer,
            },
            "time": {
                "created": "2020-01-01T00:00:00.000Z", "1.0.0": "2020-01-01T00:00:00.000Z",
                "2.0.0": "2021-01-01T00:00:00.000Z", "2.1.0": "2026-01-01T00:00:00.000Z",
                "3.0.0-rc.2": "2026-01-01T00:00:00.000Z",
            },
        });
        Packument::parse("a", document.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_version_is_the_one_npm_chooses() {
        let check = |spec: &str, before: Option<&str>, expected: std::result::Result<&str, &str>| {
            let requested = Requested::parse("a", spec, "x").unwrap();
            let before = before.map(|at| Millis::parse_rfc3339(at).unwrap());
            match (packument().choose(&requested, "package.json", before), expected) {
                (Ok(version), Ok(expected)) => assert_eq!(version.to_string(), expected, "{spec}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{spec}: {error}"),
                (found, _) => panic!("{spec}: {:?}", found.map(ToString::to_string).map_err(|error| error.to_string())),
            }
        };
        check("^2.0.0", None, Ok("2.1.0"));
        check("^2.2.0", None, Ok("2.10.0"));
        check("2.0.x", None, Ok("2.0.0"));
        check("^1.0.0", None, Ok("1.0.0"));
        check("~1.1.0", None, Ok("1.1.0"));
        check("*", None, Ok("2.1.0"));
        check("^4", None, Ok("4.0.0"));
        check("^5", None, Ok("5.0.0"));
        check("^5.1", None, Ok("5.2.0"));
        check("latest", None, Ok("2.1.0"));
        check("next", None, Ok("3.0.0-rc.2"));
        check("^3.0.0-rc.1", None, Ok("3.0.0-rc.2"));
        check(
            "^3.0.0",
            None,
            Err("the newest of its 13 versions are 5.2.0, 5.1.0, 5.0.0, 4.0.0, 2.10.0, 2.2.0, 2.1.0"),
        );
        check("^7", None, Err("package.json"));
        check("nope", None, Err("its tags are gone (9.9.9), latest (2.1.0), next (3.0.0-rc.2)"));
        check("gone", None, Err("has no version gone"));
        check("^2.0.0", Some("2022-01-01T00:00:00Z"), Ok("2.0.0"));
        check("latest", Some("2022-01-01T00:00:00Z"), Ok("2.0.0"));
        check("^2.2.0", Some("2026-06-01T00:00:00Z"), Err("minimum_age"));
        check("next", Some("2019-01-01T00:00:00Z"), Err("minimum_age"));
    }

    #[test]
    fn what_is_optional_or_inside_is_not_installed() {
        let version = json!({
            "dependencies": { "a": "1", "fsevents": "2", "inside": "3", "odd": 4 },
            "optionalDependencies": { "fsevents": "2" },
            "bundleDependencies": ["inside"],
            "peerDependencies": { "p": "5", "maybe": "6", "a": "7" },
            "peerDependenciesMeta": { "maybe": { "optional": true } },
            "dist": { "tarball": "t", "shasum": "s" },
        });
        let facts = facts(&version).unwrap();
        assert_eq!(facts.dependencies.into_iter().collect::<Vec<_>>(), [("a".to_owned(), "1".to_owned())]);
        assert_eq!(facts.peers.into_iter().collect::<Vec<_>>(), [("p".to_owned(), "5".to_owned())]);
        assert_eq!((facts.integrity, facts.shasum.as_deref()), (None, Some("s")));
    }

    #[test]
    fn a_document_that_is_none_is_an_error_and_no_panic() {
        for body in ["", "[]", "{\"versions\":[]}", "{\"versions\":{\"1.0.0\":3}}", "null"] {
            if let Ok(packument) = Packument::parse("a", body.as_bytes()) {
                let version = Version::parse("1.0.0").unwrap();
                assert!(packument.facts(&version).is_err(), "{body}");
            }
        }
    }
}

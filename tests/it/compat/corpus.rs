//! The folders of `tests/compat`: `package.json`, `integration.js`, `expect.json`, and a `mock.json` for the server.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::mock::Mock;

/// What a package's integration needs and must answer.
pub struct Package {
    pub name: String,
    pub integration: String,
    pub dependencies: BTreeMap<String, String>,
    pub mock: Mock,
    pub expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum Expected {
    /// What Node answers to the same requests.
    Result(serde_json::Value),
    /// A part of the error's message, for packages that cannot work here.
    Error(String),
}

#[derive(Deserialize)]
struct Manifest {
    dependencies: BTreeMap<String, String>,
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

pub fn packages() -> Vec<Package> {
    let folders = fs::read_dir(root().join("tests/compat")).expect("the corpus");
    let folders = folders.map(|entry| entry.expect("an entry").path());
    let folders = folders.filter(|path| path.join("expect.json").is_file());
    let mut packages: Vec<Package> = folders.map(|folder| package(&folder)).collect();
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    packages
}

fn package(folder: &Path) -> Package {
    let text = |name: &str| {
        fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{}/{name}: {error}", folder.display()))
    };
    let manifest: Manifest = serde_json::from_str(&text("package.json")).expect("package.json");
    let mock = if folder.join("mock.json").exists() { text("mock.json") } else { "{}".to_owned() };
    Package {
        name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        integration: text("integration.js"),
        dependencies: manifest.dependencies,
        mock: Mock::new(&mock).expect("mock.json"),
        expected: serde_json::from_str(&text("expect.json")).expect("expect.json"),
    }
}

#[test]
fn every_package_is_pinned_and_has_an_expectation_that_can_fail() {
    let packages = packages();
    assert!(packages.len() >= 60, "{} packages", packages.len());
    for Package { name, integration, dependencies, expected, mut mock } in packages {
        assert!(integration.contains("payload: { url }"), "{name} takes the server's address from its payload");
        let pinned = |version: &String| version.starts_with(|c: char| c.is_ascii_digit());
        assert!(!dependencies.is_empty() && dependencies.values().all(pinned), "{name}: {dependencies:?}");
        let empty = match &expected {
            Expected::Result(result) => result.as_object().is_none_or(serde_json::Map::is_empty),
            Expected::Error(part) => part.is_empty(),
        };
        assert!(!empty, "{name} expects nothing");
        assert_eq!(mock.answer("GET", "/_requests", &BTreeMap::new(), b"").body, b"[]", "{name}");
    }
}

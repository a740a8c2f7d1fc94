//! What was installed: exact versions, their hashes, and where each stands; kept with the draft and every release.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::digest::{self, Digest};

/// What was installed for a draft.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lock {
    /// What was asked for; while it is the same, so is the lock.
    pub(super) wanted: Value,
    /// By the folder below the draft, such as `node_modules/axios`.
    pub packages: BTreeMap<String, Locked>,
    /// What is not as it should be, for the author.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Locked {
    /// Its name in the registry.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where its tarball is.
    pub url: String,
    /// What the tarball hashes to, as `sha512-<base64>`.
    pub integrity: String,
    /// Whether `package.json` asks for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub direct: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) dependencies: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) peers: BTreeMap<String, String>,
}

/// What a run says about its packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// Name and version of what `package.json` asks for.
    pub direct: BTreeMap<String, String>,
    /// `name@version` of what these need in turn.
    pub others: Vec<String>,
    /// Whether they had been installed before.
    pub cached: bool,
}

impl Installed {
    /// What is in a lock.
    pub fn new(lock: &Lock, cached: bool) -> Self {
        Self { direct: lock.direct(), others: lock.others(), cached }
    }
}

impl Locked {
    pub(super) fn digest(&self) -> Option<Digest> {
        Digest::parse(Some(&self.integrity), None)
    }
}

impl Lock {
    /// Reads what [`Self::text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// As it is stored.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Name and version of what `package.json` asks for.
    pub fn direct(&self) -> BTreeMap<String, String> {
        let direct = self.packages.iter().filter(|(_, locked)| locked.direct);
        let named = |(path, locked): (&String, &Locked)| (name_of(path).to_owned(), shown(path, locked));
        direct.map(named).collect()
    }

    /// `name@version` of what these need in turn, without repetition.
    pub fn others(&self) -> Vec<String> {
        let others = self.packages.values().filter(|locked| !locked.direct);
        let mut others: Vec<String> = others.map(|locked| format!("{}@{}", locked.name, locked.version)).collect();
        others.sort();
        others.dedup();
        others
    }

    /// The identity of what is installed.
    pub(super) fn hash(&self) -> String {
        let what = self.packages.iter().map(|(path, locked)| format!("{path}\0{}\0", locked.integrity));
        digest::hex(&Sha256::digest(what.collect::<String>()))
    }
}

/// An alias shows what it stands for.
fn shown(path: &str, locked: &Locked) -> String {
    match name_of(path) == locked.name {
        true => locked.version.clone(),
        false => format!("{}@{}", locked.name, locked.version),
    }
}

/// The name of the package at a path such as `node_modules/a/node_modules/@s/b`.
pub(super) fn name_of(path: &str) -> &str {
    path.rsplit_once("node_modules/").map_or(path, |(_, name)| name)
}

/// The package that a file belongs to, and the path to it; `None` for the draft's own files.
pub(super) fn package_of(file: &str) -> Option<(&str, &str)> {
    let at = file.rfind("node_modules/")? + "node_modules/".len();
    let rest = &file[at..];
    let parts = if rest.starts_with('@') { 2 } else { 1 };
    let length: usize = rest.split('/').take(parts).map(|part| part.len() + 1).sum::<usize>().saturating_sub(1);
    let end = (at + length).min(file.len());
    Some((&file[at..end], &file[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_innermost_package() {
        assert_eq!(package_of("integration.js"), None);
        assert_eq!(package_of("node_modules/a/lib/x.js"), Some(("a", "node_modules/a")));
        assert_eq!(package_of("node_modules/@s/a/x.js"), Some(("@s/a", "node_modules/@s/a")));
        let inner = "node_modules/a/node_modules/@s/b";
        assert_eq!(package_of(&format!("{inner}/x.js")), Some(("@s/b", inner)));
        assert_eq!(package_of("node_modules/a"), Some(("a", "node_modules/a")));
        assert_eq!(name_of(inner), "@s/b");
    }
}

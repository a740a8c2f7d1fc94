//! What a draft's `package.json` asks for.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use store::catalog::Files;

use super::files::PACKAGE;
use super::refusal::refused;
use super::requested::Requested;
use crate::Result;

/// The most packages that may be asked for directly.
const MAX_DIRECT: usize = 500;

/// What a draft asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Project {
    /// Name to spec, as written, with what peers it names itself.
    pub dependencies: BTreeMap<String, String>,
    /// What is installed instead, wherever it is asked for.
    pub overrides: Overrides,
    /// `"type": "module"` and `"imports"`: all of it that means something to a bundler.
    pub bundling: Value,
}

/// `overrides`: by name, or by name below the package that depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Overrides {
    everywhere: BTreeMap<String, String>,
    below: BTreeMap<String, BTreeMap<String, String>>,
}

impl Overrides {
    /// What stands for the spec of `name`, as the package `by` has it.
    pub(super) fn spec<'a>(&'a self, by: Option<&str>, name: &str, spec: &'a str) -> &'a str {
        let below = by.and_then(|by| self.below.get(by)?.get(name));
        below.or_else(|| by.and(self.everywhere.get(name))).map_or(spec, String::as_str)
    }

    fn text(&self) -> Value {
        json!({ "everywhere": self.everywhere, "below": self.below })
    }
}

impl Project {
    /// Reads `package.json`; without one, or with one that is no JSON object, nothing is asked for: the compiler says
    /// what is wrong with it.
    pub(super) fn read(files: &Files) -> Result<Self> {
        let Some(Value::Object(package)) = files.get(PACKAGE).and_then(|text| serde_json::from_str(text).ok()) else {
            return Ok(Self::default());
        };
        let optional = table(&package, "optionalDependencies")?;
        let mut dependencies = table(&package, "peerDependencies")?;
        dependencies.extend(table(&package, "dependencies")?);
        dependencies.retain(|name, _| !optional.contains_key(name));
        if dependencies.len() > MAX_DIRECT {
            let message =
                format!("{PACKAGE} has {} dependencies; at most {MAX_DIRECT} are allowed", dependencies.len());
            return Err(refused("too_many_packages", message));
        }
        for (name, spec) in &dependencies {
            Requested::parse(name, spec, PACKAGE)?;
        }
        let overrides = overrides(&package, &dependencies)?;
        let kept = ["type", "imports"].into_iter().filter_map(|key| Some((key.to_owned(), package.get(key)?.clone())));
        Ok(Self { dependencies, overrides, bundling: Value::Object(kept.collect()) })
    }

    /// Everything that decides which versions are installed, to see whether it changed.
    pub(super) fn wanted(&self) -> Value {
        json!({ "dependencies": self.dependencies, "overrides": self.overrides.text() })
    }
}

fn table(package: &Map<String, Value>, key: &str) -> Result<BTreeMap<String, String>> {
    let shape =
        || invalid(format!("\"{key}\" must be an object of names and versions, such as {{ \"axios\": \"^1.7.0\" }}"));
    match package.get(key) {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::Object(entries)) => {
            let entry = |(name, spec): (&String, &Value)| Some((name.clone(), spec.as_str()?.to_owned()));
            entries.iter().map(entry).collect::<Option<_>>().ok_or_else(shape)
        }
        Some(_) => Err(shape()),
    }
}

fn overrides(package: &Map<String, Value>, dependencies: &BTreeMap<String, String>) -> Result<Overrides> {
    let mut overrides = Overrides::default();
    let entries = match package.get("overrides") {
        None | Some(Value::Null) => return Ok(overrides),
        Some(Value::Object(entries)) => entries,
        Some(_) => return Err(invalid("\"overrides\" must be an object")),
    };
    let spec = |name: &str, value: &Value| -> Result<String> {
        let text = value.as_str().ok_or_else(|| deep(name))?;
        let spec = match text.strip_prefix('$') {
            None => text.to_owned(),
            Some(of) => dependencies.get(of).cloned().ok_or_else(|| {
                invalid(format!("the override \"{name}\": \"{text}\" names a dependency that {PACKAGE} does not have"))
            })?,
        };
        Requested::parse(name, &spec, PACKAGE)?;
        Ok(spec)
    };
    for (name, value) in entries {
        match value {
            Value::Object(inner) => {
                for (of, value) in inner {
                    let spec = spec(if of == "." { name } else { of }, value)?;
                    match of.as_str() {
                        "." => overrides.everywhere.insert(name.clone(), spec),
                        _ => overrides.below.entry(name.clone()).or_default().insert(of.clone(), spec),
                    };
                }
            }
            value => {
                overrides.everywhere.insert(name.clone(), spec(name, value)?);
            }
        }
    }
    Ok(overrides)
}

fn deep(name: &str) -> crate::Error {
    invalid(format!(
        "the override of \"{name}\" is deeper than this version understands: write {{ \"{name}\": \"1.2.3\" }}, or \
         {{ \"parent\": {{ \"{name}\": \"1.2.3\" }} }}"
    ))
}

fn invalid(message: impl std::fmt::Display) -> crate::Error {
    refused("invalid_package_json", format!("{PACKAGE}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(package: &str) -> Result<Project> {
        Project::read(&[(PACKAGE.to_owned(), package.to_owned())].into())
    }

    #[test]
    fn dependencies_and_own_peers_are_asked_for_and_others_are_not() {
        let project = read(
            r#"{"dependencies":{"a":"^1","o":"1"},"peerDependencies":{"p":"2","a":"9"},"devDependencies":{"d":"1"},
                "optionalDependencies":{"o":"1"},"type":"module","scripts":{"postinstall":"rm -rf /"}}"#,
        )
        .unwrap();
        let asked: Vec<(&str, &str)> = project.dependencies.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(asked, [("a", "^1"), ("p", "2")]);
        assert_eq!(project.bundling, json!({ "type": "module" }));
        for nothing in ["{}", "[]", "{", "{\"dependencies\":null}"] {
            assert_eq!(read(nothing).unwrap().dependencies.len(), 0, "{nothing}");
        }
    }

    #[test]
    fn overrides_hold_everywhere_or_below_one_package() {
        let project = read(
            r#"{"dependencies":{"a":"^1","s":"2.0.0"},
                "overrides":{"b":"1.0.0","c":{".":"3.0.0","d":"4.0.0"},"e":"$s"}}"#,
        )
        .unwrap();
        let check = |by: Option<&str>, name: &str, expected: &str| {
            assert_eq!(project.overrides.spec(by, name, "as asked"), expected, "{by:?} {name}");
        };
        check(Some("x"), "b", "1.0.0");
        check(None, "b", "as asked");
        check(Some("x"), "c", "3.0.0");
        check(Some("c"), "d", "4.0.0");
        check(Some("x"), "d", "as asked");
        check(Some("x"), "e", "2.0.0");
    }

    #[test]
    fn a_wrong_package_json_is_refused_by_its_key() {
        let check = |package: &str, part: &str| {
            let said = read(package).expect_err(package).to_string();
            assert!(said.contains(part), "{package}: {said}");
        };
        check(r#"{"dependencies":[]}"#, "\"dependencies\" must be an object");
        check(r#"{"dependencies":{"a":1}}"#, "\"dependencies\" must be an object");
        check(r#"{"overrides":1}"#, "\"overrides\" must be an object");
        check(r#"{"overrides":{"a":"$b"}}"#, "\"$b\"");
        check(r#"{"overrides":{"a":{"b":{"c":"1"}}}}"#, "deeper");
        check(r#"{"dependencies":{"a":"git+ssh://x"}}"#, "git");
        check(r#"{"dependencies":{"../a":"1"}}"#, "no name");
    }
}

//! The house rules that no compiler keeps: each is a test that reads the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The workspace's crates and what each may depend on, of its own kind.
const ARROWS: [(&str, &[&str]); 5] = [
    ("schedules", &[]),
    ("scripts", &[]),
    ("store", &["schedules"]),
    ("workers", &["schedules", "store", "scripts"]),
    ("", &["schedules", "store", "scripts", "workers"]),
];

/// Folders that hold sources.
const SOURCES: [&str; 6] = ["src", "tests", "schedules", "store", "scripts", "workers"];

/// The most lines of a file, and the catalogues that may have more because every entry has the same short shape.
const MAX_LINES: usize = 600;
const CATALOGUES: [&str; 0] = [];

/// What may appear only below some paths.
const ONLY_IN: [(&str, &[&str]); 12] = [
    ("cel::", &["workers/src/events/expression/parse.rs"]),
    ("rusqlite::", &["store/"]),
    ("sqlx::", &["store/"]),
    ("redis::", &["store/"]),
    ("axum::", &["src/", "tests/"]),
    ("utoipa::", &["src/"]),
    ("prometheus::", &["src/"]),
    ("clap::", &["src/"]),
    ("rquickjs::", &["scripts/"]),
    ("apalis_core::", &["workers/src/apalis.rs"]),
    ("reqwest::Client::builder", &["workers/src/gateway/"]),
    ("reqwest::Client::new", &["workers/src/gateway/"]),
];

/// Crates that may be named in one manifest only.
const DEPENDED_ON_BY: [(&str, &[&str]); 10] = [
    ("cel", &["workers"]),
    ("rusqlite", &["store"]),
    ("sqlx", &["store"]),
    ("redis", &["store"]),
    ("axum", &[""]),
    ("clap", &[""]),
    ("prometheus", &[""]),
    ("rquickjs", &["scripts"]),
    ("apalis", &["workers"]),
    ("apalis-core", &["workers"]),
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "misc", "types"];

/// Where the compiler's promise may be replaced by an argument.
const UNSAFE_IN: &[&str] = &[
    "scripts/src/jail/",
    "scripts/tests/jail/",
    "scripts/src/builtins/bytes.rs",
    "scripts/src/sandbox/bytecode.rs",
    "scripts/src/sandbox/engines.rs",
    "scripts/src/sandbox/heap.rs",
    "scripts/src/sandbox/heap/",
    "scripts/src/sandbox/pace.rs",
    "scripts/src/sandbox/stack.rs",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file: its path from the root, and its text.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in SOURCES {
        collect(&root().join(folder), &mut found);
    }
    assert!(found.len() > 50, "only {} files were found", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).expect("it is below the root").to_string_lossy().into_owned();
            found.push((name, fs::read_to_string(&path).expect("the file can be read")));
        }
    }
}

/// Fails with every file that `rule` objects to.
fn check(rule: &str, object: impl Fn(&str, &str) -> Option<String>) {
    let objections: Vec<String> = sources()
        .iter()
        .filter(|(name, _)| name != "tests/tidy.rs")
        .filter_map(|(name, text)| Some(format!("{name}: {}", object(name, text)?)))
        .collect();
    assert!(objections.is_empty(), "{rule}:\n{}", objections.join("\n"));
}

/// The first line of code (not a comment) that `is_wrong` holds for, as `line N: …`.
fn first_line(text: &str, is_wrong: impl Fn(&str) -> bool) -> Option<String> {
    let code = |line: &str| !line.trim_start().starts_with("//");
    let (n, line) = text.lines().enumerate().find(|(_, line)| code(line) && is_wrong(line))?;
    Some(format!("line {}: {}", n + 1, line.trim()))
}

fn manifest(of: &str) -> toml::Table {
    let text = fs::read_to_string(root().join(of).join("Cargo.toml")).expect("there is a Cargo.toml");
    text.parse().expect("Cargo.toml is TOML")
}

/// The names of all dependencies, for building, running and testing.
fn dependencies(of: &str, kinds: &[&str]) -> BTreeSet<String> {
    let manifest = manifest(of);
    // Those of single systems as well.
    let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
    let targets = targets.filter_map(toml::Value::as_table);
    let places = std::iter::once(&manifest).chain(targets);
    let tables = places.flat_map(|place| kinds.iter().filter_map(|kind| place.get(*kind)?.as_table()));
    tables.flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn every_file_says_in_its_first_line_what_it_is_for() {
    check("a file opens with //!", |_, text| (!text.starts_with("//! ")).then(|| "has no header".to_owned()));
}

#[test]
fn every_file_of_the_client_says_what_it_is_for() {
    let mut seen = 0;
    for folder in ["sdk", "sdk/src", "sdk/test"] {
        for entry in fs::read_dir(root().join(folder)).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            if path.extension().is_some_and(|extension| extension == "ts" || extension == "mjs") {
                let text = fs::read_to_string(&path).expect("the file can be read");
                assert!(text.starts_with("// "), "{} has no header", path.display());
                assert!(text.lines().count() <= MAX_LINES, "{} is too long", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "only {seen} files were found");
}

#[test]
fn no_file_is_too_long() {
    check("a file has a bound", |name, text| {
        let lines = text.lines().count();
        (lines > MAX_LINES && !CATALOGUES.contains(&name)).then(|| format!("{lines} lines; the limit is {MAX_LINES}"))
    });
}

#[test]
fn names_say_what_is_inside() {
    check("no empty names", |name, _| {
        let parts = name.trim_end_matches(".rs").split('/');
        let empty =
            parts.clone().find(|part| EMPTY_NAMES.contains(part) || part.ends_with("_manager") || *part == "manager");
        empty.map(|part| format!("`{part}` says nothing"))
    });
}

#[test]
fn what_belongs_to_one_crate_stays_there() {
    for (word, homes) in ONLY_IN {
        check(&format!("`{word}` only in {homes:?}"), |name, text| {
            let home = homes.iter().any(|home| name.starts_with(home));
            if home { None } else { first_line(text, |line| contains_path(line, word)) }
        });
    }
}

/// Whether `line` uses the path `word`, and not one that merely ends like it.
fn contains_path(line: &str, word: &str) -> bool {
    let before = |at: usize| line[..at].strip_suffix("::").unwrap_or(&line[..at]);
    line.match_indices(word).any(|(at, _)| !before(at).ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn a_word_is_found_as_a_path_only() {
    let check = |line: &str, expected: bool| assert_eq!(contains_path(line, "sqlx::"), expected, "{line}");
    check("use sqlx::Row;", true);
    check("let x = ::sqlx::query();", true);
    check("crate::sqlx::query()", false);
    check("my_sqlx::query()", false);
    check("(sqlx::query())", true);
}

#[test]
fn crates_depend_on_each_other_as_drawn() {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
    for (name, allowed) in ARROWS {
        let actual = dependencies(name, &["dependencies", "build-dependencies"]);
        let wrong: Vec<&String> =
            actual.iter().filter(|other| ours.contains(other.as_str()) && !allowed.contains(&other.as_str())).collect();
        assert!(wrong.is_empty(), "{name}/Cargo.toml may not depend on {wrong:?}");
    }
    for (dependency, homes) in DEPENDED_ON_BY {
        for (name, _) in ARROWS {
            let named = dependencies(name, &["dependencies", "build-dependencies"]).contains(dependency);
            assert!(!named || homes.contains(&name), "{name}/Cargo.toml may not depend on {dependency}");
        }
    }
}

#[test]
fn the_pure_crate_reads_no_clock_and_does_no_io() {
    check("schedules does no IO and reads no clock", |name, text| {
        if !name.starts_with("schedules/src/") || name == "schedules/src/clock.rs" {
            return None;
        }
        let words = [
            "std::fs",
            "std::net",
            "std::io",
            "std::env",
            "std::process",
            "SystemTime",
            "Instant::now",
            "Utc::now",
            "Local::now",
        ];
        first_line(text, |line| words.iter().any(|word| line.contains(word)))
    });
    let forbidden = ["tokio", "serde", "reqwest", "axum", "rusqlite", "sqlx"];
    let named = dependencies("schedules", &["dependencies"]);
    assert!(forbidden.iter().all(|name| !named.contains(*name)), "schedules depends on one of {forbidden:?}");
}

#[test]
fn the_scripts_crate_has_neither_network_nor_storage() {
    let forbidden = ["tokio", "hyper", "reqwest", "rusqlite", "sqlx", "redis", "rustls"];
    let named = dependencies("scripts", &["dependencies"]);
    assert!(forbidden.iter().all(|name| !named.contains(*name)), "scripts depends on one of {forbidden:?}");
    check("scripts opens no sockets but its own", |name, text| {
        let ours = name.starts_with("scripts/src/");
        if ours { first_line(text, |line| line.contains("std::net") || line.contains("TcpStream")) } else { None }
    });
}

#[test]
fn tests_do_not_sleep() {
    let words = [["thread::", "sleep"].concat(), ["time::", "sleep"].concat()];
    check("tests wait for signals", |name, text| {
        let tests = name.starts_with("tests/") || name.contains("/tests/") || name.ends_with("tests.rs");
        let inline = text.find("#[cfg(test)]").map(|at| &text[at..]);
        let part = if tests { Some(text) } else { inline };
        first_line(part?, |line| words.iter().any(|word| line.contains(word.as_str())))
    });
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    check("#[expect(lint, reason)]", |_, text| {
        first_line(text, |line| line.contains("#[allow(") || line.contains("#![allow("))
    });
}

#[test]
fn unsafe_code_stays_in_the_jail() {
    check("no unsafe", |name, text| {
        let allowed = UNSAFE_IN.iter().any(|home| name.starts_with(home));
        let uses = |line: &str| line.contains("unsafe {") || line.contains("unsafe fn") || line.contains("unsafe impl");
        if allowed { None } else { first_line(text, uses) }
    });
}

#[test]
fn every_dependency_is_accounted_for() {
    let text = fs::read_to_string(root().join("docs/DEPENDENCIES.md")).expect("docs/DEPENDENCIES.md");
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let mut named = BTreeSet::new();
    for (of, _) in ARROWS {
        named.extend(dependencies(of, &["dependencies", "dev-dependencies", "build-dependencies"]));
    }
    named.retain(|name| !ours.contains(name.as_str()));
    let listed = |name: &String| text.lines().any(|line| line.starts_with(&format!("| `{name}` |")));
    let missing: Vec<&String> = named.iter().filter(|name| !listed(name)).collect();
    assert!(missing.is_empty(), "docs/DEPENDENCIES.md has no line \"| `NAME` | …\" for {missing:?}");
    let lines =
        text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name.to_owned()));
    let gone: Vec<String> = lines.filter(|name| !named.contains(name)).collect();
    assert!(gone.is_empty(), "docs/DEPENDENCIES.md lists {gone:?}, which nothing depends on");
}

#[test]
fn dependencies_of_several_crates_have_one_version() {
    let mut seen: Vec<(String, String)> = Vec::new();
    for (of, _) in ARROWS {
        let manifest = manifest(of);
        let table = manifest.get("dependencies").and_then(toml::Value::as_table);
        for (name, value) in table.into_iter().flatten() {
            let version = value.as_str().or_else(|| value.get("version")?.as_str());
            let Some(version) = version else { continue };
            match seen.iter().find(|(other, _)| other == name) {
                Some((_, before)) => assert_eq!(before, version, "{name} has two versions"),
                None => seen.push((name.clone(), version.to_owned())),
            }
        }
    }
}

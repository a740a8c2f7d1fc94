//! The files of a draft that is bundled: which names they may have.

use store::catalog::Files;

use super::refusal::refused;
use crate::Result;

pub(super) const PACKAGE: &str = "package.json";
const ENTRIES: [&str; 2] = ["integration.js", "integration.ts"];
const CODE: [&str; 7] = ["js", "cjs", "mjs", "ts", "cts", "mts", "json"];
const MAX_NAME_BYTES: usize = 200;

/// The file that exports the handler.
pub(super) fn entry(files: &Files) -> Result<&str> {
    let mut there = ENTRIES.into_iter().filter(|name| files.contains_key(*name));
    match (there.next(), there.next()) {
        (Some(entry), None) => Ok(entry),
        (None, _) => Err(refused("no_entry", "There is no code; add integration.js or integration.ts")),
        (Some(_), Some(_)) => Err(refused("no_entry", "Both integration.js and integration.ts are there; keep one")),
    }
}

/// Whether there are more files than the compiler in the runner takes: then a bundler puts them together.
pub(super) fn are_several(files: &Files) -> bool {
    files.keys().any(|name| name != PACKAGE && !ENTRIES.contains(&name.as_str()))
}

/// Refuses names that cannot be part of a draft.
pub(super) fn check_names(files: &Files) -> Result<()> {
    files.keys().try_for_each(|name| check_name(name))
}

fn check_name(name: &str) -> Result<()> {
    let shown: String = name.chars().take(100).collect();
    let no = |why: &str| Err(refused("invalid_file_name", format!("'{shown}' cannot be part of a draft: {why}")));
    let last = name.rsplit('/').next().unwrap_or_default();
    if last == ".npmrc" {
        return no("registries and their tokens are set by the operator, in [packages] of the configuration");
    }
    if matches!(last, "package-lock.json" | "npm-shrinkwrap.json") {
        return no("Tidegate locks the versions itself when the draft is saved; leave it out");
    }
    let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@+".contains(&byte));
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part != "node_modules" && letters(part);
    if name.len() > MAX_NAME_BYTES || !name.split('/').all(part) {
        return no("a name is a path of letters, digits, -, _ and dots, below the draft's folder");
    }
    match last.rsplit_once('.') {
        Some((_, ending)) if CODE.contains(&ending) => Ok(()),
        _ => no("only .js, .cjs, .mjs, .ts, .cts, .mts and .json files are code"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_path_to_code_below_the_folder() {
        for name in ["integration.js", "lib/send.ts", "data/countries.json", "a/b/c.mjs", "x.test.js"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for (name, part) in [
            (".npmrc", "operator"),
            ("sub/.npmrc", "operator"),
            ("package-lock.json", "locks the versions itself"),
            ("../x.js", "below the draft's folder"),
            ("/x.js", "below the draft's folder"),
            ("a//x.js", "below the draft's folder"),
            ("a/./x.js", "below the draft's folder"),
            ("node_modules/a/index.js", "below the draft's folder"),
            (".env.js", "below the draft's folder"),
            ("a\\x.js", "below the draft's folder"),
            ("a\0.js", "below the draft's folder"),
            ("x.node", "are code"),
            ("x", "are code"),
            ("", "below the draft's folder"),
        ] {
            let said = check_name(name).expect_err(name).to_string();
            assert!(said.contains(part), "{name:?}: {said}");
        }
    }
}

//! esbuild's errors in our words, at a place in the author's files.

use std::fs;
use std::path::Path;

use scripts::place;
use scripts::protocol::Place;

use super::meta::{is_inside, outside_of};
use crate::Error;
use crate::packages::lock::package_of;
use crate::packages::refusal::{refused, refused_at};

/// A file whose lines are shown is at most this long.
const MAX_SHOWN_BYTES: u64 = 5 << 20;

/// The first error of what esbuild said.
struct Said<'a> {
    text: &'a str,
    file: Option<&'a str>,
    /// From 1, and from 0 in bytes, as esbuild counts.
    line: u32,
    column: usize,
}

/// The refusal that an unsuccessful run of esbuild amounts to.
pub(super) fn error(said: &str, folder: &Path) -> Error {
    let Some(said) = read(said) else {
        let message = match said.contains("out of memory") {
            true => "putting the packages together takes more than 3 GiB of memory: they are too many, or too large",
            false => "the packages could not be put together",
        };
        return refused("bundle_failed", message);
    };
    if said.file.is_some_and(|file| !is_inside(file)) {
        return outside_of("the draft");
    }
    let at = said.file.and_then(|file| place_in(folder, file, said.line, said.column));
    let by = said.file.unwrap_or("the draft");
    if let Some(module) = quoted(said.text, "Could not resolve ") {
        return refused_at("module_not_found", not_found(module, by), at);
    }
    if let Some(rest) = said.text.strip_prefix("No loader is configured for ") {
        let file = rest.rsplit(": ").next().unwrap_or_default();
        return no_loader(file, by, at);
    }
    if said.text.contains("Top-level await") {
        let message = "Top-level await is not available here: await inside of the handler";
        return refused_at("syntax_error", message, at);
    }
    let text = if is_inside(by) && !said.text.contains('/') { said.text } else { "the code cannot be bundled" };
    refused_at("syntax_error", format!("{text} ({by})"), at)
}

fn not_found(module: &str, by: &str) -> String {
    let name: String = module.chars().take(200).collect();
    let hint = match (module.starts_with(['.', '/']), package_of(by)) {
        (true, None) => "there is no such file in the draft".to_owned(),
        (true, Some((package, _))) => format!("the package {package} has no such file"),
        (false, None) => "add it to the dependencies in package.json".to_owned(),
        (false, Some((package, _))) => {
            format!("the package {package} does not list it as a dependency; add it to those in package.json")
        }
    };
    format!("Cannot find module '{name}', required by {by}: {hint}")
}

fn no_loader(file: &str, by: &str, at: Option<Place>) -> Error {
    match package_of(file) {
        Some((package, _)) if file.ends_with(".node") => native(package),
        _ => {
            let name = file.rsplit('/').next().unwrap_or_default();
            let message =
                format!("{by} requires {name}, which is no code: only JavaScript, TypeScript, JSON and text are");
            refused_at("module_not_found", message, at)
        }
    }
}

/// The refusal of machine code.
pub(in crate::packages) fn native(package: &str) -> Error {
    let message = format!(
        "the package {package} is a native module: part of it is machine code, which cannot run in the sandbox; use one \
         that is written in JavaScript"
    );
    refused("native_module", message)
}

fn read(said: &str) -> Option<Said<'_>> {
    let (_, rest) = said.split_once("[ERROR] ")?;
    let mut lines = rest.lines();
    let text = lines.next()?.trim();
    let place = lines.next().and_then(|_| lines.next()).and_then(|line| {
        let mut parts = line.strip_prefix("    ")?.strip_suffix(':')?.rsplitn(3, ':');
        let (column, line) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some((parts.next()?, line, column))
    });
    let (file, line, column) = place.map_or((None, 0, 0), |(file, line, column)| (Some(file), line, column));
    Some(Said { text, file, line, column })
}

/// What stands in quotes after `words`.
fn quoted<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    text.strip_prefix(words)?.strip_prefix('"')?.strip_suffix('"')
}

fn place_in(folder: &Path, file: &str, line: u32, column: usize) -> Option<Place> {
    let path = folder.join(file);
    if fs::metadata(&path).ok()?.len() > MAX_SHOWN_BYTES {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    let written = text.lines().nth(line.checked_sub(1)? as usize)?;
    let before = written.get(..column.min(written.len())).unwrap_or_default();
    Some(place::at(file, &text, line, u32::try_from(before.chars().count() + 1).unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, code: &str, parts: &[&str]) -> Option<Place> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("integration.js"), "const é = 1, x = require('nope')\n").unwrap();
        let Error::Script(error) = error(said, folder.path()) else { panic!("{said}") };
        assert_eq!(error.code, code, "{}", error.message);
        for part in parts {
            assert!(error.message.contains(part), "{} lacks {part}", error.message);
        }
        error.at
    }

    #[test]
    fn an_error_is_told_in_our_words_and_at_its_place() {
        let said = "✘ [ERROR] Could not resolve \"nope\"\n\n    integration.js:1:26:\n      1 │ const\n        ╵   ~~\n\n  You can mark\n\n1 error\n";
        let at = check(said, "module_not_found", &["'nope'", "integration.js", "package.json"]).unwrap();
        assert_eq!((at.line, at.column), (1, 26));
        let said = "✘ [ERROR] Could not resolve \"./x\"\n\n    node_modules/a/i.js:3:1:\n";
        check(said, "module_not_found", &["node_modules/a/i.js", "the package a has no such file"]);
        let said = "✘ [ERROR] No loader is configured for \".node\" files: node_modules/@s/n/b.node\n\n    node_modules/@s/n/i.js:3:1:\n";
        check(said, "native_module", &["@s/n"]);
        let said = "✘ [ERROR] No loader is configured for \".html\" files: node_modules/n/b.html\n\n    node_modules/n/i.js:3:1:\n";
        check(said, "module_not_found", &["b.html"]);
        check("✘ [ERROR] Expected \";\" but found \"x\"\n\n    integration.js:1:2:\n", "syntax_error", &["Expected"]);
        check(
            "✘ [ERROR] Top-level await is currently not supported with the \"cjs\" output format\n\n    integration.js:1:2:\n",
            "syntax_error",
            &["inside of the handler"],
        );
    }

    #[test]
    fn nothing_is_told_of_files_that_are_not_the_authors() {
        let secret = "root:x:0";
        let said = format!("✘ [ERROR] Expected \"{{\" in JSON but found \"{secret}\"\n\n    ../../etc/x.json:1:0:\n");
        assert!(check(&said, "module_not_found", &["outside"]).is_none());
        check("", "bundle_failed", &[]);
        check("fatal error: out of memory\n", "bundle_failed", &["3 GiB"]);
    }
}

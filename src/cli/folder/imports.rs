//! The other files of an integration: those that its code names by a relative path, such as `require('./lib/send')`.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Failure, read};

/// The most files of one integration, as the engine has it.
const MAX_FILES: usize = 20;
/// The longest path that is looked at.
const MAX_PATH_BYTES: usize = 200;
/// What may be left out at the end of a path.
const ENDINGS: [&str; 10] = ["", ".js", ".ts", ".json", ".cjs", ".mjs", ".cts", ".mts", "/index.js", "/index.ts"];
const CODE: [&str; 7] = ["js", "cjs", "mjs", "ts", "cts", "mts", "json"];

/// Reads the files that `entry` names, and those that these name in turn, into `texts`.
pub(super) fn follow(folder: &Path, entry: &str, texts: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    let mut open = vec![entry.to_owned()];
    while let Some(name) = open.pop() {
        let text = texts.get(&name).cloned().unwrap_or_default();
        for path in relative_paths(&text) {
            let Some(base) = below(&name, path) else { continue };
            let Some((found, text)) = find(folder, &base)? else { continue };
            if texts.contains_key(&found) {
                continue;
            }
            if texts.len() >= MAX_FILES {
                return Err(Failure::usage(format!("{entry} needs more than {MAX_FILES} files"))
                    .help("an integration is small; put what it shares with others into a package"));
            }
            texts.insert(found.clone(), text);
            open.push(found);
        }
    }
    Ok(())
}

fn find(folder: &Path, base: &str) -> Result<Option<(String, String)>, Failure> {
    // TypeScript names the file that will be there.
    let written = base.strip_suffix(".js").map(|base| format!("{base}.ts"));
    let names = ENDINGS.iter().map(|ending| format!("{base}{ending}")).chain(written);
    let is_code = |name: &String| name.rsplit_once('.').is_some_and(|(_, ending)| CODE.contains(&ending));
    for name in names.filter(is_code) {
        let path = folder.join(&name);
        if path.is_file()
            && let Some(text) = read(&path)?
        {
            return Ok(Some((name, text)));
        }
    }
    Ok(None)
}

/// Every string of the code that is a relative path. One in a comment does no harm: at worst a file too many is sent.
fn relative_paths(text: &str) -> impl Iterator<Item = &str> {
    let quotes = text.char_indices().filter(|(_, c)| matches!(c, '"' | '\'' | '`'));
    quotes.filter_map(|(at, quote)| {
        let rest = &text[at + 1..];
        let path = &rest[..rest.find(quote)?];
        let relative = path.starts_with("./") || path.starts_with("../");
        (relative && path.len() <= MAX_PATH_BYTES && !path.contains(['\n', '\\'])).then_some(path)
    })
}

/// The path seen from the integration's folder; `None` when it leads out of it.
fn below(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let (entry, text) = files[0];
        let mut texts = BTreeMap::from([(entry.to_owned(), text.to_owned())]);
        follow(folder.path(), entry, &mut texts).unwrap();
        texts.into_keys().collect()
    }

    #[test]
    fn what_the_code_names_comes_along() {
        let found = names(&[
            ("integration.js", "const a = require('./lib/a'); import b from \"./b.json\"; import('./c')"),
            ("lib/a.js", "require('../d'); require('./e'); require('../../outside')"),
            ("b.json", "{}"),
            ("c/index.ts", "import x from './f.js'"),
            ("c/f.ts", ""),
            ("d.cjs", "require('./integration')"),
            ("lib/unused.js", ""),
            ("e.js", ""),
        ]);
        assert_eq!(found, ["b.json", "c/f.ts", "c/index.ts", "d.cjs", "integration.js", "lib/a.js"]);
    }

    #[test]
    fn other_strings_are_no_files() {
        let code = "'./' + x; `./${x}.js`; './a\\b'; 'http://x/./y'; \"unclosed ./x";
        assert_eq!(names(&[("integration.js", code), ("x.js", "")]), ["integration.js"]);
    }

    #[test]
    fn too_many_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut code = String::new();
        for n in 0..MAX_FILES {
            fs::write(folder.path().join(format!("f{n}.js")), "").unwrap();
            code += &format!("require('./f{n}');");
        }
        let mut texts = BTreeMap::from([("integration.js".to_owned(), code)]);
        let failure = follow(folder.path(), "integration.js", &mut texts).unwrap_err();
        assert!(failure.message.contains("more than 20 files"), "{}", failure.message);
    }
}

//! A folder that holds an integration: read from disk, checked, and put into the form the API takes.

mod imports;
mod keys;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::failure::Failure;

/// The file that makes a folder an integration.
pub const MANIFEST: &str = "integration.toml";
const CODE: [&str; 2] = ["integration.js", "integration.ts"];
const PACKAGE: &str = "package.json";
/// The file with a payload to try it with.
pub const SAMPLE: &str = "sample.json";
/// The most a file may hold: the engine's own bound on bundled code.
const MAX_FILE_BYTES: u64 = 5 << 20;
/// The most folders one command reads.
pub const MAX_FOLDERS: usize = 1_000;

/// An integration as its folder has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Folder {
    /// Its name: `name` in the manifest, else the folder's.
    pub name: String,
    /// The body of `PUT /v1/integrations/{name}`.
    pub body: Value,
}

/// Reads the folder at `path`.
pub fn load(path: &Path) -> Result<Folder, Failure> {
    let mut texts = BTreeMap::new();
    for name in [MANIFEST, PACKAGE, SAMPLE].into_iter().chain(CODE) {
        if let Some(text) = read(&path.join(name))? {
            texts.insert(name.to_owned(), text);
        }
    }
    for entry in CODE.into_iter().filter(|name| texts.contains_key(*name)).collect::<Vec<_>>() {
        imports::follow(path, entry, &mut texts)
            .map_err(|failure| Failure { message: format!("{}: {}", path.display(), failure.message), ..failure })?;
    }
    let full = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let fallback = full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    assemble(&fallback, &texts)
        .map_err(|failure| Failure { message: format!("{}: {}", path.display(), failure.message), ..failure })
}

/// The integration that these files (name to text) make.
pub fn assemble(folder_name: &str, texts: &BTreeMap<String, String>) -> Result<Folder, Failure> {
    let manifest = texts.get(MANIFEST).ok_or_else(|| {
        Failure::usage(format!("there is no {MANIFEST}"))
            .help("`tidegate new NAME` makes a folder with everything in it")
    })?;
    let table: toml::Table = toml::from_str(manifest)
        .map_err(|error| Failure::usage(format!("{MANIFEST}: {}", error.to_string().trim_end())))?;
    let mut manifest = keys::translate(&table).map_err(|message| Failure::usage(format!("{MANIFEST}: {message}")))?;
    let name = match manifest.remove("name") {
        Some(Value::String(name)) => name,
        Some(_) => return Err(Failure::usage(format!("{MANIFEST}: `name` must be a string"))),
        None => folder_name.to_owned(),
    };
    check_name(&name)?;
    let trigger = manifest.remove("trigger").unwrap_or_else(|| json!("experience"));
    let body = json!({
        "description": manifest.remove("description").unwrap_or_else(|| json!("")),
        "trigger": trigger,
        "files": files(texts)?,
        "settings": manifest.remove("settings").unwrap_or_else(|| json!({})),
        "sample": sample(texts)?,
    });
    Ok(Folder { name, body })
}

/// Names are `[a-z][a-z0-9-]{0,62}`.
pub fn check_name(name: &str) -> Result<(), Failure> {
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 63
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if fits {
        return Ok(());
    }
    Err(Failure::usage(format!("`{name}` cannot be an integration's name"))
        .help("a name is a small letter, then up to 62 small letters, digits or dashes, such as order-alert"))
}

/// The folders of integrations at `path`: itself, or the ones directly below it, sorted.
pub fn find(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if path.join(MANIFEST).is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let unreadable = |error| Failure::usage(format!("{} cannot be read: {error}", path.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let folder = entry.map_err(unreadable)?.path();
        if folder.join(MANIFEST).is_file() {
            found.push(folder);
        }
    }
    if found.len() > MAX_FOLDERS {
        return Err(Failure::usage(format!("{} holds more than {MAX_FOLDERS} integrations", path.display())));
    }
    found.sort();
    Ok(found)
}

/// The files of tests directly in the folder at `path`, `*.test.js` and `*.test.ts`, sorted.
pub fn tests(path: &Path) -> Result<Vec<String>, Failure> {
    let unreadable = |error| Failure::usage(format!("{} cannot be read: {error}", path.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".test.js") || name.ends_with(".test.ts") {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}

/// The integration's `files`, with this file of tests and those that it names.
pub fn with_test(
    path: &Path,
    test: &str,
    files: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Failure> {
    let gone = || Failure::usage(format!("{} is gone", path.join(test).display()));
    let mut files = files.clone();
    files.insert(test.to_owned(), read(&path.join(test))?.ok_or_else(gone)?);
    imports::follow(path, test, &mut files)?;
    Ok(files)
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    let at = path.display();
    match fs::metadata(path) {
        Err(_) => return Ok(None),
        Ok(facts) if facts.len() > MAX_FILE_BYTES => {
            return Err(Failure::usage(format!("{at} is larger than 5 MiB")));
        }
        Ok(_) => {}
    }
    fs::read_to_string(path).map(Some).map_err(|error| Failure::usage(format!("{at} cannot be read: {error}")))
}

fn files(texts: &BTreeMap<String, String>) -> Result<Value, Failure> {
    let code: Vec<&str> = CODE.into_iter().filter(|name| texts.contains_key(*name)).collect();
    match code.len() {
        0 => return Err(Failure::usage("there is neither integration.js nor integration.ts")),
        1 => {}
        _ => return Err(Failure::usage("there is integration.js and integration.ts: keep one")),
    }
    let files = texts.iter().filter(|(name, _)| ![MANIFEST, SAMPLE].contains(&name.as_str()));
    Ok(Value::Object(files.map(|(name, text)| (name.clone(), json!(text))).collect::<Map<_, _>>()))
}

fn sample(texts: &BTreeMap<String, String>) -> Result<Value, Failure> {
    let Some(text) = texts.get(SAMPLE) else {
        return Ok(Value::Null);
    };
    serde_json::from_str(text).map_err(|error| Failure::usage(format!("{SAMPLE} is not JSON: {error}")))
}

#[cfg(test)]
mod tests;

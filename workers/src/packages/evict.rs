//! Keeps the folder of packages, descriptions and bundles within its bound: what was not used for longest goes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use schedules::Millis;

use super::kept::modified;

/// What was used this recently stays: somebody may be about to use it again.
const IN_USE_MS: i64 = 3_600_000;

/// Something that can go.
struct Entry {
    path: PathBuf,
    bytes: u64,
    used: Millis,
}

/// Removes what is over `bound`. `packages` holds a folder per package, `files` are folders of single files.
pub(super) fn evict(packages: &Path, files: &[&Path], bound: u64, now: Millis) -> io::Result<()> {
    let mut entries = Vec::new();
    for path in children(packages)? {
        let facts = path.join("facts");
        let text = fs::read_to_string(&facts).unwrap_or_default();
        let bytes = text.split(' ').next().and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
        // What has no facts is being made, or was left half-made by a crash.
        // One that is gone by now was moved or removed by somebody else.
        let Ok(used) = modified(&facts).or_else(|_| modified(&path)) else { continue };
        entries.push(Entry { path, bytes, used });
    }
    for path in files.iter().map(|folder| children(folder)).collect::<io::Result<Vec<_>>>()?.into_iter().flatten() {
        let (Ok(facts), Ok(used)) = (fs::metadata(&path), modified(&path)) else { continue };
        entries.push(Entry { path, bytes: facts.len(), used });
    }
    let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
    entries.sort_by_key(|entry| entry.used);
    for entry in entries.iter().take_while(|entry| now.since(entry.used) > IN_USE_MS) {
        let half_made = entry.bytes == 0;
        if total <= bound && !half_made {
            continue;
        }
        if entry.path.is_dir() {
            fs::remove_dir_all(&entry.path)?
        } else {
            fs::remove_file(&entry.path)?
        }
        total -= entry.bytes;
    }
    Ok(())
}

fn children(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::kept::touch;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let (packages, bundles) = (folder.path().join("packages"), folder.path().join("bundles"));
        let now = Millis(1_800_000_000_000);
        let ago = |hours: i64| Millis(now.0 - hours * 3_600_000 - 1);
        for (name, hours) in [("old", 9), ("older", 10), ("new", 0)] {
            fs::create_dir_all(packages.join(name)).unwrap();
            fs::write(packages.join(name).join("facts"), "100 plain").unwrap();
            touch(&packages.join(name).join("facts"), if hours == 0 { now } else { ago(hours) }).unwrap();
        }
        fs::create_dir_all(&bundles).unwrap();
        fs::write(bundles.join("bundle"), [0; 100]).unwrap();
        touch(&bundles.join("bundle"), ago(2)).unwrap();
        let left = |bound: u64| {
            evict(&packages, &[&bundles], bound, now).unwrap();
            let all = children(&packages).unwrap().into_iter().chain(children(&bundles).unwrap());
            let mut names: Vec<String> =
                all.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(left(400), "bundle new old older");
        assert_eq!(left(300), "bundle new old");
        assert_eq!(left(100), "new");
        assert_eq!(left(0), "new");
    }
}
